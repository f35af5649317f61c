/**
 * Representations of one value by MIME type, richest first (Jupyter messaging protocol 5.5, "display_data").
 * `application/json`-like types hold an object, the others text.
 */
export type MimeBundle = Readonly<Record<string, unknown>> & { readonly 'text/plain': string };

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const ESCAPE = String.fromCharCode(0x1b);
const BELL = String.fromCharCode(0x07);
// ECMA-48 control sequences: CSI, OSC (ended by BEL or ST), and two-character escapes.
const CONTROL_SEQUENCE = new RegExp(
  `${ESCAPE}(?:\\[[0-?]*[ -/]*[@-~]|\\][^${BELL}${ESCAPE}]*(?:${BELL}|${ESCAPE}\\\\)?|[@-Z\\\\^_])`,
  'g',
);
const CONTROL_CHARACTER = /(?![\t\n\r])\p{Cc}/gu;

/** Text without terminal control: what a guest prints or a label holds may not steer a reader's terminal. */
export function stripControls(text: string): string {
  return text.replace(CONTROL_SEQUENCE, '').replace(CONTROL_CHARACTER, '');
}

/** Text made safe between tags, in a quoted attribute and in SVG. */
export function escapeHtml(text: string): string {
  return stripControls(text).replace(/[&<>"']/g, (character) => ESCAPES[character]);
}
