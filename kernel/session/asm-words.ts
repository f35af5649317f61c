import { assemblerWords, INSTRUCTION_TABLE } from '../../emulator/index.js';
import type { InstructionRow, RegisterWord } from '../../emulator/index.js';

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
  const { mnemonics, registers, directives } = assemblerWords();
  const forms = formsByMnemonic();
  // The assembler knows more instructions than the simulated processor has.
  const executed = mnemonics
    .map(({ name, plain }) => ({ name, rows: plain.flatMap((word) => forms.get(word) ?? []) }))
    .filter(({ rows }) => rows.length > 0);
  return [
    ...executed.map(({ name, rows }): AsmWord => {
      return { word: name, kind: 'mnemonic', help: instructionHelp(name, rows) };
    }),
    ...registers.map((register): AsmWord => {
      return { word: register.name, kind: 'register', help: registerHelp(register) };
    }),
    ...[...directives, ...DATA_DIRECTIVES].map((word): AsmWord => {
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

function registerHelp({ name, class: kind, number, sizeBytes }: RegisterWord): string {
  return `**${name}**: ${CLASSES[kind] ?? 'register'}, number ${number}, ${sizeBytes * 8} bits`;
}

const CLASSES: Readonly<Record<string, string>> = {
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
