import * as cr from '../../../emulator/arch/control.js';
import {
  FLAG_AC,
  FLAG_IF,
  FLAG_NT,
  FLAG_ONE,
  FLAG_TF,
  FLAG_VIF,
  FLAG_VIP,
  FLAG_VM,
} from '../../../emulator/arch/flags.js';
import { CS, DS, ES, ESP, FS, GS, LDTR, SS, TR } from '../../../emulator/arch/registers.js';
import type { SegmentState } from '../../../emulator/arch/descriptors.js';
import type { Machine } from '../../../emulator/machine.js';
import type { randomSource } from '../../isa/random.js';

export type Random = ReturnType<typeof randomSource>;

/** Physical memory of a case: all below PAGES is the program's, with its tables. */
const GDT = 0x1000;
const GDT_ENTRIES = 64;
const IDT = 0x1800;
const TASKS = 0x2000;
const TASK_BYTES = 0x80;
const LDT = 0x3000;
const CODE = 0x8000;
const CODE_BYTES = 0x1000;
const STACK = 0x7000;
const DIRECTORY = 0x2_0000;
const TABLE = 0x2_1000;
/** Random bytes from 0 to here. */
const FILLED_BYTES = 0x2_2000;

/** How a case begins. What it does from there on is up to its bytes. */
export interface Mode {
  name: string;
  begin(machine: Machine, random: Random): void;
}

/** Instructions that change modes, privilege, tasks and tables; each `?` is a random byte, `s` a likely selector's low byte. */
const FRAGMENTS = [
  '0f 20 c0', // mov eax, cr0 and what follows it in most switches of mode
  '0f 22 c0',
  '0f 20 e0',
  '0f 22 e0',
  '0f 22 d8',
  '0c 01 0f 22 c0',
  '24 fe 0f 22 c0',
  '0d 00 00 01 80 0f 22 c0',
  '0f 01 f0',
  '0f 00 d8',
  '0f 00 d0',
  '0f 01 1c 25 ? ? 00 00',
  'ea ? 80 s 00',
  'ea ? 80 00 00 s 00',
  '9a ? 80 s 00',
  '9a ? 80 00 00 s 00',
  'cd ?',
  'cc',
  'ce',
  'f1',
  'cf',
  '66 cf',
  'cb',
  'ca ? 00',
  'b8 s 00 8e d8',
  'b8 s 00 8e d0',
  'b8 s 00 00 00 8e c0',
  '9c 58 0d 00 ? ? 00 50 9d',
  '66 9c 66 58 66 35 00 ? ? 00 66 50 66 9d',
  '9d',
  'fa',
  'fb',
  'f3 a4',
  'f3 6f',
  'f3 66 a5',
  'f2 ae',
  '67 f3 ab',
  'e4 ?',
  'e6 ?',
  'ec',
  'f4',
  'c8 ? ? ?',
  '62 ? ?',
  '0f 34',
  '0f 35',
  '0f 05',
  '0f 07',
  '0f c7 0d ? ? 00 00',
  'f0 0f b1 ? ?',
  '0f 23 ?',
  '0f 30',
  '0f 32',
  '0f 02 ? ?',
  '63 ?',
  '8f ? ?',
  'eb ?',
  '75 ?',
  'e2 ?',
  'e8 ? ? 00 00',
  'ff ?',
];

function byteOf(token: string, random: Random): number {
  if (token === '?') return random(256);
  if (token === 's') return random(FIRST_DESCRIPTORS.length + 4) * 8 + (random(4) === 0 ? random(8) : 0);
  return Number.parseInt(token, 16);
}

/** Code of fragments and of bytes with no thought behind them. */
function fillCode({ memory }: Machine, random: Random): void {
  let at = CODE;
  while (at < CODE + CODE_BYTES) {
    const bytes =
      random(2) === 0
        ? FRAGMENTS[random(FRAGMENTS.length)].split(' ').map((token) => byteOf(token, random))
        : Array.from({ length: 1 + random(6) }, () => random(256));
    for (const byte of bytes) memory.write8(at++, byte);
  }
}

