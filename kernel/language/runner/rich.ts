/*
 * Values that show themselves as HTML, Markdown, SVG, LaTeX, JSON or an image.
 */

/** What the kernel calls to show a value. */
const DISPLAY = Symbol.for('Jupyter.display');

/** A value in one representation, and as plain text for who cannot show it. */
export class Rich {
  constructor(
    private readonly mime: string,
    private readonly content: unknown,
    private readonly plain: string,
  ) {}

  [DISPLAY](): Readonly<Record<string, unknown>> {
    return { [this.mime]: this.content, 'text/plain': this.plain };
  }

  /** The source text. */
  toString(): string {
    return typeof this.content === 'string' ? this.content : this.plain;
  }
}

/** Markup: it goes into other markup as it is. */
export class Markup extends Rich {}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * HTML: html`<b>${text}</b>`. What is put in is escaped, as it may come from a guest, unless it is markup itself;
 * lists are joined. For markup in a string: html([text]).
 */
export function html(text: TemplateStringsArray | readonly string[], ...values: readonly unknown[]): Markup {
  const source = join(text, values, escaped);
  return new Markup('text/html', source, source);
}

/** An SVG image: svg`<svg ...>...</svg>`. What is put in is escaped as in {@link html}. */
export function svg(text: TemplateStringsArray | readonly string[], ...values: readonly unknown[]): Markup {
  const source = join(text, values, escaped);
  return new Markup('image/svg+xml', source, source);
}

/** Markdown: markdown`# Title`. */
export function markdown(
  text: TemplateStringsArray | readonly string[],
  ...values: readonly unknown[]
): Rich {
  const source = join(text, values, String);
  return new Rich('text/markdown', source, source);
}

/** A formula: latex`e^{i\pi} = -1`, with or without dollar signs around it. Backslashes stand for themselves. */
export function latex(text: TemplateStringsArray | readonly string[], ...values: readonly unknown[]): Rich {
  const source = join('raw' in text ? text.raw : text, values, String);
  return new Rich('text/latex', source.includes('$') ? source : `$${source}$`, source);
}

/** A value as JSON, which front ends show as a tree. */
export function json(value: unknown): Rich {
  return new Rich('application/json', value, JSON.stringify(value, null, 2));
}

/** First bytes of a PNG file, in hexadecimal (PNG specification, "PNG signature"). */
const PNG_SIGNATURE = '89504e470d0a1a0a';

/**
 * A PNG image.
 * @param image the file's bytes, or the same in base64
 * @throws TypeError when that is no PNG
 */
export function png(image: Uint8Array | string): Rich {
  const bytes = typeof image === 'string' ? Buffer.from(image, 'base64') : Buffer.from(image);
  if (bytes.subarray(0, 8).toString('hex') !== PNG_SIGNATURE)
    throw new TypeError('png() takes the bytes of a PNG file, or those in base64; these do not begin as one');
  return new Rich('image/png', bytes.toString('base64'), `PNG image, ${bytes.length} bytes`);
}

function join(
  text: readonly string[],
  values: readonly unknown[],
  shown: (value: unknown) => string,
): string {
  return text.map((piece, index) => piece + (index < values.length ? shown(values[index]) : '')).join('');
}

function escaped(value: unknown): string {
  if (value instanceof Markup) return value.toString();
  if (Array.isArray(value)) return value.map(escaped).join('');
  return String(value).replace(/[&<>"']/g, (character) => ESCAPES[character]);
}
