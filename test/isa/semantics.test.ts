import t from 'tap';
import { FLAG_AF, FLAG_CF, FLAG_DF, FLAG_OF, FLAG_PF, FLAG_SF, FLAG_ZF } from '../../emulator/arch/flags.js';
import { GPR_NAMES } from '../../emulator/arch/registers.js';
import { FlatContext, Trap } from './flat-context.js';

type Registers = Partial<Record<(typeof GPR_NAMES)[number], number>>;

interface Row {
  name: string;
  code: string;
  registers?: Registers;
  flags?: number;
  memory?: readonly [address: number, hex: string];
  codeBits?: 16 | 32;
  stackMask?: number;
  portValue?: number;
  interruptAfter?: number;
  /** First address that cannot be written. */
  readOnlyFrom?: number;
  expect: {
    registers?: Registers;
    /** The six arithmetic flags; absent: unchanged. */
    flags?: number;
    memory?: readonly [address: number, hex: string];
    eip?: number;
    trap?: number;
    ports?: readonly string[];
  };
}

const CODE = 0x100;
const DATA = 0x2000;
const STACK = 0x3000;
const MEMORY_BYTES = 0x4000;

/** What the hardware vectors leave out: undefined encodings and results, ports, interrupted repeats, faults. */
const ROWS: readonly Row[] = [
  {
    name: 'salc copies CF to all of AL',
    code: 'd6',
    flags: FLAG_CF,
    expect: { registers: { eax: 0xff }, flags: FLAG_CF },
  },
  {
    name: 'bswap of a 16-bit register clears it',
    code: '660fc8',
    registers: { eax: 0x1234_5678 },
    expect: { registers: { eax: 0x1234_0000 } },
  },
  {
    name: 'bsf of 0 sets ZF and leaves the destination',
    code: '0fbcc3',
    registers: { eax: 7 },
    expect: { registers: { eax: 7 }, flags: FLAG_ZF | FLAG_PF },
  },
  {
    name: 'shld of 16 bits by more than 16 takes the destination again',
    code: '660fa4d814',
    registers: { eax: 0x1234, ebx: 0x5678 },
    expect: { registers: { eax: 0x6781, ebx: 0x5678 }, flags: FLAG_CF | FLAG_PF },
  },
  {
    name: 'enter with two levels copies the outer frame pointer and adds its own',
    code: 'c8080002',
    registers: { esp: STACK, ebp: DATA + 0x20 },
    memory: [DATA + 0x1c, '11223344'],
    expect: {
      registers: { esp: STACK - 20, ebp: STACK - 4 },
      memory: [STACK - 12, 'fc2f0000' + '11223344' + '20200000'],
    },
  },
  {
    name: 'enter faults without effect when the locals reach where nothing can be written',
    code: 'c8080000',
    registers: { esp: 8, ebp: 1 },
    expect: { registers: { esp: 8, ebp: 1 }, trap: 14, eip: CODE },
  },
  {
    name: 'pop [esp] uses the stack pointer after the pop',
    code: '8f0424',
    registers: { esp: STACK },
    memory: [STACK, 'aabbccdd'],
    expect: { registers: { esp: STACK + 4 }, memory: [STACK + 4, 'aabbccdd'] },
  },
  {
    name: 'push in a 16-bit stack segment wraps SP and keeps the upper half of ESP',
    code: '50',
    registers: { eax: 0x0102_0304, esp: 0x7777_0002 },
    stackMask: 0xffff,
    expect: { trap: 14, registers: { eax: 0x0102_0304, esp: 0x7777_0002 } },
  },
  {
    name: 'leave in a 16-bit stack segment takes BP',
    code: 'c9',
    registers: { esp: 0x7777_0000, ebp: 0x1111_0000 + STACK },
    stackMask: 0xffff,
    memory: [STACK, '78563412'],
    expect: { registers: { esp: 0x7777_0000 + STACK + 4, ebp: 0x1234_5678 } },
  },
  {
    name: 'cmpxchg8b faults without effect when only its lower half can be written',
    code: '0fc70e',
    registers: { esi: DATA, eax: 1, edx: 2 },
    readOnlyFrom: DATA + 4,
    expect: { registers: { esi: DATA, eax: 1, edx: 2 }, trap: 14 },
  },
  {
    name: 'insb stores what the port gives and moves EDI',
    code: '6c',
    registers: { edx: 0x60, edi: DATA },
    portValue: 0x5a,
    expect: { registers: { edx: 0x60, edi: DATA + 1 }, memory: [DATA, '5a'] },
  },
  {
    name: 'rep outsw writes each element and ends with ECX 0',
    code: 'f3666f',
    registers: { ecx: 2, edx: 0x1f0, esi: DATA },
    memory: [DATA, '01020304'],
    expect: { registers: { edx: 0x1f0, esi: DATA + 4 }, ports: ['496:2=513', '496:2=1027'] },
  },
  {
    name: 'rep movsb interrupted after two iterations stays on the instruction with registers up to date',
    code: 'f3a4',
    registers: { ecx: 5, esi: DATA, edi: DATA + 0x10 },
    memory: [DATA, '0102030405'],
    interruptAfter: 2,
    expect: {
      registers: { ecx: 3, esi: DATA + 2, edi: DATA + 0x12 },
      memory: [DATA + 0x10, '0102000000'],
      eip: CODE,
    },
  },
  {
    name: 'rep stosd downwards stops at a fault with the iterations before it done',
    code: 'f3ab',
    registers: { eax: -1, ecx: 4, edi: 4 },
    flags: FLAG_DF,
    expect: { registers: { eax: -1, ecx: 2, edi: -4 }, memory: [0, 'ffffffffffffffff'], trap: 14, eip: CODE },
  },
  {
    name: 'a repeat with a count of 0 touches nothing',
    code: 'f3a5',
    registers: { esi: -4, edi: -4 },
    expect: { registers: { esi: -4, edi: -4 }, eip: CODE + 2 },
  },
  {
    name: 'loop with a 16-bit address size counts in CX',
    code: '67e2fe',
    registers: { ecx: 0x1_0001 },
    expect: { registers: { ecx: 0x1_0000 }, eip: CODE + 3 },
  },
  {
    name: 'jmp with a 16-bit operand size cuts the target to 16 bits',
    code: '66e9fcff',
    expect: { eip: CODE },
  },
  {
    name: '16-bit addressing wraps at 64 KB',
    code: '678b00',
    registers: { ebx: 0xf000, esi: 0x1000 + DATA },
    memory: [DATA, '78563412'],
    expect: { registers: { eax: 0x1234_5678, ebx: 0xf000, esi: 0x1000 + DATA } },
  },
  {
    name: 'aam with base 0 raises #DE',
    code: 'd400',
    registers: { eax: 5 },
    expect: { registers: { eax: 5 }, trap: 0 },
  },
  {
    name: 'das with a low digit that borrows',
    code: '2f',
    registers: { eax: 0x05 },
    flags: FLAG_AF,
    expect: { registers: { eax: 0xff }, flags: FLAG_CF | FLAG_AF | FLAG_SF | FLAG_PF },
  },
  {
    name: 'ud2 raises #UD',
    code: '0f0b',
    expect: { trap: 6, eip: CODE },
  },
  {
    name: 'lock on a register destination raises #UD',
    code: 'f001d8',
    expect: { trap: 6, eip: CODE },
  },
  {
    name: 'lock on an instruction that does not modify raises #UD',
    code: 'f08b06',
    registers: { esi: DATA },
    expect: { trap: 6, registers: { esi: DATA } },
  },
  {
    name: 'lea with a register raises #UD',
    code: '8dc0',
    expect: { trap: 6 },
  },
  {
    name: 'mov to cs raises #UD',
    code: '8ec8',
    expect: { trap: 6 },
  },
];

