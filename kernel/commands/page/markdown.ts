import MarkdownIt from 'markdown-it';

// HTML in Markdown is shown as text, and links to scripts are refused (markdown-it, "Security").
const renderer = new MarkdownIt({ html: false, linkify: true, typographer: false });

/** Markdown as HTML, safe for text of any origin. */
export function markdown(source: string): string {
  return renderer.render(source);
}
