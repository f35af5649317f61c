import t from 'tap';
import type { Test } from 'tap';
import { Cpu } from '../../../emulator/cpu/cpu.js';
import type { Machine } from '../../../emulator/machine.js';
import { bareMachine, everything, generator } from '../bare.js';
import { ProgramSource } from './programs.js';

const PROGRAMS = Number(process.env.RINGSIDE_JIT_PROGRAMS ?? 30);
const FIRST_SEED = Number(process.env.RINGSIDE_JIT_SEED ?? 1);
const LIMIT = 40_000;

/** What no cut of a run may show differently, to the last word of the state area and the modelled TLB. */
function inside(machine: Machine): object {
  const { cpu, ledger } = machine;
  if (!(cpu instanceof Cpu)) throw new TypeError('the machine has another processor');
  return {
    state: machine.state(),
    area: Buffer.from(cpu.u8).toString('hex'),
    tlb: cpu.mmu.tlb.entries(),
    ticks: ledger.ticks,
    counts: ledger.snapshot(),
    instructions: cpu.instructions,
  };
}

/** Runs both to the end, cut at the same random instruction counts, and compares at every cut. */
function compare(t: Test, seed: number): void {
  const source = new ProgramSource(seed).program();
  const interpreted = bareMachine(source, { engine: 'interpreter' });
  const compiled = bareMachine(source, { engine: 'compiled', hotInstructions: 40 });
  const random = generator(seed ^ 0x5bd1e995);
  let executed = 0;
  for (let stopped = false; !stopped && executed < LIMIT;) {
    const instructions = 1 + (random() % 2000);
    executed += instructions;
    const [expected, found] = [interpreted, compiled].map((machine) => ({
      stop: machine.run({ instructions }),
      ...inside(machine),
    }));
    if (JSON.stringify(expected) !== JSON.stringify(found)) {
      t.same(found, expected, `seed ${seed}: the same after ${executed} instructions`);
      return;
    }
    stopped = expected.stop.kind !== 'budget';
  }
  t.same(everything(compiled), everything(interpreted), `seed ${seed}`);
}

t.test('random programs: compiled code is not to be told from the interpreter', async (t) => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + PROGRAMS; seed++) compare(t, seed);
});
