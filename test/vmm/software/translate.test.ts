import t from 'tap';
import { decode } from '../../../emulator/isa/decoder.js';
import type { CodeMode } from '../../../emulator/vmm/software/unit.js';
import { translateUnit } from '../../../emulator/vmm/software/translate.js';

const KERNEL: CodeMode = { cpl: 0, codeLimit: 0xffff_ffff, stack32: true };
const START = 0x1000;

/** Translates bytes at eip 0x1000, the page ending with them. */
function unit(hex: string, mode = KERNEL, unitLimit?: number) {
  const bytes = Uint8Array.from(hex.split(' '), (byte) => parseInt(byte, 16));
  const fetch = (eip: number) => {
    const operation = decode(bytes, eip - START, bytes.length - (eip - START), 32);
    if (typeof operation === 'string') return null;
    return { operation, bytes: bytes.slice(eip - START, eip - START + operation.lengthBytes) };
  };
  return translateUnit(fetch, START, mode, unitLimit);
}

const forms = (hex: string, mode?: CodeMode) => unit(hex, mode).instructions.map(({ form }) => form.kind);

t.test('how each instruction is carried over', (t) => {
  const rows: [name: string, hex: string, form: string, mode?: Partial<CodeMode>][] = [
    ['mov eax, ecx', '89 c8', 'ident'],
    ['lock add [ecx], eax', 'f0 01 01', 'ident'],
    ['rep movsd', 'f3 a5', 'ident'],
    ['mov eax, [ss:ecx]', '36 8b 01', 'ident'],
    ['mov eax, [gs:ecx]', '65 8b 01', 'callout'],
    ['mov eax, [cs:ecx]', '2e 8b 01', 'callout'],
    ['gs movsb', '65 a4', 'callout'],
    ['mov eax, ds', '8c d8', 'ident'],
    ['mov eax, ss', '8c d0', 'callout'],
    ['mov eax, cs', '8c c8', 'callout'],
    ['mov eax, gs', '8c e8', 'callout'],
    ['push ds', '1e', 'ident'],
    ['push fs', '0f a0', 'ident'],
    ['push cs', '0e', 'callout'],
    ['push gs', '0f a8', 'callout'],
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
    ['pushf', '9c', 'callout'],
    ['popf', '9d', 'callout'],
    ['in al, 0x80', 'e4 80', 'callout'],
    ['hlt', 'f4', 'callout'],
    ['mov cr3, eax', '0f 22 d8', 'callout'],
    ['mov eax, cr0', '0f 20 c0', 'callout'],
    ['invlpg [eax]', '0f 01 38', 'callout'],
    ['sgdt [eax]', '0f 01 00', 'callout'],
    ['smsw eax', '0f 01 e0', 'callout'],
    ['str eax', '0f 00 c8', 'callout'],
    ['lar eax, ecx', '0f 02 c1', 'callout'],
    ['verr eax', '0f 00 e0', 'callout'],
    ['rdtsc', '0f 31', 'ident'],
    ['ud2', '0f 0b', 'callout'],
    ['a prefix too many', `${'66 '.repeat(15)}90`, 'callout'],
    ['cut off by the end of the page', '05 11 22', 'callout'],
  ];
  for (const [name, hex, form, mode] of rows) t.equal(forms(hex, { ...KERNEL, ...mode })[0], form, name);
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
  t.equal(unit('40 40 40 40', KERNEL, 2).instructions.length, 2, 'another limit');
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
