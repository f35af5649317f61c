const simpleEscapes: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  t: 9,
  n: 10,
  v: 11,
  f: 12,
  r: 13,
  e: 27,
};

/** Text as its UTF-8 bytes, one character a byte. */
function utf8(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

/**
 * The bytes of a quoted string, one character a byte. Only a backquoted string has escapes
 * (NASM manual 2.16, "Character Strings": C-style, with \e, \u and \U).
 */
export function decodeString(body: string, escapes: boolean): string {
  if (!escapes) return utf8(body);
  const pattern = /\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([^]))/g;
  let out = '';
  let last = 0;
  for (const match of body.matchAll(pattern)) {
    out += utf8(body.slice(last, match.index));
    last = match.index + match[0].length;
    const [, octal, hexadecimal, unicode4, unicode8, other] = match;
    if (octal !== undefined) out += String.fromCharCode(parseInt(octal, 8) & 0xff);
    else if (hexadecimal !== undefined) out += String.fromCharCode(parseInt(hexadecimal, 16));
    else if (other !== undefined)
      out += other in simpleEscapes ? String.fromCharCode(simpleEscapes[other]) : utf8(other);
    else out += utf8(codePoint(parseInt(unicode4 ?? unicode8, 16)));
  }
  return out + utf8(body.slice(last));
}

function codePoint(value: number): string {
  return value <= 0x10ffff ? String.fromCodePoint(value) : '\ufffd';
}

/** The bytes of a decoded string. */
export function stringBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** The value of a character constant: its first eight bytes, little-endian. */
export function characterConstant(text: string): bigint {
  let value = 0n;
  for (let index = Math.min(text.length, 8) - 1; index >= 0; index--) {
    value = (value << 8n) | BigInt(text.charCodeAt(index));
  }
  return value;
}
