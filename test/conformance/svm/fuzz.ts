import { CR0_ET, CR0_PE, CR0_PG, CR4_PSE, EFER_SVME } from '../../../emulator/arch/control.js';
import { PTE_P, PTE_U, PTE_W } from '../../../emulator/arch/paging.js';
import { INTERCEPTS, NP_ENABLE, VMCB_BYTES, VMCB_CONTROL, VMCB_STATE } from '../../../emulator/arch/vmcb.js';
import { Bench, CODE, HOST_SAVE_HPA, IOPM_HPA, VMCB_HPA } from './bench.js';

// Random VMCBs: whatever a hypervisor hands to VMRUN, the processor refuses it, runs it, or faults in the guest.

/** xorshift32: the same numbers on every machine. */
export function random(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

const NESTED_ROOT = 0x20_0000;
const NESTED_TABLE = 0x20_1000;
/** What the guest may reach with nested paging: guest-physical 0 to 1 MB, in this part of the host's memory. */
const GUEST_HPA = 0x10_0000;
const GUEST_BYTES = 0x10_0000;
const INSTRUCTIONS = 60;

/** Instructions that reach everything a guest can reach, in random order. */
const CODE_TEXT = `int 0x21\npush eax\nmov [eax], ebx\npop ds\nin al, dx\nud2\nmov cr3, eax\nmov cr0, ecx
mov cr4, edx\nvmsave\nvmload\nclgi\nstgi\ninvlpga\nrdmsr\nwrmsr\ncpuid\nrep movsd\niret\nlgdt [ebx]\njmp $`;

export interface FuzzCounts {
  refused: number;
  exits: number;
  /** Still running after its instructions, halted, or shut down. */
  others: number;
}

const LEGAL_STOPS: ReadonlySet<string> = new Set(['vmexit', 'budget', 'halted', 'exit', 'tripleFault']);

/**
 * Rounds of random VMCBs. Even rounds are random from end to end and mostly refused; odd ones are made to pass the
 * checks, so that random state runs. Every third has nested paging with little memory behind it, and then nothing
 * outside that memory may change.
 * @throws Error that names the round when something else happens; the host's own errors come through.
 */
export function fuzzVmcbs(firstRound: number, rounds: number): FuzzCounts {
  const counts: FuzzCounts = { refused: 0, exits: 0, others: 0 };
  let bench: Bench | null = null;
  for (let round = firstRound; round < firstRound + rounds; round++) {
    const next = random(Math.imul(round + 1, 2_654_435_761));
    bench ??= fresh();
    fill(bench, next, { plausible: round % 2 === 1, nested: round % 3 === 0 });
    const isNested = (bench.vmcb.read(VMCB_CONTROL.nestedControl) & NP_ENABLE) !== 0 && round % 3 === 0;
    const before = isNested ? outsideGuest(bench) : null;
    const host = bench.machine.state();
    const stop = bench.machine.vmrun(VMCB_HPA, { instructions: INSTRUCTIONS, cycles: 1e7 });
    if (!LEGAL_STOPS.has(stop.kind)) throw new Error(`round ${round}: the run stopped with '${stop.kind}'`);
    if (before !== null && !before.equals(outsideGuest(bench)))
      throw new Error(`round ${round}: the guest has changed memory that is not its own`);
    if (stop.kind !== 'vmexit') {
      counts.others++;
      bench = null;
      continue;
    }
    const { eip, cr0, cr3, segments } = bench.machine.state();
    const isWhole = isNested
      ? eip === host.eip && cr0 === host.cr0 && cr3 === host.cr3
      : segments.cs.selector === bench.machine.memory.read16(HOST_SAVE_HPA + 0x410);
    if (!isWhole) throw new Error(`round ${round}: the host did not come back as it was`);
    if (bench.exit.code === -1) counts.refused++;
    else counts.exits++;
    // A guest without nested paging owns the host's memory: what it has left there is no bench any more.
    if (bench.exit.code !== -1 && !isNested) bench = null;
  }
  return counts;
}

function fresh(): Bench {
  const bench = new Bench().load(CODE_TEXT);
  const { memory, cpu } = bench.machine;
  memory.u8.copyWithin(GUEST_HPA + CODE, CODE, CODE + 0x100);
  memory.write32(NESTED_ROOT, NESTED_TABLE | PTE_P | PTE_W | PTE_U);
  for (let page = 0; page < GUEST_BYTES >>> 12; page++) {
    memory.write32(NESTED_TABLE + page * 4, (GUEST_HPA + (page << 12)) | PTE_P | PTE_W | PTE_U);
  }
  memory.u8.fill(0xff, IOPM_HPA, IOPM_HPA + 0x3000);
  cpu.cr0 = (cpu.cr0 | CR0_PG) >>> 0;
  cpu.cr4 = CR4_PSE;
  return bench;
}

function fill(
  { machine, vmcb }: Bench,
  next: () => number,
  { plausible, nested }: { plausible: boolean; nested: boolean },
): void {
  const { memory } = machine;
  for (let at = VMCB_HPA; at < VMCB_HPA + VMCB_BYTES; at += 4) memory.write32(at, next());
  if (plausible) makePlausible(vmcb, next);
  if (!nested) return;
  vmcb.write(VMCB_CONTROL.nestedControl, NP_ENABLE);
  vmcb.write(VMCB_CONTROL.nestedCr3, NESTED_ROOT);
  vmcb.write(VMCB_STATE.gPat, 0x0007_0406, 0x0007_0406);
  // These reach host-physical addresses and devices by themselves; every monitor intercepts them.
  for (const exit of [
    INTERCEPTS.VMSAVE,
    INTERCEPTS.VMLOAD,
    INTERCEPTS.SKINIT,
    INTERCEPTS.IOIO,
    INTERCEPTS.MSR,
  ]) {
    const field = { offset: (exit >>> 5) * 4, bytes: 4 } as const;
    vmcb.write(field, (vmcb.read(field) | (1 << (exit & 31))) >>> 0);
  }
  vmcb.write(VMCB_CONTROL.iopmBasePa, IOPM_HPA);
}

/** Leaves random what VMRUN does not check. */
function makePlausible(vmcb: Bench['vmcb'], next: () => number): void {
  const field = { offset: (INTERCEPTS.VMRUN >>> 5) * 4, bytes: 4 } as const;
  vmcb.write(field, (vmcb.read(field) | (1 << (INTERCEPTS.VMRUN & 31))) >>> 0);
  vmcb.write(VMCB_CONTROL.asid, (next() & 3) + 1);
  vmcb.write(VMCB_CONTROL.iopmBasePa, next() & 0x3f_f000);
  vmcb.write(VMCB_CONTROL.msrpmBasePa, next() & 0x3f_f000);
  vmcb.write(VMCB_CONTROL.nestedControl, 0);
  vmcb.write(VMCB_CONTROL.eventInjection, next() % 2 ? (next() & 0x0000_08ff) | 0x8000_0000 : 0);
  vmcb.write(VMCB_STATE.efer, EFER_SVME);
  vmcb.write(VMCB_STATE.cr0, ((next() & 0x8005_003f) | CR0_ET | (next() % 4 ? CR0_PE : 0)) >>> 0);
  vmcb.write(VMCB_STATE.cr3, next() & 0x3f_ffff);
  vmcb.write(VMCB_STATE.cr4, next() & 0xb0);
  vmcb.write(VMCB_STATE.dr6, 0xffff_0ff0);
  vmcb.write(VMCB_STATE.dr7, 0x400);
  vmcb.write(VMCB_STATE.rflags, next() & (next() % 4 ? 0x0004_7fd5 : 0x001f_7fd5));
  if (next() % 2) {
    vmcb.write(VMCB_STATE.rip, CODE + (next() & 0x3f));
    vmcb.setSegment(0x410, { selector: 8, attributes: 0xc9b, limit: 0xffff_ffff, base: 0 });
  }
}

/** Everything but the guest's memory and what VMRUN and #VMEXIT themselves write: VMCB, host save area, nested A and D. */
function outsideGuest({ machine }: Bench): Buffer {
  const { u8 } = machine.memory;
  const copy = Buffer.from(u8);
  for (const [first, bytes] of [
    [VMCB_HPA, VMCB_BYTES],
    [HOST_SAVE_HPA, VMCB_BYTES],
    [GUEST_HPA, GUEST_BYTES],
    [NESTED_ROOT, 0x2000],
  ]) {
    copy.fill(0, first, first + bytes);
  }
  return copy;
}
