import type { Test } from 'tap';
import type { CpuProfile } from '../../../emulator/cost/profile.js';
import { findProfile } from '../../../emulator/cost/catalog.js';
import { Cpu } from '../../../emulator/cpu/cpu.js';
import type { Machine } from '../../../emulator/machine.js';
import { bareMachine, everything, generator } from '../bare.js';

/** Instructions of a run, when it does not end by itself. */
const LIMIT = 40_000;
const MOST_AT_ONCE = 2000;

/** The usual processor, or one with so few TLB entries that code and data drive each other out. */
export function profileWith(tlbEntries: number | null): CpuProfile {
  const profile = findProfile('pentium4-672');
  return tlbEntries === null ? profile : { ...profile, tlb: { entries: tlbEntries, ways: 4 } };
}

/** What no cut of a run may show differently, to the last word of the state area and the modelled TLB. */
function inside(machine: Machine): object {
  const { cpu, ledger } = machine;
  if (!(cpu instanceof Cpu)) throw new TypeError('the machine has another processor');
  return {
    state: machine.state(),
    area: Buffer.from(cpu.u8).toString('hex'),
    tlb: cpu.mmu.tlb.entries(),
    forgotten: [cpu.mmu.tlb.invalidations, cpu.mmu.tlb.lastInvalidated, cpu.mmu.tlb.flushes],
    ticks: ledger.ticks,
    counts: ledger.snapshot(),
    instructions: cpu.instructions,
  };
}

/**
 * Runs a program with both engines to the end, cut at the same random instruction counts, and compares at every cut.
 * @returns the compiled one.
 */
export function compareEngines(
  t: Test,
  name: string,
  source: string,
  { profile = profileWith(null), seed = 1 }: { profile?: CpuProfile; seed?: number } = {},
): Machine {
  const interpreted = bareMachine(source, { engine: 'interpreter', profile });
  const compiled = bareMachine(source, { engine: 'compiled', hotInstructions: 40, profile });
  const random = generator(seed ^ 0x5bd1e995);
  let executed = 0;
  for (let stopped = false; !stopped && executed < LIMIT;) {
    const instructions = 1 + (random() % MOST_AT_ONCE);
    executed += instructions;
    const [expected, found] = [interpreted, compiled].map((machine) => ({
      stop: machine.run({ instructions }),
      ...inside(machine),
    }));
    if (JSON.stringify(expected) !== JSON.stringify(found)) {
      t.same(found, expected, `${name}: the same after ${executed} instructions`);
      return compiled;
    }
    stopped = expected.stop.kind !== 'budget';
  }
  t.same(everything(compiled), everything(interpreted), name);
  return compiled;
}