/** A descriptor of any kind, most of them present and some of use. */
function writeDescriptor({ memory }: Machine, address: number, random: Random): void {
  const isSystem = random(2) === 0;
  const access =
    random(16) | (isSystem ? 0 : 0x10) | (random(3) === 0 ? 0x60 : random(4) << 5) | (random(8) ? 0x80 : 0);
  if (isSystem) {
    const place = random(2) ? TASKS + random(8) * TASK_BYTES : random(0x1_0000);
    // A segment's base, or a gate's selector and offset: the same bits.
    const low = random(2)
      ? (place << 16) | random(0x400)
      : (random(GDT_ENTRIES) << 19) | (CODE + random(CODE_BYTES));
    memory.write32(address, low >>> 0);
    memory.write32(address + 4, (random(32) | (access << 8)) >>> 0);
    return;
  }
  memory.write32(address, (random(2) ? 0xffff : random(0x1_0000)) | (random(4) ? 0 : random(0x1000) << 20));
  memory.write32(address + 4, ((random(4) ? 0xf_0000 : 0) | (random(16) << 20) | (access << 8)) >>> 0);
}

const FLAT = { limit: 0xffff_ffff, base: 0 };
const CODE32: SegmentState = { ...FLAT, selector: 0x08, attributes: 0xc9b };
const DATA32: SegmentState = { ...FLAT, selector: 0x10, attributes: 0xc93 };
const CODE32_USER: SegmentState = { ...FLAT, selector: 0x1b, attributes: 0xcfb };
const DATA32_USER: SegmentState = { ...FLAT, selector: 0x23, attributes: 0xcf3 };
const CODE16: SegmentState = { selector: 0x28, attributes: 0x09b, limit: 0xffff, base: 0 };
const DATA16: SegmentState = { selector: 0x30, attributes: 0x093, limit: 0xffff, base: 0 };

/** The GDT's first entries, low and high word: what a case begins with, and something for every kind of far transfer. */
const FIRST_DESCRIPTORS: readonly (readonly [low: number, high: number])[] = [
  [0, 0],
  [0xffff, 0x00cf_9b00],
  [0xffff, 0x00cf_9300],
  [0xffff, 0x00cf_fb00],
  [0xffff, 0x00cf_f300],
  [0xffff, 0x0000_9b00],
  [0xffff, 0x0000_9300],
  [(TASKS << 16) | 0x7f, 0x8b00],
  [(LDT << 16) | 0xff, 0x8200],
  ...[1, 2, 3, 4].map((task) => [((TASKS + task * TASK_BYTES) << 16) | 0x7f, 0xe900] as const),
  ...[5, 6].map((task) => [((TASKS + task * TASK_BYTES) << 16) | 0x7f, 0xe100] as const),
  [0x50 << 16, 0xe500],
  [0x68 << 16, 0xe500],
  [(0x08 << 16) | CODE, 0xec02],
  [(0x28 << 16) | CODE, 0xe401],
  [0xffff, 0x00cf_ff00],
];

/** Descriptor tables with the segments above in their places, the rest random; gates, tasks, page tables. */
function fillTables(machine: Machine, random: Random): void {
  const { memory } = machine;
  for (let entry = 0; entry < GDT_ENTRIES; entry++) writeDescriptor(machine, GDT + entry * 8, random);
  for (const [index, [low, high]] of FIRST_DESCRIPTORS.entries()) {
    memory.write32(GDT + index * 8, low);
    memory.write32(GDT + index * 8 + 4, high);
  }
  for (let vector = 0; vector < 256; vector++) {
    const type = [0x8e, 0x8f, 0xee, 0xef, 0x86, 0xe7, 0x85, 0xe5, 0x0e][random(9)];
    const isTask = (type & 0xf) === 5;
    const likely = isTask ? 0x48 + random(6) * 8 : [0x08, 0x28][random(2)];
    const selector = random(8) ? likely : random(GDT_ENTRIES) * 8;
    memory.write32(IDT + vector * 8, (selector << 16) | (CODE + random(CODE_BYTES)));
    memory.write32(IDT + vector * 8 + 4, (type << 8) | (random(16) ? 0 : random(0x1_0000) << 16));
  }
  for (let task = 0; task < 8; task++) fillTask(machine, TASKS + task * TASK_BYTES, random);
  for (let entry = 0; entry < 32; entry++) writeDescriptor(machine, LDT + entry * 8, random);
  for (let page = 0; page < 1024; page++) {
    const bits = random(8) ? 7 : random(0x200);
    memory.write32(TABLE + page * 4, ((random(32) ? page << 12 : random(2 ** 32)) & ~0xfff) | bits);
    memory.write32(DIRECTORY + page * 4, random(4) ? 0 : random(2 ** 32));
  }
  memory.write32(DIRECTORY, TABLE | 7);
}

