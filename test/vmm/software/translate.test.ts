import t from 'tap';
import { decode } from '../../../emulator/isa/decoder.js';
import type { CodeMode, TranslationSettings } from '../../../emulator/vmm/software/unit.js';
import { translateUnit } from '../../../emulator/vmm/software/translate.js';

const KERNEL: CodeMode = {
  bits: 32,
  real: false,
  cpl: 0,
  codeLimit: 0xffff_ffff,
  stack32: true,
  gsThroughDs: null,
  csThroughDs: null,
};
const SETTINGS: TranslationSettings = {
  unitLimit: 12,
  inCache: true,
  rdtsc: 'in-cache',
  hasTaskPriority: true,
};
const START = 0x1000;

/** Translates bytes at eip 0x1000, the page ending with them. */
function unit(hex: string, mode = KERNEL, settings: Partial<TranslationSettings> = {}) {
  const bytes = Uint8Array.from(hex.split(' '), (byte) => parseInt(byte, 16));
  const fetch = (eip: number) => {
    const operation = decode(bytes, eip - START, bytes.length - (eip - START), mode.bits);
    if (typeof operation === 'string') return null;
    return { operation, bytes: bytes.slice(eip - START, eip - START + operation.lengthBytes) };
  };
  return translateUnit(fetch, START, mode, { ...SETTINGS, ...settings });
}

const forms = (hex: string, mode?: CodeMode) => unit(hex, mode).instructions.map(({ form }) => form.kind);

/** Real mode, as a boot sector finds it. */
const REAL: CodeMode = { ...KERNEL, bits: 16, real: true, codeLimit: 0xffff, stack32: false };
/** Behind the switch to protected mode, before the first far jump. */
const PROTECTED16: CodeMode = { ...REAL, real: false };

t.test('16-bit code as 32-bit code', async (t) => {
  const rows: [name: string, hex: string, form: string, written: string | null, mode?: CodeMode][] = [
    ['mov al, bl', '88 d8', 'ident', null],
    ['mov ax, bx', '89 d8', 'rewritten', '66 89 d8'],
    ['mov eax, ebx', '66 89 d8', 'rewritten', '89 d8'],
    ['mov al, [bx + si]', '8a 00', 'rewritten', '67 8a 00'],
    ['mov ax, [0x1234]', 'a1 34 12', 'rewritten', '66 67 a1 34 12'],
    ['mov eax, [ebx]', '66 67 8b 03', 'rewritten', '8b 03'],
    ['mov ax, [ebx]', '67 8b 03', 'rewritten', '66 8b 03'],
    ['lea ax, [bx]', '8d 07', 'rewritten', '66 67 8d 07'],
    ['rep movsw', 'f3 a5', 'rewritten', '66 67 f3 a5'],
    ['push ax', '50', 'rewritten', '66 50'],
    ['enter 4, 0', 'c8 04 00 00', 'rewritten', '66 c8 04 00 00'],
    ['mov ax, [es:bx]', '26 8b 07', 'rewritten', '66 67 26 8b 07'],
    ['mov ax, [cs:bx]', '2e 8b 07', 'callout', null],
    [
      'mov ax, [cs:bx], where ds is the same',
      '2e 8b 07',
      'rewritten',
      '3e 66 67 8b 07',
      { ...REAL, csThroughDs: 0 },
    ],
    [
      'mov [cs:bx], ax, where ds is the same',
      '2e 89 07',
      'rewritten',
      '3e 66 67 89 07',
      { ...REAL, csThroughDs: 0 },
    ],
    ['mov [cs:bx], ax in protected mode', '2e 89 07', 'callout', null, { ...PROTECTED16, csThroughDs: 0 }],
    ['fld dword [bx]', 'd9 07', 'rewritten', '67 d9 07'],
    ['fnstenv [bx]', 'd9 37', 'callout', null],
    ['fnstenv [bx] in protected mode', 'd9 37', 'rewritten', '66 67 d9 37', PROTECTED16],
    [
      'twelve prefixes',
      '2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 8b 87 00 00',
      'callout',
      null,
      { ...REAL, csThroughDs: 0x10 },
    ],
    ['mov ax, ds', '8c d8', 'read-state', null],
    ['mov ax, ds in protected mode', '8c d8', 'rewritten', '66 8c d8', PROTECTED16],
    ['mov ax, cs in protected mode', '8c c8', 'read-state', null, PROTECTED16],
    ['push ds', '1e', 'push-state', null],
    ['push ds in protected mode', '1e', 'rewritten', '66 1e', PROTECTED16],
    ['pop ds', '1f', 'callout', null],
    ['mov eax, cr0', '0f 20 c0', 'read-state', null],
    ['smsw ax', '0f 01 e0', 'read-state', null],
    ['sldt ax', '0f 00 c0', 'callout', null],
    ['sldt ax in protected mode', '0f 00 c0', 'read-state', null, PROTECTED16],
    ['arpl ax, ax', '63 c0', 'callout', null],
    ['arpl ax, ax in protected mode', '63 c0', 'ident', null, PROTECTED16],
    ['lar ax, ax', '0f 02 c0', 'callout', null],
    ['cli', 'fa', 'cli', null],
    ['pushf', '9c', 'callout', null],
    ['popf', '9d', 'callout', null],
    ['jmp short', 'eb 10', 'jump', null],
    ['jmp near', 'e9 00 01', 'jump', null],
    ['jmp dword', '66 e9 00 01 00 00', 'jump', null],
    ['jmp dword beyond 64 KB', '66 e9 00 01 01 00', 'callout', null],
    ['jz near', '0f 84 00 01', 'branch', null],
    ['call', 'e8 00 00', 'call', null],
    ['call dword', '66 e8 00 00 00 00', 'call', null],
    ['call beyond a small segment', 'e8 00 90', 'callout', null, { ...REAL, codeLimit: 0x7fff }],
    ['jmp bx', 'ff e3', 'indirect-jump', null],
    ['jmp ebx, which may be beyond 64 KB', '66 ff e3', 'callout', null],
    [
      'jmp ebx in a flat segment',
      '66 ff e3',
      'indirect-jump',
      null,
      { ...PROTECTED16, codeLimit: 0xffff_ffff },
    ],
    ['call [bx]', 'ff 17', 'indirect-call', null],
    ['jmp [cs:bx], where ds is the same', '2e ff 27', 'indirect-jump', null, { ...REAL, csThroughDs: 0 }],
    ['ret', 'c3', 'return', null],
    ['ret 2', 'c2 02 00', 'return', null],
    ['ret in a small segment', 'c3', 'callout', null, { ...REAL, codeLimit: 0x7fff }],
    ['retd', '66 c3', 'callout', null],
    ['retf', 'cb', 'callout', null],
    ['int 0x10', 'cd 10', 'callout', null],
  ];
  for (const [name, hex, kind, written, mode = REAL] of rows) {
    const [{ form }] = unit(hex, mode).instructions;
    t.equal(form.kind, kind, name);
    if (form.kind !== 'rewritten') continue;
    const bytes = form.bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    t.equal(bytes, written, `${name}: what is written`);
  }
});

