/*
 * Since protocol 5.2 cursor positions count Unicode code points; JavaScript strings count UTF-16 units.
 */

/** UTF-16 offset of a code point position, clamped to the text. */
export function toUtf16(text: string, codePoints: number): number {
  let offset = 0;
  for (let left = codePoints; left > 0 && offset < text.length; left--) {
    offset += text.codePointAt(offset)! > 0xffff ? 2 : 1;
  }
  return offset;
}

/** Code point position of a UTF-16 offset. */
export function toCodePoints(text: string, offset: number): number {
  return [...text.slice(0, offset)].length;
}