function run(row: Row): { context: FlatContext; trap: number | undefined } {
  const memory = new Uint8Array(MEMORY_BYTES);
  memory.set(Buffer.from(row.code, 'hex'), CODE);
  if (row.memory) memory.set(Buffer.from(row.memory[1], 'hex'), row.memory[0]);
  const context = new FlatContext(memory, row.codeBits ?? 32);
  for (const [number, name] of GPR_NAMES.entries()) context.s32[number << 1] = row.registers?.[name] ?? 0;
  context.setFlags(row.flags ?? 0);
  context.eip = CODE;
  context.stackMask = row.stackMask ?? -1;
  context.portValue = row.portValue ?? 0;
  context.interruptAfter = row.interruptAfter ?? Infinity;
  context.readOnlyFrom = row.readOnlyFrom ?? Infinity;
  try {
    context.step();
    return { context, trap: undefined };
  } catch (trap) {
    if (!(trap instanceof Trap)) throw trap;
    return { context, trap: trap.vector };
  }
}

const ARITHMETIC = FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF;

for (const row of ROWS) {
  t.test(row.name, async (t) => {
    const { context, trap } = run(row);
    const { expect } = row;
    t.equal(trap, expect.trap, 'exception');
    const registers = GPR_NAMES.map((name, number) => `${name}=${context.s32[number << 1]}`);
    t.same(
      registers,
      GPR_NAMES.map((name) => `${name}=${(expect.registers?.[name] ?? 0) | 0}`),
    );
    t.equal(context.readEflags() & ARITHMETIC, expect.flags ?? (row.flags ?? 0) & ARITHMETIC, 'flags');
    if (expect.eip !== undefined) t.equal(context.eip, expect.eip, 'eip');
    if (expect.ports) t.same(context.portWrites, expect.ports);
    if (expect.memory) {
      const [address, hex] = expect.memory;
      const found = context.memory.subarray(address, address + hex.length / 2);
      t.equal(Buffer.from(found).toString('hex'), hex, 'memory');
    }
  });
}