t.test('jumps of 16-bit code stay within 64 KB', async (t) => {
  const targets = ['eb fe', 'e9 fd cf', '0f 84 fc df', 'e2 80', '67 e3 fd'].map((hex) => {
    const [{ form }] = unit(hex, REAL).instructions;
    return form.kind === 'jump' || form.kind === 'branch' || form.kind === 'loop' ? form.target : null;
  });
  t.same(targets, [START, 0xe000, 0xf000, 0xf82, 0x1000]);
  const loops = ['e2 80', '67 e2 80', '66 e2 80'].map((hex) => {
    const [{ form }] = unit(hex, REAL).instructions;
    return form.kind === 'loop' ? form.head : null;
  });
  t.same(loops, [[0x67, 0xe2], [0xe2], [0x67, 0xe2]]);
});

t.test('how each instruction is carried over', (t) => {
  const rows: [name: string, hex: string, form: string, mode?: Partial<CodeMode>][] = [
    ['mov eax, ecx', '89 c8', 'ident'],
    ['lock add [ecx], eax', 'f0 01 01', 'ident'],
    ['rep movsd', 'f3 a5', 'ident'],
    ['mov eax, [ss:ecx]', '36 8b 01', 'ident'],
    ['mov eax, [gs:ecx]', '65 8b 01', 'callout'],
    ['mov eax, [cs:ecx]', '2e 8b 01', 'callout'],
    ['gs movsb', '65 a4', 'callout'],
    ['mov eax, [gs:ecx], flat', '65 8b 01', 'rewritten', { gsThroughDs: 0 }],
    ['gs movsb, flat', '65 a4', 'rewritten', { gsThroughDs: 0 }],
    ['gs movsb, with a base', '65 a4', 'callout', { gsThroughDs: 0x1000 }],
    ['mov eax, [gs:bx], with a base', '65 67 8b 07', 'callout', { gsThroughDs: 0x1000 }],
    ['lea eax, [gs:ecx], with a base', '65 8d 01', 'callout', { gsThroughDs: 0x1000 }],
    ['mov eax, [cs:ecx], flat', '2e 8b 01', 'rewritten', { csThroughDs: 0 }],
    ['mov [cs:ecx], eax', '2e 89 01', 'callout', { csThroughDs: 0 }],
    ['jmp [cs:eax * 4 + table]', '2e ff 24 85 00 10 00 00', 'indirect-jump', { csThroughDs: 0 }],
    ['mov eax, ds', '8c d8', 'ident'],
    ['mov eax, ss', '8c d0', 'read-state'],
    ['mov eax, cs', '8c c8', 'read-state'],
    ['mov ax, cs', '66 8c c8', 'callout'],
    ['mov [eax], cs', '8c 08', 'callout'],
    ['mov eax, cs in ring 1', '8c c8', 'callout', { cpl: 1 }],
    ['mov eax, gs', '8c e8', 'read-state'],
    ['push ds', '1e', 'ident'],
    ['push fs', '0f a0', 'ident'],
    ['push cs', '0e', 'push-state'],
    ['push gs', '0f a8', 'push-state'],
    ['push gs, 16-bit', '66 0f a8', 'callout'],
    ['mov ds, eax', '8e d8', 'callout'],
    ['pop es', '07', 'callout'],
    ['lds eax, [ecx]', 'c5 01', 'callout'],
    ['jmp short', 'eb 10', 'jump'],
    ['jmp near', 'e9 00 01 00 00', 'jump'],
    ['jmp near, 16-bit', '66 e9 00 01', 'callout'],
    ['jz short', '74 10', 'branch'],
    ['jz short with a hint', '2e 74 10', 'branch'],
    ['jz near', '0f 84 00 01 00 00', 'branch'],
    ['jz with a lock prefix, which is undefined', 'f0 74 10', 'callout'],
    ['loop', 'e2 fe', 'loop'],
    ['jcxz', '67 e3 10', 'loop'],
    ['call', 'e8 00 00 00 00', 'call'],
    ['call beyond the code segment', 'e8 00 00 10 00', 'callout', { codeLimit: 0xf_ffff }],
    ['jmp eax', 'ff e0', 'indirect-jump'],
    ['jmp eax in a segment with a limit', 'ff e0', 'callout', { codeLimit: 0xf_ffff }],
    ['jmp [gs:0]', '65 ff 25 00 00 00 00', 'callout'],
    ['call [eax]', 'ff 10', 'indirect-call'],
    ['call far [eax]', 'ff 18', 'callout'],
    ['ret', 'c3', 'return'],
    ['ret 8', 'c2 08 00', 'return'],
    ['ret 8 on a 16-bit stack', 'c2 08 00', 'callout', { stack32: false }],
    ['retf', 'cb', 'callout'],
    ['iret', 'cf', 'callout'],
    ['int 0x80', 'cd 80', 'callout'],
    ['cli', 'fa', 'cli'],
    ['cli in ring 1', 'fa', 'callout', { cpl: 1 }],
    ['pushf', '9c', 'pushf'],
    ['pushf, 16-bit', '66 9c', 'callout'],
    ['pushf on a 16-bit stack', '9c', 'callout', { stack32: false }],
    ['pushf in ring 1', '9c', 'callout', { cpl: 1 }],
    ['popf', '9d', 'popf'],
    ['popf in ring 1', '9d', 'callout', { cpl: 1 }],
    ['in al, 0x80', 'e4 80', 'callout'],
    ['hlt', 'f4', 'callout'],
    ['mov cr3, eax', '0f 22 d8', 'callout'],
    ['mov eax, cr0', '0f 20 c0', 'read-state'],
    ['mov eax, cr0 in ring 1', '0f 20 c0', 'callout', { cpl: 1 }],
    ['mov eax, dr6', '0f 21 f0', 'callout'],
    ['invlpg [eax]', '0f 01 38', 'callout'],
    ['sgdt [eax]', '0f 01 00', 'callout'],
    ['smsw eax', '0f 01 e0', 'read-state'],
    ['smsw [eax]', '0f 01 20', 'callout'],
    ['str eax', '0f 00 c8', 'read-state'],
    ['lar eax, ecx', '0f 02 c1', 'callout'],
    ['verr eax', '0f 00 e0', 'callout'],
    ['rdtsc', '0f 31', 'rdtsc'],
    ['rdtsc in ring 1', '0f 31', 'callout', { cpl: 1 }],
    ['ud2', '0f 0b', 'callout'],
    ['a prefix too many', `${'66 '.repeat(15)}90`, 'callout'],
    ['cut off by the end of the page', '05 11 22', 'callout'],
  ];
  for (const [name, hex, form, mode] of rows) t.equal(forms(hex, { ...KERNEL, ...mode })[0], form, name);
  t.end();
});

