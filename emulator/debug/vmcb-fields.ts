import { VECTOR_NAMES, VECTOR_PF } from '../arch/vectors.js';
import * as arch from '../arch/vmcb.js';
import type { VmcbField } from '../arch/vmcb.js';
import { HardwareVmm } from '../vmm/hardware/hardware-vmm.js';
import type { Vmm } from '../vmm/vmm.js';
import { bitNames } from './bit-names.js';

/** One field of a VMCB, or one part of a segment register in it. */
export interface VmcbFieldView {
  area: 'control' | 'state';
  /** As in arch/vmcb.ts; of a segment register `cs.base` and the like. */
  name: string;
  /** From the start of the VMCB, in bytes. */
  offset: number;
  bytes: number;
  value: bigint;
  /** As the last #VMEXIT left it; what differs has been written by the monitor since. Null when no exit was recorded. */
  atExit: bigint | null;
  /** As the #VMEXIT before that one left it. Null when there is none. */
  atExitBefore: bigint | null;
  /** What the value says, where that is not plain from the number. */
  meaning: string;
}

const SEGMENT_PARTS: readonly (readonly [name: string, field: VmcbField])[] = [
  ['selector', { offset: arch.VMCB_SEGMENT_SELECTOR, bytes: 2 }],
  ['attributes', { offset: arch.VMCB_SEGMENT_ATTRIBUTES, bytes: 2 }],
  ['limit', { offset: arch.VMCB_SEGMENT_LIMIT, bytes: 4 }],
  ['base', { offset: arch.VMCB_SEGMENT_BASE, bytes: 8 }],
];

interface NamedField extends VmcbField {
  area: VmcbFieldView['area'];
  name: string;
}

/** All of them, by their place. */
const FIELDS: readonly NamedField[] = [
  ...Object.entries(arch.VMCB_CONTROL).map(([name, field]) => ({ area: 'control' as const, name, ...field })),
  ...Object.entries(arch.VMCB_STATE).map(([name, field]) => ({ area: 'state' as const, name, ...field })),
  ...Object.entries(arch.VMCB_SEGMENTS).flatMap(([segment, start]) =>
    SEGMENT_PARTS.map(([part, { offset, bytes }]) => ({
      ...{ area: 'state' as const, name: `${segment}.${part}` },
      ...{ offset: start + offset, bytes },
    })),
  ),
].sort((a, b) => a.offset - b.offset);

/** The VMCB that the monitor runs its guest with, field by field; null when the technique has none. */
export function vmcbFields(vmm: Vmm): readonly VmcbFieldView[] | null {
  if (!(vmm instanceof HardwareVmm)) return null;
  const { vmcb, vmcbHistory, host } = vmm;
  const now = host.memory.u8.slice(vmcb.hpa, vmcb.hpa + arch.VMCB_BYTES);
  const { last, before } = vmcbHistory;
  return FIELDS.map((field) => ({
    ...field,
    value: read(now, field),
    atExit: last && read(last, field),
    atExitBefore: before && read(before, field),
    meaning: meaningOf(field.name, now),
  }));
}

function read(vmcb: Uint8Array, { offset, bytes }: VmcbField): bigint {
  const view = new DataView(vmcb.buffer, vmcb.byteOffset, vmcb.length);
  if (bytes === 1) return BigInt(view.getUint8(offset));
  if (bytes === 2) return BigInt(view.getUint16(offset, true));
  return bytes === 4 ? BigInt(view.getUint32(offset, true)) : view.getBigUint64(offset, true);
}

const { VMCB_CONTROL, VMCB_STATE } = arch;
/** Codes of exits that an intercept word asks for: the word's first code, and its 32 names. */
const INTERCEPT_WORDS: Readonly<Record<string, number>> = {
  interceptCr: arch.EXIT_CR_READ,
  interceptDr: arch.EXIT_DR_READ,
  interceptExceptions: arch.EXIT_EXCEPTION,
  intercept3: arch.INTERCEPTS.INTR,
  intercept4: arch.INTERCEPTS.VMRUN,
};

const TLB_CONTROLS: Readonly<Record<number, string>> = {
  [arch.TLB_CONTROL_NOTHING]: 'flush nothing',
  [arch.TLB_CONTROL_FLUSH_ALL]: 'flush all',
  [arch.TLB_CONTROL_FLUSH_GUEST]: "flush this guest's",
  [arch.TLB_CONTROL_FLUSH_GUEST_NON_GLOBAL]: "flush this guest's that are not global",
};

