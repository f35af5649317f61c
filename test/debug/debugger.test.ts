import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { assemble } from '../../emulator/asm/index.js';
import { Debugger } from '../../emulator/debug/debugger.js';
import type { BreakPoint } from '../../emulator/debug/points.js';
import { packageRoot } from '../../emulator/root.js';
import { GuestRun } from '../../emulator/run.js';
import type { RunOptions } from '../../emulator/run.js';
import type { Technique } from '../../emulator/vmm/catalog.js';
import { generator } from '../cpu/bare.js';

const folder = join(packageRoot(), 'emulator/guests');

function image(name: string): { bytes: Uint8Array; symbols: Readonly<Record<string, number>> } {
  const include = (file: string): string => readFileSync(join(folder, file), 'utf8');
  return assemble(include(`${name}.asm`), { include });
}

const small: RunOptions = { memoryBytes: 4 << 20, trace: true };

/** Everything that a run has given so far, its events too. */
function everything({ run }: Debugger): unknown {
  return { hash: run.result().hash, ticks: run.vmm.host.ledger.ticks, trace: run.vmm.host.trace.query() };
}

/** Guests that page, take timed interrupts and fault, under a member of each family. */
const RUNS: readonly (readonly [name: string, technique: Technique])[] = [
  ['first-exits', 'native'],
  ['timer', 'native'],
  ['page-faults', 'svm-shadow'],
  ['timer', 'svm-nested'],
  ['first-exits', 'binary-translation'],
  ['phases', 'hybrid'],
  ['web-threads', 'hybrid'],
];

for (const [name, technique] of RUNS) {
  t.test(`${name} under ${technique}: any way there is the same, and changes nothing`, async (t) => {
    const { bytes } = image(name);
    const options = { ...small, technique };
    const plain = new GuestRun(bytes, options).run();
    const random = generator(11);
    const steered = new Debugger(bytes, options);
    const seen = new Map<number, unknown>();
    const note = (): void => {
      const known = seen.get(steered.position);
      if (known === undefined) seen.set(steered.position, everything(steered));
      else t.same(everything(steered), known, `instruction ${steered.position}`);
    };
    for (let round = 0; round < 5; round++) {
      const count = random() % 700;
      const before = steered.position;
      steered.step(count);
      note();
      const made = steered.position - before;
      const back = random() % (made + 1);
      const stopped = steered.stepBack(back);
      t.equal(stopped.position, before + made - back);
      steered.step(back);
      note();
    }
    const end = steered.continue();
    t.equal(end.kind, plain.outcome, end.why);
    t.equal(steered.run.result().hash, plain.hash, 'ends as a run that nobody has steered');
    t.same(steered.step(5), end, 'there is nothing after the end');
    const last = steered.position;
    for (const position of [Math.floor(0.8 * last), Math.floor(0.4 * last), 1]) {
      steered.goTo(position);
      t.equal(steered.continue().kind, end.kind);
      t.equal(steered.run.result().hash, plain.hash, `and from ${position}`);
    }
  });
}

t.test('breakpoints do not change a run, whatever stops it', async (t) => {
  const rows: readonly (readonly [name: string, technique: Technique, points: readonly BreakPoint[]])[] = [
    [
      'first-exits',
      'native',
      [
        { port: 0, ports: 0x10000 },
        { access: 0x10_0000, bytes: 0x1000 },
        { exception: '#PF' },
        { mode: 'any' },
      ],
    ],
    ['timer', 'native', [{ exception: 0x20 }, { port: 0x20 }]],
    [
      'page-faults',
      'svm-nested',
      [{ exception: '#PF' }, { exit: 'NESTED_PAGE_FAULT' }, { port: 0x3f8, ports: 8 }],
    ],
    ['page-faults', 'svm-shadow', [{ exit: 'PAGE_FAULT_HIDDEN' }, { write: 0x8_0000, bytes: 0x1_0000 }]],
    [
      'first-exits',
      'binary-translation',
      [{ exit: 'CR3_WRITE' }, { exit: 'SYSTEM_CALL' }, { exit: 'IOIO_OUT' }],
    ],
  ];
  for (const [name, technique, points] of rows) {
    const { bytes } = image(name);
    const options = { ...small, technique };
    const plain = new GuestRun(bytes, options).run();
    const steered = new Debugger(bytes, options);
    steered.setPoints(points);
    let stops = 0;
    while (steered.continue().kind === 'breakpoint') stops++;
    t.ok(stops > 0, `${name}, ${technique}: ${stops} stops`);
    t.equal(steered.run.result().hash, plain.hash, `${name}, ${technique}`);
  }
});

t.test('steps do not stop at breakpoints, and what is behind is met again after going back', async (t) => {
  const { bytes, diagnostics } = assemble(
    'bits 32\norg 0x100000\nmov ecx, 5\nagain: dec ecx\njnz again\nhlt',
  );
  t.same(diagnostics, []);
  const steered = new Debugger(bytes, small);
  steered.setPoints([{ address: 0x10_0005 }]);
  t.match(steered.continue(), { kind: 'breakpoint', position: 1, linear: 0x10_0005 });
  t.match(steered.continue(), { kind: 'breakpoint', position: 3 });
  t.match(steered.step(3), { kind: 'budget', position: 6 });
  t.match(steered.stepBack(2), { position: 4 });
  t.match(steered.continue(), { kind: 'breakpoint', position: 5 });
  t.match(steered.stepBack(1000), { position: 0, eip: 0x10_0000 });
});

t.test('what is wrong with a breakpoint is said', async (t) => {
  const { bytes } = image('hello');
  const rows: readonly (readonly [point: unknown, technique: Technique, message: RegExp])[] = [
    [{}, 'native', /one of address, write/],
    [{ address: 1, port: 2 }, 'native', /this one names address, port/],
    [{ address: -1 }, 'native', /address -1/],
    [{ port: 0xffff, ports: 2 }, 'native', /port 65535, 2 long/],
    [{ exception: '#XX' }, 'native', /no exception is called '#XX'.*#PF/],
    [{ exit: 'CR3' }, 'svm-shadow', /no exit reason is called 'CR3'.*CR3_WRITE/],
    [{ exit: 'CR3_WRITE' }, 'native', /no exits under 'native'/],
    [{ address: 1 }, 'binary-translation', /does not work under 'binary-translation'/],
    [{ mode: 'long' }, 'native', /no mode is called 'long'/],
  ];
  for (const [point, technique, message] of rows) {
    const steered = new Debugger(bytes, { ...small, technique });
    t.throws(() => steered.setPoints([point as BreakPoint]), { message });
  }
  const steered = new Debugger(bytes, small);
  t.throws(() => steered.step(-1), { message: /-1 instructions/ });
  t.throws(() => steered.goTo(1e9), { message: /the run ends at instruction/ });
});

t.test('a long run is asked whether to stop as often as a short one', async (t) => {
  const slice = 1 << 20;
  // Far enough for checkpoints to have been thinned out.
  const slices = 30;
  let asked = 0;
  const { bytes } = assemble('bits 32\norg 0x100000\nagain: jmp again');
  const steered = new Debugger(bytes, { memoryBytes: 4 << 20 }, () => ++asked === slices);
  t.match(steered.continue(), { kind: 'requested', position: slices * slice });
  t.match(steered.run.result(), { outcome: 'interrupted' });
});
