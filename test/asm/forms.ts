import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../emulator/root.js';

const folder = join(packageRoot(), 'test', 'asm');

/** The table of instruction forms: code size | source | bytes. */
export const formsFile = join(folder, 'forms.txt');

/** Whole programs, each between a line `### name` and a line `=> bytes`. */
export const programsFile = join(folder, 'programs.txt');

/** Where each form of the table stands, as it would be written in a source. */
export const formOrigin = '0x100000';

/** A form as a source of its own. */
export const formProgram = (bits: number, source: string) => `bits ${bits}\norg ${formOrigin}\n${source}\n`;

export interface FormRow {
  readonly bits: 16 | 32;
  readonly source: string;
  /** Hexadecimal, or `error` where NASM refuses the form. */
  readonly bytes: string;
}

export function readForms(): FormRow[] {
  return readFileSync(formsFile, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [bits, source, bytes] = line.split(' | ');
      return { bits: bits === '16' ? 16 : 32, source, bytes };
    });
}

export interface Program {
  readonly name: string;
  readonly source: string;
  /** Hexadecimal, or `error` where NASM refuses the program. */
  readonly bytes: string;
}

export function readPrograms(): Program[] {
  const blocks = readFileSync(programsFile, 'utf8').matchAll(/^### (.*)\n([^]*?)^=> ?(.*)$/gm);
  return [...blocks].map(([, name, source, bytes]) => ({ name, source, bytes }));
}