/** A task-state segment, most of it of use to a 32-bit task; read as a 16-bit one it is noise. */
function fillTask({ memory }: Machine, at: number, random: Random): void {
  for (let word = 0; word < TASK_BYTES; word += 4) {
    memory.write32(at + word, random(4) ? random(0x100) : random(2 ** 32));
  }
  memory.write32(at, [0, 0x38, 0x48, random(0x100)][random(4)]);
  for (const level of [0, 1, 2]) {
    memory.write32(at + 4 + level * 8, STACK);
    memory.write32(at + 8 + level * 8, random(4) ? 0x10 : random(0x100));
  }
  const isUser = random(2) === 0;
  memory.write32(at + 0x1c, random(4) ? DIRECTORY : random(2 ** 32));
  memory.write32(at + 0x20, CODE + random(CODE_BYTES));
  memory.write32(at + 0x24, random(4) ? random(0x8000) : random(2 ** 32));
  memory.write32(at + 0x38, STACK);
  for (let segment = 0; segment < 6; segment++) {
    const likely = segment === 1 ? (isUser ? 0x1b : 0x08) : isUser ? 0x23 : 0x10;
    memory.write32(at + 0x48 + segment * 4, random(12) ? likely : random(0x1_0000));
  }
  memory.write32(at + 0x60, random(2) ? 0 : 0x40);
  memory.write16(at + 0x64, random(8) ? 0 : random(2));
  memory.write16(at + 0x66, random(2) ? 0x68 : random(0x100));
}

/** The processor as every case of protected mode begins. */
function fillRegisters({ cpu }: Machine, random: Random): void {
  cpu.gdtr = { base: GDT, limit: GDT_ENTRIES * 8 - 1 };
  cpu.idtr = { base: IDT, limit: 0x7ff };
  cpu.setSegment(TR, { selector: 0x38, attributes: 0x8b, limit: 0x7f, base: TASKS });
  cpu.setSegment(LDTR, { selector: 0x40, attributes: 0x82, limit: 0xff, base: LDT });
  for (let register = 0; register < 8; register++) {
    cpu.setGpr(register, random(2) ? random(0x1_0000) : random(2 ** 32));
  }
  cpu.setGpr(ESP, STACK);
  cpu.eip = CODE + random(CODE_BYTES);
  cpu.eflags = FLAG_ONE | (random(2) ? FLAG_IF : 0);
}

function load(machine: Machine, code: SegmentState, data: SegmentState, cpl: number): void {
  const { cpu } = machine;
  cpu.setSegment(CS, code);
  for (const segment of [DS, ES, SS, FS, GS] as const) cpu.setSegment(segment, data);
  cpu.cpl = cpl;
}

function paging(machine: Machine, random: Random): void {
  const { cpu } = machine;
  cpu.cr3 = DIRECTORY;
  cpu.cr4 |= [0, cr.CR4_PSE, cr.CR4_PGE | cr.CR4_PSE, cr.CR4_TSD][random(4)];
  cpu.cr0 = (cpu.cr0 | cr.CR0_PG | (random(2) ? cr.CR0_WP : 0)) >>> 0;
}