t.test('with the switches off', (t) => {
  const off: Partial<TranslationSettings> = { inCache: false, rdtsc: 'callout' };
  for (const hex of ['fa', 'fb', '9c', '9d', '0f 31', '0f 20 c0', '8c c8', '0e', '0f 01 e0']) {
    t.equal(unit(hex, KERNEL, off).instructions[0].form.kind, 'callout', hex);
  }
  t.equal(unit('0f 31', KERNEL, { rdtsc: 'trap' }).instructions[0].form.kind, 'ident');
  t.end();
});

t.test('a memory operand in %gs moves to %ds', (t) => {
  const rows: [name: string, hex: string, base: number, expected: string][] = [
    ['without a base the prefix goes', '65 8b 01', 0, '3e 8b 01'],
    ['other prefixes stay', '66 65 8b 01', 0, '3e 66 8b 01'],
    ['[ecx]', '65 8b 01', 0x12345678, '3e 8b 81 78 56 34 12'],
    ['[ecx + 8-bit displacement]', '65 8b 41 f0', 0x1000, '3e 8b 81 f0 0f 00 00'],
    ['[ecx + 32-bit displacement]', '65 8b 81 00 00 01 00', 0x1000, '3e 8b 81 00 10 01 00'],
    ['[displacement]', '65 8b 05 14 00 00 00', 0x1000, '3e 8b 05 14 10 00 00'],
    ['[esp]', '65 8b 04 24', 0x1000, '3e 8b 84 24 00 10 00 00'],
    ['[ecx * 4 + displacement]', '65 8b 04 8d 04 00 00 00', 0x1000, '3e 8b 04 8d 04 10 00 00'],
    ['moffs', '65 a1 14 00 00 00', 0x1000, '3e a1 14 10 00 00'],
    ['an immediate behind', '65 c7 01 01 00 00 00', 0x1000, '3e c7 81 00 10 00 00 01 00 00 00'],
    ['a two-byte opcode', '65 0f b6 41 02', 0x1000, '3e 0f b6 81 02 10 00 00'],
  ];
  for (const [name, hex, base, expected] of rows) {
    const { form } = unit(hex, { ...KERNEL, gsThroughDs: base }).instructions[0];
    const bytes = form.kind === 'rewritten' ? form.bytes : [];
    t.equal(bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(' '), expected, name);
  }
  t.end();
});

