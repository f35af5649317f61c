import { directiveNames } from './directives.js';
import { mnemonicNames, plainNames } from './mnemonics.js';
import { registers } from './registers.js';

/** A register that a source can name. */
export interface RegisterWord {
  readonly name: string;
  /** `r8`, `r16`, `r32`, `segment`, `control`, ... */
  readonly class: string;
  /** Its number in an encoding. */
  readonly number: number;
  readonly sizeBytes: number;
}

/** A mnemonic, and the names by which the instruction table may know it: without an alias, a size or both. */
export interface MnemonicWord {
  readonly name: string;
  readonly plain: readonly string[];
}

/** The words that a source can have, for whoever helps people write one. */
export function assemblerWords(): {
  readonly registers: readonly RegisterWord[];
  readonly mnemonics: readonly MnemonicWord[];
  readonly directives: readonly string[];
} {
  return {
    registers: Array.from(registers.values(), ({ name, class: kind, number, sizeBytes }) => {
      return { name, class: kind, number, sizeBytes };
    }),
    mnemonics: mnemonicNames().map((name) => ({ name, plain: plainNames(name) })),
    directives: directiveNames(),
  };
}
