import * as attr from '../arch/descriptors.js';
import { LDTR } from '../arch/registers.js';
import { VECTOR_NAMES } from '../arch/vectors.js';
import type { Machine } from '../machine.js';

/** One entry of a descriptor table. */
export interface DescriptorView {
  table: 'GDT' | 'LDT' | 'IDT';
  /** Selector with RPL 0, or for the IDT the vector. */
  index: number;
  type: string;
  dpl: number;
  present: boolean;
  /** Linear address of a segment's first byte; a gate's offset. */
  base: number;
  /** Offset of a segment's last byte; a gate's selector. */
  limit: number;
  /** Readable, writable, accessed and their like; of an IDT entry what it is for. */
  notes: readonly string[];
}

const SYSTEM_TYPES: Readonly<Record<number, string>> = {
  [attr.SYS_TSS16_AVAILABLE]: '16-bit TSS',
  [attr.SYS_LDT]: 'LDT',
  [attr.SYS_TSS16_BUSY]: '16-bit TSS, busy',
  [attr.SYS_CALL_GATE16]: '16-bit call gate',
  [attr.SYS_TASK_GATE]: 'task gate',
  [attr.SYS_INTERRUPT_GATE16]: '16-bit interrupt gate',
  [attr.SYS_TRAP_GATE16]: '16-bit trap gate',
  [attr.SYS_TSS32_AVAILABLE]: '32-bit TSS',
  [attr.SYS_TSS32_BUSY]: '32-bit TSS, busy',
  [attr.SYS_CALL_GATE32]: '32-bit call gate',
  [attr.SYS_INTERRUPT_GATE32]: '32-bit interrupt gate',
  [attr.SYS_TRAP_GATE32]: '32-bit trap gate',
};

const GATES: ReadonlySet<number> = new Set([
  attr.SYS_CALL_GATE16,
  attr.SYS_TASK_GATE,
  attr.SYS_INTERRUPT_GATE16,
  attr.SYS_TRAP_GATE16,
  attr.SYS_CALL_GATE32,
  attr.SYS_INTERRUPT_GATE32,
  attr.SYS_TRAP_GATE32,
]);

const ENTRY_BYTES = 8;

/** The entries of a guest's GDT, LDT and IDT that are not all zeros, through its page tables, changing nothing. */
export function descriptorTables(guest: Machine): DescriptorView[] {
  const { cpu } = guest;
  const ldt = cpu.segment(LDTR);
  const tables = [
    ['GDT', cpu.gdtr],
    ['LDT', ldt.attributes & attr.ATTR_P && ldt.selector & ~3 ? ldt : { base: 0, limit: 0 }],
    ['IDT', cpu.idtr],
  ] as const;
  return tables.flatMap(([table, { base, limit }]) => {
    const count = Math.floor((limit + 1) / ENTRY_BYTES);
    return Array.from({ length: count }, (_, index) => {
      const words = readEntry(guest, base + index * ENTRY_BYTES);
      return words && view(table, index, words[0], words[1]);
    }).filter((entry) => entry !== null);
  });
}

/** @returns null for zeros, and where there is no page. */
function readEntry({ cpu, memory }: Machine, linear: number): [low: number, high: number] | null {
  const words = [0, 4].map((at) => {
    const physical = cpu.translate((linear + at) >>> 0, { write: false, user: false, fetch: false });
    return physical === null || physical + 4 > memory.sizeBytes ? 0 : memory.read32(physical);
  });
  return words[0] === 0 && words[1] === 0 ? null : [words[0], words[1]];
}

function view(table: DescriptorView['table'], index: number, low: number, high: number): DescriptorView {
  const { attributes, base, limit } = attr.decodeDescriptor(low, high, 0);
  const type = attributes & attr.ATTR_TYPE;
  const isSystem = (attributes & attr.ATTR_S) === 0;
  const isGate = isSystem && GATES.has(type);
  const isWide = type >= attr.SYS_CALL_GATE32;
  const offset = isWide ? ((low & 0xffff) | (high & 0xffff_0000)) >>> 0 : low & 0xffff;
  return {
    table,
    index: table === 'IDT' ? index : index * ENTRY_BYTES,
    type: isSystem
      ? (SYSTEM_TYPES[type] ?? `system type ${type}`)
      : attributes & attr.ATTR_CODE
        ? 'code'
        : 'data',
    dpl: (attributes & attr.ATTR_DPL) >> attr.ATTR_DPL_SHIFT,
    present: (attributes & attr.ATTR_P) !== 0,
    base: isGate ? offset : base,
    limit: isGate ? low >>> 16 : limit,
    notes:
      table === 'IDT'
        ? [VECTOR_NAMES[index] ?? `interrupt ${index}`]
        : isSystem
          ? []
          : segmentNotes(attributes),
  };
}

function segmentNotes(attributes: number): string[] {
  const isCode = (attributes & attr.ATTR_CODE) !== 0;
  return [
    attributes & attr.ATTR_DB ? '32-bit' : '16-bit',
    ...(attributes & attr.ATTR_RW ? [isCode ? 'readable' : 'writable'] : []),
    ...(attributes & attr.ATTR_DC ? [isCode ? 'conforming' : 'expand-down'] : []),
    ...(attributes & attr.ATTR_ACCESSED ? ['accessed'] : []),
  ];
}
