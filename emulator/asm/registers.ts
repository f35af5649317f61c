import iced = require('iced-x86');

export type RegisterClass =
  'r8' | 'r16' | 'r32' | 'r64' | 'segment' | 'control' | 'debug' | 'test' | 'st' | 'mm' | 'xmm';

/** A register a source can name. */
export interface RegisterName {
  readonly name: string;
  readonly class: RegisterClass;
  /** Its number in an encoding. */
  readonly number: number;
  /** iced's number for it. */
  readonly iced: iced.Register;
  readonly sizeBytes: number;
}

const numbered = (prefix: string) => Array.from({ length: 8 }, (_, index) => `${prefix}${index}`);

const classes: readonly [RegisterClass, number, readonly string[]][] = [
  ['r8', 1, ['al', 'cl', 'dl', 'bl', 'ah', 'ch', 'dh', 'bh']],
  ['r16', 2, ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di']],
  ['r32', 4, ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi']],
  ['r64', 8, ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi']],
  ['segment', 2, ['es', 'cs', 'ss', 'ds', 'fs', 'gs']],
  // Of a 32-bit processor's, by its position: CR8 is the ninth.
  ['control', 4, [...numbered('cr'), 'cr8']],
  ['debug', 4, numbered('dr')],
  ['test', 4, numbered('tr')],
  ['st', 10, numbered('st')],
  ['mm', 8, numbered('mm')],
  ['xmm', 16, numbered('xmm')],
];

/** Registers by their lower-case name. */
export const registers: ReadonlyMap<string, RegisterName> = new Map(
  classes.flatMap(([kind, sizeBytes, names]) =>
    names.map((name, number): [string, RegisterName] => {
      const icedName = name.toUpperCase() as keyof typeof iced.Register;
      return [name, { name, class: kind, number, sizeBytes, iced: iced.Register[icedName] as iced.Register }];
    }),
  ),
);

/** The register of a class by its number. */
export function registerOf(kind: RegisterClass, number: number): RegisterName {
  for (const register of registers.values()) {
    if (register.class === kind && register.number === number) return register;
  }
  throw new Error(`no register ${number} of class ${kind}`);
}

/** The register a word names, in any case, or undefined. */
export function findRegister(word: string): RegisterName | undefined {
  return registers.get(word.toLowerCase());
}
