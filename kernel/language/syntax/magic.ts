/**
 * A magic: a line `%name words`, or with `%%name` a whole cell, that stands for a line of TypeScript. The text of `call`
 * is that line, with one of these in it for what follows the name:
 *
 * - `{words}`: arguments of a call: numbers as they are, anything else as a string
 * - `{expression}`: the rest of the line as it is
 * - `{name}` and `{body}`: of a cell magic, the identifier behind its name and the text below it as a template literal
 */
export interface Magic {
  readonly name: string;
  readonly call: string;
  /** How it is written, for help: `%step [COUNT]`. */
  readonly usage: string;
  /** What it does, in a sentence. */
  readonly help: string;
}

export function isCellMagic({ usage }: Magic): boolean {
  return usage.startsWith('%%');
}
