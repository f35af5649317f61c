import { CR0_ET, CR0_PE, EFER_SVME } from '../../../emulator/arch/control.js';
import { FLAG_ONE } from '../../../emulator/arch/flags.js';
import { MSR_VM_HSAVE_PA } from '../../../emulator/arch/msrs.js';
import { CS, DS, EAX, ES, ESP, SS } from '../../../emulator/arch/registers.js';
import {
  INTERCEPTS,
  VMCB_CONTROL,
  VMCB_SEGMENTS,
  VMCB_STATE,
  interceptBit,
} from '../../../emulator/arch/vmcb.js';
import { findProfile } from '../../../emulator/cost/catalog.js';
import { Machine } from '../../../emulator/machine.js';
import { VmcbView } from '../../../emulator/platform/vmcb-view.js';
import { randomSource } from '../../isa/random.js';
import { begin, fill } from './cases.js';
import type { Mode, Random } from './cases.js';

/** Above what a case fills. */
const VMCB_HPA = 0x3_0000;
const HOST_SAVE_HPA = 0x3_1000;
const IOPM_HPA = 0x3_2000;
const MSRPM_HPA = 0x3_6000;
const MEMORY_BYTES = 1 << 20;
const ENTRIES = 30;
const LIMITS = { instructions: 100, cycles: 200_000 };
/** Words of intercept bits; the third holds a bit for each exception. */
const INTERCEPT_WORDS = 5;
const HOST_CODE = { selector: 0x50, attributes: 0xc9b, limit: 0xffff_ffff, base: 0 };
const HOST_DATA = { ...HOST_CODE, selector: 0x58, attributes: 0xc93 };

/** Makes the processor's state that of a guest that intercepts what `random` says, and leaves a host behind. */
function becomeGuest(machine: Machine, vmcb: VmcbView, random: Random): void {
  const { cpu } = machine;
  for (let word = 0; word < INTERCEPT_WORDS; word++) {
    const bits = random(2 ** 32) & random(2 ** 32) & random(2 ** 32);
    vmcb.write({ offset: word * 4, bytes: 4 }, bits >>> 0);
  }
  const vmrun = interceptBit(INTERCEPTS.VMRUN);
  const intercepts = { offset: vmrun.offset, bytes: 4 } as const;
  vmcb.write(intercepts, (vmcb.read(intercepts) | vmrun.mask) >>> 0);
  vmcb.write(VMCB_CONTROL.asid, 1);
  vmcb.write(VMCB_CONTROL.iopmBasePa, IOPM_HPA);
  vmcb.write(VMCB_CONTROL.msrpmBasePa, MSRPM_HPA);
  vmcb.write(VMCB_STATE.efer, EFER_SVME);
  for (const name of ['cr0', 'cr3', 'cr4', 'cpl'] as const) vmcb.write(VMCB_STATE[name], cpu[name]);
  vmcb.write(VMCB_STATE.rflags, cpu.eflags);
  vmcb.write(VMCB_STATE.rip, cpu.eip);
  vmcb.write(VMCB_STATE.rsp, cpu.gpr(ESP));
  vmcb.write(VMCB_STATE.rax, cpu.gpr(EAX));
  vmcb.write(VMCB_STATE.dr6, cpu.debug(6));
  vmcb.write(VMCB_STATE.dr7, cpu.debug(7));
  vmcb.setTable(VMCB_SEGMENTS.gdtr, cpu.gdtr);
  vmcb.setTable(VMCB_SEGMENTS.idtr, cpu.idtr);
  for (const [segment, offset] of [
    [CS, VMCB_SEGMENTS.cs],
    [SS, VMCB_SEGMENTS.ss],
    [DS, VMCB_SEGMENTS.ds],
    [ES, VMCB_SEGMENTS.es],
  ] as const) {
    vmcb.setSegment(offset, cpu.segment(segment));
    cpu.setSegment(segment, segment === CS ? HOST_CODE : HOST_DATA);
  }
  cpu.eflags = FLAG_ONE;
  cpu.cr0 = CR0_PE | CR0_ET;
  cpu.cr4 = 0;
  cpu.cpl = 0;
  cpu.efer |= EFER_SVME;
  cpu.setMsr(MSR_VM_HSAVE_PA, HOST_SAVE_HPA);
}

/**
 * A case of `mode` as the guest of a host that enters it again after each exit, now and then past the instruction
 * or with an event. @returns what is wrong, or null, and how often the guest was left. Never throws.
 */
export function soakGuest(mode: Mode, seed: number): { problem: string | null; exits: number } {
  let exits = 0;
  try {
    const machine = Machine.create({ profile: findProfile('pentium4-672'), memoryBytes: MEMORY_BYTES });
    const random = randomSource(seed);
    const vmcb = new VmcbView(machine.memory, VMCB_HPA);
    fill(machine, random);
    begin(machine, mode, random);
    becomeGuest(machine, vmcb, random);
    for (; exits < ENTRIES; exits++) {
      const stop = machine.vmrun(VMCB_HPA, LIMITS);
      if (stop.kind !== 'vmexit') break;
      const { cpl, cr0, eflags } = machine.cpu;
      if (cpl !== 0 || cr0 !== (CR0_PE | CR0_ET) || eflags !== FLAG_ONE) {
        return {
          problem: `exit ${exits}: the host came back with ${JSON.stringify({ cpl, cr0, eflags })}`,
          exits,
        };
      }
      vmcb.write(VMCB_STATE.rip, vmcb.read(VMCB_STATE.rip) + random(4));
      const event = random(4) === 0 ? (0x8000_0000 | (random(2) * 0x300) | random(16)) >>> 0 : 0;
      vmcb.write(VMCB_CONTROL.eventInjection, event, 0);
    }
    return { problem: null, exits };
  } catch (error) {
    return { problem: error instanceof Error ? (error.stack ?? error.message) : String(error), exits };
  }
}
