import { escapeHtml } from '../display/bundle.js';
import type { MimeBundle } from '../display/bundle.js';
import { displayOf } from '../language/runner/value.js';

/** A bundle as HTML: its own, its image, or its text as it is. */
export function htmlOf(bundle: MimeBundle): string {
  const html = bundle['text/html'];
  if (html !== undefined) return String(html);
  const svg = bundle['image/svg+xml'];
  if (svg !== undefined) return image('svg+xml', Buffer.from(String(svg)).toString('base64'));
  const type = ['png', 'jpeg'].find((type) => bundle[`image/${type}`] !== undefined);
  if (type !== undefined) return image(type, String(bundle[`image/${type}`]));
  return `<pre>${escapeHtml(bundle['text/plain'])}</pre>`;
}

function image(type: string, base64: string): string {
  return `<img style="max-width:100%;height:auto" src="data:image/${type};base64,${escapeHtml(base64)}" alt="">`;
}

/** What a value shows of itself, or its text. @throws as its own method does */
export function bundleOf(value: unknown): MimeBundle | Promise<MimeBundle> {
  const withText = ({ data }: Awaited<ReturnType<typeof displayOf>>): MimeBundle => ({
    ...data,
    'text/plain': String(data['text/plain'] ?? ''),
  });
  const shown = displayOf(value);
  return shown instanceof Promise ? shown.then(withText) : withText(shown);
}
