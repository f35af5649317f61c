import { createHash } from 'node:crypto';
import { escapeHtml } from '../../display/bundle.js';
import type { Cell, Notebook } from '../notebook/format.js';
import { DRAW } from './draw.js';
import { highlight } from './highlight.js';
import { markdown } from './markdown.js';
import { renderOutput } from './output.js';
import { STYLE } from './style.js';

/**
 * A notebook as one HTML file that needs nothing else. Only the two scripts of this package may run in it: a
 * content security policy names them by their hashes.
 * @param plotly gives the source of plotly.js; asked for when there is a figure.
 */
export function notebookPage(notebook: Notebook, fileName: string, plotly: () => string): string {
  let figures = 0;
  const body = notebook.cells
    .map((cell) => {
      const rendered = renderCell(cell);
      figures += rendered.figures;
      return rendered.html;
    })
    .join('\n');
  const scripts = figures > 0 ? [plotly(), DRAW] : [];
  const sources = scripts.map((script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`);
  const policy = [
    "default-src 'none'",
    'img-src data:',
    "style-src 'unsafe-inline'",
    `script-src ${sources.join(' ') || "'none'"}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(titleOf(notebook) ?? fileName)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${body}
<footer>Executed by Ringside from ${escapeHtml(fileName)}</footer>
</main>
${scripts.map((script) => `<script>${script}</script>`).join('\n')}
</body>
</html>
`;
}

function renderCell(cell: Cell): { html: string; figures: number } {
  if (cell.cell_type === 'markdown')
    return { html: `<section class="cell markdown">\n${markdown(cell.source)}</section>`, figures: 0 };
  if (cell.cell_type === 'raw')
    return { html: `<section class="cell"><pre>${escapeHtml(cell.source)}</pre></section>`, figures: 0 };
  const outputs = (cell.outputs ?? []).map(renderOutput);
  const parts = [
    '<section class="cell">',
    ...(cell.source.trim() === '' ? [] : [`<pre class="input"><code>${highlight(cell.source)}</code></pre>`]),
    ...outputs.map(
      ({ html, figure }) =>
        `<div class="output">${html}${figure === undefined ? '' : figureData(figure)}</div>`,
    ),
    '</section>',
  ];
  return { html: parts.join('\n'), figures: outputs.filter(({ figure }) => figure !== undefined).length };
}

/** JSON that cannot end the script element it stands in. */
function figureData(figure: unknown): string {
  const json = JSON.stringify(figure).replace(/</g, '\\u003c');
  return `<script type="application/vnd.plotly.v1+json">${json}</script>`;
}

/** The first heading. */
function titleOf(notebook: Notebook): string | undefined {
  for (const { cell_type: type, source } of notebook.cells) {
    const heading = type === 'markdown' ? /^#\s+(.+)$/m.exec(source)?.[1] : undefined;
    if (heading !== undefined) return heading.replace(/[`*_]/g, '').trim();
  }
  return undefined;
}
