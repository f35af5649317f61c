import t from 'tap';
import type { Test } from 'tap';
import { asm, GuestInterrupted, machine } from '../../kernel/session/index.js';
import { Progress } from '../../kernel/session/progress.js';
import type { ProgressState } from '../../kernel/session/progress.js';

const SLICE = 1 << 20;
const ENDLESS = asm`
again:  inc eax
        jmp again
`;
/** Counts down for longer than a slice, and then shows the first scan code that the keyboard gives. */
const ECHO = asm`
        mov ecx, ${SLICE}
again:  dec ecx
        jnz again
        in al, 0x60
        mov [0xb8000], al
        hlt
`;
const OPTIONS = { memoryBytes: 4 << 20, limits: { instructions: 3 * SLICE } };
type Machine = ReturnType<typeof machine>;

/** Does `work` as a cell does that the user interrupts. */
async function interrupted(t: Test, work: () => unknown): Promise<GuestInterrupted> {
  const flag = Symbol.for('ringside.interrupt');
  const globals = globalThis as Record<symbol, unknown>;
  globals[flag] = Int32Array.of(1, 0);
  try {
    await work();
  } catch (error) {
    if (error instanceof GuestInterrupted) return error;
    throw error;
  } finally {
    delete globals[flag];
  }
  return t.fail('not interrupted') as never;
}

/** What an interrupt stops: `before` is done in peace. */
const ROWS: { name: string; before?: (vm: Machine) => unknown; work: (vm: Machine) => unknown }[] = [
  { name: 'run', work: (vm) => vm.run(ENDLESS) },
  { name: 'run with a breakpoint', before: (vm) => vm.breakOn({ port: 1 }), work: (vm) => vm.run(ENDLESS) },
  { name: 'continue', before: (vm) => vm.load(ENDLESS), work: (vm) => vm.continue() },
  { name: 'step', before: (vm) => vm.load(ENDLESS), work: (vm) => vm.step(2 * SLICE) },
  { name: 'the way back', before: (vm) => vm.run(ENDLESS), work: (vm) => vm.stepBack() },
];

t.test('an interrupt stops a guest after its slice, and it goes on to the same end', async (t) => {
  const whole = machine(OPTIONS);
  const { cycles } = await whole.run(ENDLESS);
  for (const { name, before, work } of ROWS) {
    const vm = machine(OPTIONS);
    await before?.(vm);
    const error = await interrupted(t, () => work(vm));
    t.match(error.message, /stopped on request .*, after 1048576 instructions; continue\(\)/, name);
    t.match(vm.continue(), { position: 3 * SLICE, cycles, stop: { kind: 'budget' } }, name);
    t.match(error.run.result, { outcome: 'interrupted', instructions: SLICE }, `${name}: as it was then`);
    t.same(vm.registers.values, whole.registers.values, name);
  }
});

t.test('what is typed while a guest stands is there when it goes on', async (t) => {
  const vm = machine(OPTIONS);
  await interrupted(t, () => vm.run(ECHO));
  vm.type('a');
  t.match(vm.continue(), { stop: { kind: 'halted' } });
  t.match(String(vm.screen), /│▲/);
});

t.test('assembling and disassembling ask for the time to end', async (t) => {
  const vm = machine(OPTIONS);
  vm.load(ENDLESS);
  const flag = Symbol.for('ringside.interrupt');
  const globals = globalThis as Record<symbol, unknown>;
  const { store } = Atomics;
  const polled: number[] = [];
  globals[flag] = new Int32Array(2);
  Reflect.set(Atomics, 'store', (array: Int32Array, index: number, value: number) => {
    polled.push(value);
    return store(array, index, value);
  });
  t.teardown(() => {
    Atomics.store = store;
    delete globals[flag];
  });
  for (const work of [() => void asm`hlt`, () => void vm.disassemble(), () => void vm.step(1)]) {
    polled.length = 0;
    work();
    t.same(polled.slice(-2), [1, 0]);
  }
});

t.test(
  'a run says how it goes when it takes long, at most ten times a second, and then how it ended',
  async (t) => {
    const progress = Symbol.for('ringside.progress');
    const globals = globalThis as Record<symbol, unknown>;
    const told: { at: number; state: ProgressState }[] = [];
    let now = 0;
    globals[progress] = (state: ProgressState) => told.push({ at: now, state });
    t.teardown(() => delete globals[progress]);
    for (const [length, times] of [
      [490, 0],
      [1500, 11],
    ]) {
      told.length = now = 0;
      const run = new Progress(
        'native',
        (instructions) => instructions / 3000,
        () => now,
      );
      for (; now < length; now += 10) run.report({ instructions: 2 * now, cycles: 3 * now });
      run.end({ instructions: 3000, cycles: 9000 });
      const [last, ...before] = told.reverse();
      t.equal(before.length, Math.max(0, times - 1), `${length} ms`);
      if (last === undefined) continue;
      t.match(last.state, { done: true, instructions: 3000, cycles: 9000, share: 1 });
      t.match(before.at(-1), { at: 500, state: { done: false, rate: 2000, share: 1 / 3 } });
      for (const [index, { at }] of before.slice(1).entries()) t.ok(before[index].at - at >= 100);
    }
  },
);
