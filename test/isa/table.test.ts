import t from 'tap';
import { decode } from '../../emulator/isa/decoder.js';
import { FORMS, INSTRUCTION_TABLE } from '../../emulator/isa/table.js';
import { encodeForm } from './encode-form.js';

t.test('every row is reached by the decoder', async (t) => {
  const tail = Array<number>(12).fill(0);
  const unreached = FORMS.filter((form) => {
    const candidates = [0x00, 0xc0].flatMap((modrm) =>
      form.opcodes.map((_, opcode) => decode(encodeForm(form, { modrm, tail, opcode }), 0, 15, 32)),
    );
    return !candidates.some((op) => typeof op !== 'string' && op.row === form.row);
  });
  t.same(
    unreached.map(({ row }) => `${row.mnemonic} ${row.opcode} ${row.operands}`),
    [],
  );
});

function mnemonics(sensitivity: 'traps' | 'silent'): string[] {
  const found = INSTRUCTION_TABLE.filter((row) => row.sensitivity === sensitivity);
  return [...new Set(found.map((row) => row.mnemonic))].sort();
}

t.test('sensitive instructions that do not trap: the list of Robin and Irvine', async (t) => {
  const listed = [
    ...['sgdt', 'sidt', 'sldt', 'smsw', 'pushf', 'popf'],
    ...['lar', 'lsl', 'verr', 'verw', 'pop', 'push', 'mov', 'call', 'jmp', 'int', 'retf', 'str'],
  ];
  // Same reasons, other opcodes: loads of far pointers are loads of segment registers, INT3, INTO and ICEBP go
  // through gates, and IRET drops the flags that POPF drops.
  const sameReasons = ['lds', 'les', 'lfs', 'lgs', 'lss', 'int1', 'int3', 'into', 'iret'];
  t.same(mnemonics('silent'), [...listed, ...sameReasons].sort());
});

t.test('sensitive instructions that trap outside ring 0', async (t) => {
  t.same(
    mnemonics('traps'),
    [
      ...[
        'cli',
        'sti',
        'hlt',
        'in',
        'out',
        'ins',
        'outs',
        'lgdt',
        'lidt',
        'lldt',
        'ltr',
        'lmsw',
        'clts',
        'mov',
      ],
      ...['invlpg', 'invd', 'wbinvd', 'rdmsr', 'wrmsr', 'rdpmc', 'sysenter', 'sysexit', 'syscall', 'sysret'],
      ...['vmrun', 'vmmcall', 'vmload', 'vmsave', 'stgi', 'clgi', 'skinit', 'invlpga'],
      ...['monitor', 'mwait', 'xsetbv', 'rsm'],
    ].sort(),
  );
});

t.test('general moves, near transfers and arithmetic are innocuous', async (t) => {
  const near = INSTRUCTION_TABLE.filter(
    ({ operands }) => !/S|[CDRMA][wdp]|^(ES|CS|SS|DS|FS|GS)$/.test(operands),
  ).filter(({ mnemonic }) => ['mov', 'push', 'pop', 'jmp', 'call', 'add', 'ret'].includes(mnemonic));
  t.ok(near.length > 20);
  t.same(
    near.filter((row) => row.sensitivity !== 'innocuous').map((row) => `${row.mnemonic} ${row.opcode}`),
    [],
  );
});
