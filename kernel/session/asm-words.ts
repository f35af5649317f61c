import {
  directiveNames,
  INSTRUCTION_TABLE,
  mnemonicNames,
  plainNames,
  registers,
} from '../../emulator/index.js';
import type { InstructionRow, RegisterName } from '../../emulator/index.js';

/** A word of assembly language, and what help shows of it, in Markdown. */
export interface AsmWord {
  readonly word: string;
  readonly kind: 'mnemonic' | 'register' | 'directive';
  readonly help: string;
}

const DATA_DIRECTIVES = [
  'db',
  'dw',
  'dd',
  'dq',
  'resb',
  'resw',
  'resd',
  'resq',
  'equ',
  'times',
  '%include',
  '%define',
];

const SENSITIVITY = {
  innocuous: 'innocuous',
  traps: 'sensitive, traps when it is not privileged',
  silent: 'sensitive, does not trap: what makes x86 hard to virtualize',
} as const;

/** The assembler's words: what completion offers in assembly, and what inspection shows. */
export function asmWords(): readonly AsmWord[] {
  const forms = formsByMnemonic();
  const rowsOf = (name: string) => plainNames(name).flatMap((plain) => forms.get(plain) ?? []);
  // The assembler knows more instructions than the simulated processor has.
  const executed = mnemonicNames().filter((name) => rowsOf(name).length > 0);
  return [
    ...executed.map((word): AsmWord => ({
      word,
      kind: 'mnemonic',
      help: instructionHelp(word, rowsOf(word)),
    })),
    ...Array.from(registers.values(), (register): AsmWord => {
      return { word: register.name, kind: 'register', help: registerHelp(register) };
    }),
    ...[...directiveNames(), ...DATA_DIRECTIVES].map((word): AsmWord => {
      return { word, kind: 'directive', help: `**${word}**: directive of the assembler, as in NASM` };
    }),
  ];
}

function formsByMnemonic(): ReadonlyMap<string, readonly InstructionRow[]> {
  const forms = new Map<string, InstructionRow[]>();
  for (const row of INSTRUCTION_TABLE) forms.set(row.mnemonic, [...(forms.get(row.mnemonic) ?? []), row]);
  return forms;
}

/** Each form of an instruction: operands, opcode, what a deprivileged guest notices, intercept, price. */
function instructionHelp(mnemonic: string, rows: readonly InstructionRow[]): string {
  const lines = rows.map(({ operands, opcode, sensitivity, intercept, cost }) => {
    const cells = [
      `\`${`${mnemonic} ${operands}`.trim()}\``,
      `\`${opcode}\``,
      SENSITIVITY[sensitivity],
      intercept ?? '',
      cost,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    `**${mnemonic}**`,
    '',
    '| form | opcode | to a monitor | SVM intercept | cost key |',
    '|---|---|---|---|---|',
    ...lines,
  ].join('\n');
}

function registerHelp({ name, class: kind, number, sizeBytes }: RegisterName): string {
  return `**${name}**: ${CLASSES[kind]}, number ${number}, ${sizeBytes * 8} bits`;
}

const CLASSES: Readonly<Record<RegisterName['class'], string>> = {
  r8: 'general register',
  r16: 'general register',
  r32: 'general register',
  r64: 'general register of 64-bit mode',
  segment: 'segment register',
  control: 'control register',
  debug: 'debug register',
  test: 'test register',
  st: 'x87 register',
  mm: 'MMX register',
  xmm: 'SSE register',
};