/** CR4 bits and EFLAGS bits for a start in virtual-8086 mode. */
function virtual8086(machine: Machine, random: Random): void {
  const { cpu } = machine;
  const paragraph = (): SegmentState => {
    const selector = random(0x1000);
    return { selector, attributes: 0xf3, limit: 0xffff, base: selector << 4 };
  };
  for (const segment of [DS, ES, SS, FS, GS] as const) cpu.setSegment(segment, paragraph());
  cpu.setSegment(CS, { selector: 0, attributes: 0xf3, limit: 0xffff, base: 0 });
  cpu.cr4 |= random(2) ? cr.CR4_VME : 0;
  cpu.eflags |= FLAG_VM | (random(2) ? 0x3000 : 0) | (random(2) ? FLAG_VIF : 0) | (random(4) ? 0 : FLAG_VIP);
  cpu.cpl = 3;
}

export const MODES: readonly Mode[] = [
  {
    name: 'real',
    begin: (machine, random) => {
      machine.resetHard();
      fillRegisters(machine, random);
      for (let vector = 0; vector < 256; vector++)
        machine.memory.write32(vector * 4, CODE + random(CODE_BYTES));
      machine.cpu.idtr = { base: 0, limit: 0x3ff };
      machine.cpu.setSegment(CS, { ...machine.cpu.segment(CS), selector: 0, base: 0 });
    },
  },
  { name: '32-bit, CPL 0', begin: () => {} },
  { name: '32-bit, CPL 3', begin: (machine) => load(machine, CODE32_USER, DATA32_USER, 3) },
  {
    name: '32-bit, CPL 3, IOPL 3, PVI',
    begin: (machine) => {
      load(machine, CODE32_USER, DATA32_USER, 3);
      machine.cpu.cr4 |= cr.CR4_PVI;
      machine.cpu.eflags |= 0x3000 | FLAG_VIF;
    },
  },
  { name: '16-bit, CPL 0', begin: (machine) => load(machine, CODE16, DATA16, 0) },
  { name: '16-bit code, 32-bit data', begin: (machine) => load(machine, CODE16, DATA32, 0) },
  { name: '32-bit code, 16-bit data', begin: (machine) => load(machine, CODE32, DATA16, 0) },
  { name: 'paging, CPL 0', begin: paging },
  {
    name: 'paging, CPL 3, alignment checks',
    begin: (machine, random) => {
      paging(machine, random);
      load(machine, CODE32_USER, DATA32_USER, 3);
      machine.cpu.cr0 = (machine.cpu.cr0 | cr.CR0_AM) >>> 0;
      machine.cpu.eflags |= FLAG_AC;
    },
  },
  { name: 'virtual-8086', begin: virtual8086 },
  {
    name: 'virtual-8086 with paging',
    begin: (machine, random) => {
      paging(machine, random);
      virtual8086(machine, random);
    },
  },
  { name: 'single steps', begin: ({ cpu }) => (cpu.eflags |= FLAG_TF) },
  { name: 'nested task', begin: ({ cpu }) => (cpu.eflags |= FLAG_NT) },
  {
    name: 'debug registers',
    begin: ({ cpu }, random) => {
      for (let register = 0; register < 4; register++) cpu.setDebug(register, random(0x1_0000));
      cpu.setDebug(7, random(2 ** 32) | 0x4ff);
    },
  },
];

/** Fills memory. Everything is decided by `random`. */
export function fill(machine: Machine, random: Random): void {
  const { memory } = machine;
  for (let at = 0; at < FILLED_BYTES; at += 4) memory.write32(at, random(2 ** 32));
}

/** Puts code, tables and registers to where a case of `mode` begins, somewhere in the code: an earlier start may have overwritten them. */
export function begin(machine: Machine, mode: Mode, random: Random): void {
  machine.resetFlat(CODE);
  fillCode(machine, random);
  fillTables(machine, random);
  fillRegisters(machine, random);
  load(machine, CODE32, DATA32, 0);
  mode.begin(machine, random);
}