t.test('where a unit ends', (t) => {
  const rows: [name: string, hex: string, count: number, fallThrough: number | null][] = [
    ['a terminator', '40 40 eb fe 40', 3, null],
    ['12 instructions', Array(20).fill('40').join(' '), 12, START + 12],
    ['the page', '40 40', 2, START + 2],
    ['before an instruction that crosses into the next page', '40 05 11', 1, START + 1],
    ['a callout that goes on', 'e4 80 40 c3', 3, null],
    ['a callout that transfers control', '40 cf 40', 2, null],
    [
      'the instruction behind a sti comes along',
      `${Array(11).fill('40').join(' ')} fb 40 40`,
      13,
      START + 13,
    ],
  ];
  for (const [name, hex, count, fallThrough] of rows) {
    const { instructions, fallThrough: end } = unit(hex);
    t.same([instructions.length, end], [count, fallThrough], name);
  }
  t.same(forms('40 fb 05 11'), ['ident', 'callout'], 'a sti whose successor is on the next page is emulated');
  t.same(forms('40 fb 40'), ['ident', 'sti', 'ident']);
  t.equal(unit('40 40 40 40', KERNEL, { unitLimit: 2 }).instructions.length, 2, 'another limit');
  t.end();
});

t.test('targets', (t) => {
  const rows: [hex: string, target: number][] = [
    ['eb fe', START],
    ['74 7f', START + 0x81],
    ['e8 00 01 00 00', START + 0x105],
    ['e9 f6 ef ff ff', START + 5 - 0x100a],
  ];
  for (const [hex, target] of rows) {
    const { form } = unit(hex).instructions[0];
    t.equal('target' in form && form.target, target >>> 0, hex);
  }
  t.end();
});

t.test('every non-IDENT instruction says why', (t) => {
  for (const { form, why } of unit('40 fa e4 80 fb 40 74 00').instructions)
    t.equal(why === null, form.kind === 'ident');
  t.end();
});
