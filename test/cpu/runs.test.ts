import { isDeepStrictEqual } from 'node:util';
import t from 'tap';
import type { Machine, RunLimits } from '../../emulator/machine.js';
import { balances, bareMachine, everything, generator, guestMachine, guestNames, tables } from './bare.js';

const LIMIT = 200_000;

/** Runs to the end in pieces. */
function runInPieces(machine: Machine, next: () => RunLimits): string {
  for (let left = LIMIT; left > 0;) {
    const before = machine.cpu.instructions;
    const limits = next();
    const stop = machine.run({ ...limits, instructions: Math.min(limits.instructions ?? LIMIT, left) });
    if (stop.kind !== 'budget') return stop.kind;
    left -= machine.cpu.instructions - before;
  }
  return 'budget';
}

for (const name of guestNames) {
  t.test(`${name}: however a run is cut, the end is the same`, async (t) => {
    const whole = guestMachine(name);
    const end = whole.run({ instructions: LIMIT }).kind;
    const expected = everything(whole);
    t.ok(balances(whole), 'the accounts sum to the clock');
    const random = generator(1);
    const ways: [string, () => RunLimits][] = [
      ['pieces of 1 to 16 instructions', () => ({ instructions: 1 + (random() % 16) })],
      ['pieces of 1 to 1000 instructions', () => ({ instructions: 1 + (random() % 1000) })],
      ['pieces of 1 to 3000 cycles', () => ({ cycles: 1 + (random() % 3000) })],
    ];
    for (const [what, next] of ways) {
      const machine = guestMachine(name);
      t.equal(runInPieces(machine, next), end, what);
      t.same(everything(machine), expected, what);
    }
  });
}

t.test('a budget of instructions stops after exactly as many', async (t) => {
  const machine = bareMachine('again: inc eax\ninc ebx\nadd ecx, [eax]\nrep stosb\njmp again');
  for (const [index, instructions] of [1, 2, 3, 5, 7, 100, 1].entries()) {
    const before = machine.cpu.instructions;
    t.same(machine.run({ instructions }), { kind: 'budget', budget: 'instructions' });
    t.equal(machine.cpu.instructions - before, instructions, `run ${index}`);
  }
});

t.test('a stop asked for from outside', async (t) => {
  const machine = bareMachine('jmp $');
  machine.stopRequested = true;
  t.same(machine.run({ instructions: 1000 }), { kind: 'requested' });
  t.equal(machine.cpu.instructions, 1);
  t.same(machine.run({ cycles: 100 }), { kind: 'budget', budget: 'cycles' }, 'and it runs on');
});

const PROGRAMS = 60;
const PROGRAM_LIMITS = { instructions: 3000, cycles: 1_000_000 };
const RANDOM_CODE = 0x200000;
const RANDOM_BYTES = 512;

/** Whatever an exception leaves behind, goes on at another place in the random bytes. */
const GO_ON = `
        lidt [idtr]
        lgdt [gdtr]
go_on:  mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov esp, 0x90000
        imul eax, [seed], 1664525
        add eax, 1013904223
        mov [seed], eax
        shr eax, 16
        and eax, ${RANDOM_BYTES - 1}
        add eax, ${RANDOM_CODE}
        jmp eax
seed:   dd 1
${tables(() => 'jmp go_on')}
`;

t.test(
  'random bytes as code: no host exception, and however the run is cut, the end is the same',
  async (t) => {
    const random = generator(2006);
    for (let program = 0; program < PROGRAMS; program++) {
      const bytes = Uint8Array.from({ length: RANDOM_BYTES }, () => random() & 0xff);
      const run = (pieceInstructions: number): unknown => {
        const machine = bareMachine(GO_ON);
        machine.memory.writeBytes(RANDOM_CODE, bytes);
        for (;;) {
          const cycles = PROGRAM_LIMITS.cycles - machine.ledger.cyclesExact;
          const left = PROGRAM_LIMITS.instructions - machine.cpu.instructions;
          const stop = machine.run({ instructions: Math.min(pieceInstructions, left), cycles });
          const over = stop.kind === 'budget' && stop.budget === 'instructions' && left > pieceInstructions;
          if (over) continue;
          if (!balances(machine)) t.fail(`program ${program}: the accounts do not sum to the clock`);
          return { stop, all: everything(machine) };
        }
      };
      const whole = run(Infinity);
      for (const piece of [1, 7]) {
        const cut = run(piece);
        if (!isDeepStrictEqual(cut, whole)) t.same(cut, whole, `program ${program} in pieces of ${piece}`);
      }
    }
    t.pass();
  },
);