function meaningOf(name: string, vmcb: Uint8Array): string {
  const low = (field: VmcbField) => Number(read(vmcb, field) & 0xffff_ffffn);
  const firstCode = INTERCEPT_WORDS[name];
  if (firstCode !== undefined) {
    const word = low(VMCB_CONTROL[name as keyof typeof VMCB_CONTROL]);
    const set = Array.from({ length: 32 }, (_, bit) => bit).filter((bit) => (word >>> bit) & 1);
    return set.map((bit) => exceptionName(firstCode + bit)).join(' ');
  }
  switch (name) {
    case 'exitCode':
      return exceptionName(low(VMCB_CONTROL.exitCode));
    case 'exitInfo1':
      return exitInfo1(low(VMCB_CONTROL.exitCode), low(VMCB_CONTROL.exitInfo1));
    case 'exitInfo2':
      return exitInfo2(low(VMCB_CONTROL.exitCode));
    case 'eventInjection':
    case 'exitIntInfo':
      return eventName(read(vmcb, VMCB_CONTROL[name]));
    case 'tlbControl':
      return TLB_CONTROLS[low(VMCB_CONTROL.tlbControl)] ?? '';
    case 'nestedControl':
      return low(VMCB_CONTROL.nestedControl) & arch.NP_ENABLE ? 'nested paging' : '';
    case 'virtualInterrupt':
      return virtualInterrupt(low(VMCB_CONTROL.virtualInterrupt));
    case 'fetchedBytes': {
      const count = Math.min(low(VMCB_CONTROL.fetchedBytes), arch.MAX_INSTRUCTION_BYTES);
      const start = VMCB_CONTROL.fetchedBytes.offset + 1;
      return Array.from(vmcb.subarray(start, start + count), (byte) =>
        byte.toString(16).padStart(2, '0'),
      ).join(' ');
    }
    case 'cr0':
    case 'cr4':
    case 'efer':
      return bitNames(name, low(VMCB_STATE[name]));
    case 'rflags':
      return bitNames('eflags', low(VMCB_STATE.rflags));
    default:
      return '';
  }
}

/** As {@link arch.exitCodeName}, exceptions by their mnemonics where they have one. */
function exceptionName(code: number): string {
  return VECTOR_NAMES[(code | 0) - arch.EXIT_EXCEPTION] ?? arch.exitCodeName(code);
}

function exitInfo1(exitCode: number, info: number): string {
  if (exitCode === arch.EXIT_EXCEPTION + VECTOR_PF || exitCode === arch.EXIT_NESTED_PAGE_FAULT)
    return `error code ${bitNames('pageFault', info) || '0'}`;
  if (exitCode !== arch.INTERCEPTS.IOIO) return '';
  const bits = 8 * ((info >>> arch.IOIO_SIZE_SHIFT) & 7);
  const words = [
    info & arch.IOIO_REP ? 'rep ' : '',
    info & arch.IOIO_IN ? 'in' : 'out',
    info & arch.IOIO_STRING ? 's' : '',
    ` of ${bits} bits at port 0x${(info >>> arch.IOIO_PORT_SHIFT).toString(16)}`,
  ];
  return words.join('');
}

function exitInfo2(exitCode: number): string {
  if (exitCode === arch.EXIT_EXCEPTION + VECTOR_PF) return 'linear address of the fault';
  if (exitCode === arch.EXIT_NESTED_PAGE_FAULT) return 'guest-physical address of the fault';
  return exitCode === arch.INTERCEPTS.IOIO ? 'rIP of the next instruction' : '';
}

const EVENT_TYPES: Readonly<Record<number, string>> = {
  [arch.EVENT_TYPE_EXTERNAL]: 'interrupt',
  [arch.EVENT_TYPE_NMI]: 'NMI',
  [arch.EVENT_TYPE_EXCEPTION]: 'exception',
  [arch.EVENT_TYPE_SOFTWARE]: 'software interrupt',
};

/** EVENTINJ or EXITINTINFO in words; empty when not valid. */
function eventName(event: bigint): string {
  const low = Number(event & 0xffff_ffffn);
  if ((low & arch.EVENT_VALID) === 0) return '';
  const vector = low & arch.EVENT_VECTOR;
  const type = EVENT_TYPES[(low & arch.EVENT_TYPE) >>> arch.EVENT_TYPE_SHIFT] ?? 'reserved type';
  const error = low & arch.EVENT_ERROR_CODE_VALID ? `, error code 0x${(event >> 32n).toString(16)}` : '';
  return `${type} ${VECTOR_NAMES[vector] ?? `0x${vector.toString(16)}`}${error}`;
}

function virtualInterrupt(word: number): string {
  const names = [
    ...(word & arch.V_IRQ ? ['V_IRQ'] : []),
    ...(word & arch.V_IGNORE_TPR ? ['V_IGN_TPR'] : []),
    ...(word & arch.V_INTR_MASKING ? ['V_INTR_MASKING'] : []),
    ...(word & arch.V_TPR ? [`V_TPR=${word & arch.V_TPR}`] : []),
  ];
  return names.join(' ');
}
