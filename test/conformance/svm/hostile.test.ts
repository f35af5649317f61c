import t from 'tap';
import { EFER_SVME } from '../../../emulator/arch/control.js';
import { VMCB_BYTES, VMCB_CONTROL, VMCB_STATE } from '../../../emulator/arch/vmcb.js';
import { Bench, CODE, VMCB_HPA } from './bench.js';

const ROUNDS = 60;

/** xorshift32: the same numbers on every machine. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** Random bytes in the state save area but what VMRUN would refuse at once. */
function scramble(bench: Bench, next: () => number): void {
  const { vmcb, machine } = bench;
  for (let at = VMCB_HPA + 0x400; at < VMCB_HPA + VMCB_BYTES; at += 4) {
    if (next() % 4 === 0) machine.memory.write32(at, next());
  }
  vmcb.write(VMCB_STATE.efer, EFER_SVME);
  vmcb.write(VMCB_STATE.cr0, ((next() & 0x8001_000e) | 0x11) >>> 0);
  vmcb.write(VMCB_STATE.cr3, next());
  vmcb.write(VMCB_STATE.cr4, next() & 0x190);
  vmcb.write(VMCB_STATE.dr6, 0xffff_0ff0);
  vmcb.write(VMCB_STATE.dr7, 0x400);
  vmcb.write(VMCB_STATE.rflags, (vmcb.read(VMCB_STATE.rflags) & 0x0000_7fd5) | 2);
  if (next() % 2) vmcb.write(VMCB_STATE.rip, CODE);
  for (const field of [
    VMCB_CONTROL.interceptExceptions,
    VMCB_CONTROL.interceptCr,
    VMCB_CONTROL.virtualInterrupt,
  ] as const) {
    vmcb.write(field, next());
  }
  if (next() % 2) vmcb.write(VMCB_CONTROL.eventInjection, (next() & 0x0000_08ff) | 0x8000_0000);
}

t.test('no guest state makes a host exception, and the host comes back whole', async (t) => {
  for (let round = 1; round <= ROUNDS; round++) {
    const next = random(round * 2_654_435_761);
    const bench = new Bench().load('int 0x21\npush eax\nmov [eax], ebx\npop ds\nin al, dx\nud2\njmp $');
    for (let at = 0; at < 0x800; at += 4) bench.machine.memory.write32(0x8000 + at, next());
    scramble(bench, next);
    const before = bench.machine.state();
    const stop = bench.machine.vmrun(VMCB_HPA, { instructions: 200 });
    if (!['vmexit', 'budget', 'halted', 'exit'].includes(stop.kind)) t.fail(`round ${round}: ${stop.kind}`);
    if (stop.kind !== 'vmexit') continue;
    const { eip, cr0, cr3, segments } = bench.machine.state();
    if (eip !== before.eip || cr0 !== before.cr0 || cr3 !== before.cr3)
      t.fail(`round ${round}: host registers`);
    if (segments.cs.selector !== before.segments.cs.selector) t.fail(`round ${round}: host CS`);
  }
  t.pass();
});

t.test('random control areas are refused or run, never worse', async (t) => {
  for (let round = 1; round <= ROUNDS; round++) {
    const next = random(round * 40_503);
    const bench = new Bench().load('cpuid\nin al, 0x80\nhlt\njmp $');
    for (let at = VMCB_HPA; at < VMCB_HPA + 0x400; at += 4) {
      if (next() % 3 === 0) bench.machine.memory.write32(at, next());
    }
    const stop = bench.machine.vmrun(VMCB_HPA, { instructions: 100 });
    if (!['vmexit', 'budget', 'halted', 'exit', 'tripleFault'].includes(stop.kind))
      t.fail(`round ${round}: ${stop.kind}`);
  }
  t.pass();
});
