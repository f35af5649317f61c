import { CS, ES } from '../arch/registers.js';
import { VECTOR_PF } from '../arch/vectors.js';
import * as facts from '../arch/vmcb.js';
import { INTERCEPTS, VMCB_CONTROL } from '../arch/vmcb.js';
import type { SvmFeatures } from '../cost/profile.js';
import type { Operation } from '../isa/operation.js';
import type { VmcbView } from '../platform/vmcb-view.js';
import type { Cpu } from './cpu.js';
import { encodeEvent } from './svm-events.js';

/** Why a guest is left. */
export interface ExitReport {
  code: number;
  info1: number;
  info1High: number;
  info2: number;
  /** EXITINFO2 63:32. */
  info2High: number;
  /** The exit stands for an instruction, so that the next one has an address. */
  isInstruction: boolean;
}

/** Nothing of the guest was run. */
export const REFUSED: ExitReport = {
  code: facts.EXIT_INVALID,
  info1: 0,
  info1High: 0,
  info2: 0,
  info2High: 0,
  isInstruction: false,
};

/** EXITINFO1 bit 63, in the high half: a MOV, whose general register bits 3:0 give. */
const CR_IS_MOV = 0x8000_0000;

/** Writes everything that #VMEXIT says about itself: code, infos, the interrupted event, the next rIP. */
export function storeReport(cpu: Cpu, vmcb: VmcbView, report: ExitReport, features: SvmFeatures): void {
  const { code, isInstruction } = report;
  const op = isInstruction ? cpu.interceptedOperation : null;
  vmcb.write(VMCB_CONTROL.exitCode, code >>> 0, code < 0 ? 0xffff_ffff : 0);
  let { info1, info1High, info2 } = report;
  if (op && code === INTERCEPTS.IOIO) {
    info1 |= stringInfo(op);
    info2 = cpu.nextEip;
  }
  if (op && features.decodeAssists && op.row.mnemonic === 'mov' && code >= 0 && code < facts.EXIT_EXCEPTION) {
    info1 = op.rm;
    info1High = code < facts.EXIT_DR_READ ? CR_IS_MOV : 0;
  }
  vmcb.write(VMCB_CONTROL.exitInfo1, info1 >>> 0, info1High);
  vmcb.write(VMCB_CONTROL.exitInfo2, info2 >>> 0, report.info2High >>> 0);
  const interrupted = cpu.delivering ? encodeEvent(cpu.delivering) : { low: 0, high: 0 };
  vmcb.write(VMCB_CONTROL.exitIntInfo, interrupted.low, interrupted.high);
  if (features.decodeAssists)
    storeInstructionBytes(cpu, vmcb, op === null && cpu.interceptedOperation !== null, code);
  if (features.nextRip) vmcb.write(VMCB_CONTROL.nextRip, isInstruction ? cpu.nextEip : 0);
}

const PAGE_FAULT_EXIT = facts.EXIT_EXCEPTION + VECTOR_PF;

/**
 * The instruction that a page fault interrupted, as far as its bytes can be read (section 15.8.4 "Guest Instruction
 * Bytes"). @param isData the fault is that of an instruction's access to data; for others the count is 0.
 */
function storeInstructionBytes(cpu: Cpu, vmcb: VmcbView, isData: boolean, code: number): void {
  const { fetchedBytes } = VMCB_CONTROL;
  const wanted = isData && (code === PAGE_FAULT_EXIT || code === facts.EXIT_NESTED_PAGE_FAULT);
  let count = 0;
  const linear = cpu.base(CS) + cpu.eip;
  for (; wanted && count < facts.MAX_INSTRUCTION_BYTES; count++) {
    const at = (linear + count) >>> 0;
    const hpa = cpu.translate(at, { write: false, user: cpu.cpl === 3, fetch: true });
    if (hpa === null || hpa >= cpu.memory.sizeBytes) break;
    vmcb.write({ offset: fetchedBytes.offset + 1 + count, bytes: 1 }, cpu.memory.read8(hpa));
  }
  vmcb.write(fetchedBytes, count);
}

/** EXITINFO1 bits of INS and OUTS (APM vol. 2, section 15.10.2 "IN and OUT Behavior"); 0 for IN and OUT. */
function stringInfo(op: Operation): number {
  const { mnemonic } = op.row;
  if (mnemonic !== 'ins' && mnemonic !== 'outs') return 0;
  const segment = mnemonic === 'ins' ? ES : op.segment;
  return (
    facts.IOIO_STRING |
    (op.rep === 'none' ? 0 : facts.IOIO_REP) |
    ((op.addressBytes === 2 ? 1 : 2) << facts.IOIO_ADDRESS_SHIFT) |
    (segment << facts.IOIO_SEGMENT_SHIFT)
  );
}
