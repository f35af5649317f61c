import sanitize from 'sanitize-html';
import { escapeHtml } from '../../display/bundle.js';
import type { MimeOutput, Output } from '../notebook/format.js';
import { markdown } from './markdown.js';

/** What a reader sees of one output. A figure also hands its JSON to the page's script. */
export interface RenderedOutput {
  html: string;
  figure?: unknown;
}

const PLOTLY = 'application/vnd.plotly.v1+json';

/** The richest representation that can be shown without trusting the notebook: no scripts, no handlers, no network. */
export function renderOutput(output: Output): RenderedOutput {
  switch (output.output_type) {
    case 'stream':
      return {
        html: `<pre class="stream ${output.name === 'stderr' ? 'stderr' : 'stdout'}">${escapeHtml(output.text)}</pre>`,
      };
    case 'error': {
      const text =
        output.traceback.length > 0 ? output.traceback.join('\n') : `${output.ename}: ${output.evalue}`;
      return { html: `<pre class="error">${escapeHtml(text)}</pre>` };
    }
    default:
      return renderMime(output);
  }
}

function renderMime({ data }: MimeOutput): RenderedOutput {
  const still = renderStill(data);
  if (!(PLOTLY in data)) return { html: still };
  // The still image stands until the script has drawn the figure, and for good where there are no scripts.
  return { html: `<div class="figure">${still}</div>`, figure: data[PLOTLY] };
}

function renderStill(data: Record<string, unknown>): string {
  const html = text(data['text/html']);
  if (html !== undefined) return `<div class="html">${sanitizeHtml(html)}</div>`;
  const svg = text(data['image/svg+xml']);
  if (svg !== undefined) return image('svg+xml', Buffer.from(svg).toString('base64'));
  for (const type of ['png', 'jpeg', 'gif']) {
    const bytes = text(data[`image/${type}`]);
    if (bytes !== undefined) return image(type, bytes);
  }
  const source = text(data['text/markdown']);
  if (source !== undefined) return `<div class="markdown">${markdown(source)}</div>`;
  const plain = text(data['text/plain']);
  if (plain !== undefined) return `<pre>${escapeHtml(plain)}</pre>`;
  return `<p class="unknown">No way to show ${escapeHtml(Object.keys(data).join(', ') || 'an empty output')}.</p>`;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** An image from a data URI, where SVG runs no scripts. */
function image(type: string, base64: string): string {
  return `<img alt="" src="data:image/${type};base64,${escapeHtml(base64.replace(/\s/g, ''))}">`;
}

function sanitizeHtml(html: string): string {
  return sanitize(html, {
    allowedTags: [...sanitize.defaults.allowedTags, 'img', 'details', 'summary', 'del', 'ins'],
    allowedAttributes: {
      '*': ['style', 'class', 'title', 'align'],
      a: ['href'],
      img: ['src', 'alt', 'width', 'height'],
      td: ['colspan', 'rowspan'],
      th: ['colspan', 'rowspan', 'scope'],
      details: ['open'],
    },
    allowedSchemes: ['http', 'https', 'mailto'],
    allowedSchemesByTag: { img: ['data'] },
    allowProtocolRelative: false,
  });
}
