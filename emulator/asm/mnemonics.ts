import iced = require('iced-x86');
import { formsOf, mnemonicsWithForms, type Form } from './forms.js';

/** Condition suffixes NASM knows and the one iced names the instruction by. */
const conditionAliases: Readonly<Record<string, string>> = {
  c: 'b',
  nae: 'b',
  nb: 'ae',
  nc: 'ae',
  z: 'e',
  nz: 'ne',
  na: 'be',
  nbe: 'a',
  pe: 'p',
  po: 'np',
  nge: 'l',
  nl: 'ge',
  ng: 'le',
  nle: 'g',
};

/**
 * Names whose instructions iced files under another name. Two targets mean the operand size chooses, as for
 * `iret`, which is iretw in 16-bit code and iretd in 32-bit code.
 */
const aliases: Readonly<Record<string, readonly string[]>> = {
  iret: ['iret', 'iretd'],
  iretw: ['iret'],
  pushf: ['pushf', 'pushfd'],
  pushfw: ['pushf'],
  popf: ['popf', 'popfd'],
  popfw: ['popf'],
  pusha: ['pusha', 'pushad'],
  pushaw: ['pusha'],
  popa: ['popa', 'popad'],
  popaw: ['popa'],
  sal: ['shl'],
  retn: ['ret'],
  xlat: ['xlatb'],
  fwait: ['wait'],
  icebp: ['int1'],
  int01: ['int1'],
  int03: ['int3'],
  ud2a: ['ud2'],
  loopz: ['loope'],
  loopnz: ['loopne'],
};

/** Names that fix the operand size of an instruction whose forms are filed under one name. */
const sizedAliases: Readonly<Record<string, readonly [string, 16 | 32]>> = {
  retw: ['ret', 16],
  retd: ['ret', 32],
  retnw: ['ret', 16],
  retnd: ['ret', 32],
  retfw: ['retf', 16],
  retfd: ['retf', 32],
};

function lowerNames(): Map<string, iced.Mnemonic> {
  const names = new Map<string, iced.Mnemonic>();
  for (const [name, value] of Object.entries(iced.Mnemonic)) {
    if (typeof value === 'number') names.set(name.toLowerCase(), value);
  }
  return names;
}

const icedNames = lowerNames();

/** The iced mnemonics a NASM mnemonic stands for, or an empty list. */
export function icedMnemonics(name: string): readonly iced.Mnemonic[] {
  return targets(name).flatMap((target) => icedNames.get(target) ?? []);
}

function targets(name: string): readonly string[] {
  if (Object.hasOwn(aliases, name)) return aliases[name];
  const conditional = /^(j|set|cmov)(\w+)$/.exec(name);
  if (conditional !== null && Object.hasOwn(conditionAliases, conditional[2])) {
    return [conditional[1] + conditionAliases[conditional[2]]];
  }
  return [name];
}

/** Names by which the instruction of a mnemonic may be known elsewhere: without an alias, a size or both. */
export function plainNames(name: string): readonly string[] {
  const target = Object.hasOwn(sizedAliases, name) ? [sizedAliases[name][0]] : targets(name);
  return [name, ...target, ...target.map((word) => word.replace(/[bwd]$/, ''))];
}

const formsByName = new Map<string, readonly Form[]>();

/** The forms a mnemonic of the source can stand for, in iced's order. */
export function formsOfName(name: string): readonly Form[] {
  let forms = formsByName.get(name);
  if (forms === undefined) {
    forms = readForms(name);
    // Only known names are kept: the text of a source must not grow a table without bound.
    if (forms.length > 0) formsByName.set(name, forms);
  }
  return forms;
}

function readForms(name: string): readonly Form[] {
  if (!Object.hasOwn(sizedAliases, name)) return icedMnemonics(name).flatMap((mnemonic) => formsOf(mnemonic));
  const [target, bits] = sizedAliases[name];
  return readForms(target).filter((form) => form.operandBits === bits);
}

/** Whether a lower-case word is a mnemonic. */
export function isMnemonic(word: string): boolean {
  return formsOfName(word).length > 0;
}

let names: readonly string[] | undefined;

/** All mnemonics, for suggestions. */
export function mnemonicNames(): readonly string[] {
  names ??= [
    ...[...mnemonicsWithForms()].map((mnemonic) => iced.Mnemonic[mnemonic].toLowerCase()),
    ...Object.keys(aliases),
    ...Object.keys(sizedAliases),
    ...['j', 'set', 'cmov'].flatMap((head) =>
      Object.keys(conditionAliases).map((condition) => head + condition),
    ),
  ];
  return names;
}
