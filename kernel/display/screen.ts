import { escapeHtml, stripControls } from './bundle.js';
import type { MimeBundle } from './bundle.js';

const COLUMNS = 80;

/** A text screen with a frame around it; null: an empty one. Lines are what a guest wrote, so they are made safe. */
export function screen(lines: readonly string[] | null): MimeBundle {
  const shown = lines ?? [];
  const rule = '─'.repeat(COLUMNS);
  const rows = shown.map((line) => `│${stripControls(line).padEnd(COLUMNS)}│`);
  const frame = 'border:1px solid color-mix(in srgb,currentColor 25%,transparent)';
  const font = 'font-family:ui-monospace,Menlo,Consolas,monospace;line-height:1.2';
  return {
    'text/html': `<pre class="ringside-screen" style="display:inline-block;min-width:${COLUMNS}ch;padding:.5em;${frame};${font}">${escapeHtml(shown.join('\n'))}</pre>`,
    'text/plain': [`┌${rule}┐`, ...rows, `└${rule}┘`].join('\n'),
  };
}
