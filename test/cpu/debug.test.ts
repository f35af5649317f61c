import t from 'tap';
import type { OwnerHit, OwnerPoints } from '../../emulator/machine.js';
import { NO_POINTS } from '../../emulator/machine.js';
import { everything, generator, guestMachine, bareMachine, ORIGIN } from './bare.js';

// The program's own breakpoints are the suite `debug` of test/conformance/oracle; here: those of the machine's owner.

const DATA = 0x30_0000;

function points(some: Partial<OwnerPoints>): OwnerPoints {
  return { ...NO_POINTS, ...some };
}

t.test('where a run stops', async (t) => {
  const rows: [what: string, source: string, some: Partial<OwnerPoints>, hit: OwnerHit, eax: number][] = [
    [
      'before an instruction in the middle of a block',
      'inc eax\ninc eax\ninc eax\nhlt',
      { code: new Set([ORIGIN + 2]) },
      { kind: 'address', linear: ORIGIN + 2 },
      2,
    ],
    [
      'after a write',
      `inc eax\nmov [${DATA}], eax\ninc eax\nhlt`,
      { data: [{ first: DATA, last: DATA + 3, reads: false, writes: true }] },
      { kind: 'memory', linear: DATA, bytes: 4, write: true },
      1,
    ],
    [
      'after a read of one of the bytes, not at the write before',
      `inc eax\nmov [${DATA}], eax\ninc eax\nmov bl, [${DATA + 2}]\ninc eax\nhlt`,
      { data: [{ first: DATA, last: DATA + 3, reads: true, writes: false }] },
      { kind: 'memory', linear: DATA + 2, bytes: 1, write: false },
      2,
    ],
    [
      'after an out',
      'inc eax\nout 0x80, al\ninc eax\nhlt',
      { ports: [{ first: 0x80, last: 0x83 }] },
      { kind: 'port', port: 0x80, bytes: 1, direction: 'out' },
      1,
    ],
    [
      'at a change of mode',
      'inc eax\nmov ecx, cr0\nand cl, 0xfe\nmov cr0, ecx\ninc eax\nhlt',
      { mode: (cpu) => (cpu.cr0 & 1 ? null : 'real') },
      { kind: 'mode', mode: 'real' },
      1,
    ],
  ];
  for (const [what, source, some, hit, eax] of rows) {
    const machine = bareMachine(source);
    machine.watch(points(some));
    t.same(machine.run(), { kind: 'breakpoint', hit }, what);
    t.equal(machine.cpu.gpr(0), eax, what);
    const plain = bareMachine(source);
    plain.run();
    for (let stops = 0; machine.run().kind === 'breakpoint' && stops < 10; stops++);
    t.same(everything(machine), everything(plain), `${what}: and the run is the same in the end`);
  }
});

t.test(
  'an instruction that the run has stopped before is not stopped at again, its next time is',
  async (t) => {
    const machine = bareMachine('mov ecx, 3\nagain: dec ecx\njnz again\nhlt');
    machine.watch(points({ code: new Set([ORIGIN + 5]) }));
    const counts = [];
    while (machine.run().kind === 'breakpoint') counts.push(machine.cpu.gpr(1));
    t.same(counts, [3, 2, 1]);
  },
);

t.test('without points nothing is watched', async (t) => {
  const machine = bareMachine(`mov [${DATA}], eax\nhlt`);
  machine.watch(points({ data: [{ first: DATA, last: DATA, reads: true, writes: true }] }));
  machine.watch(null);
  t.equal(machine.run().kind, 'halted');
});

for (const name of ['first-exits', 'page-faults', 'timer', 'syscall-loop']) {
  t.test(`${name}: points change neither state nor time`, async (t) => {
    const plain = guestMachine(name);
    plain.run({ instructions: 200_000 });
    const random = generator(7);
    const machine = guestMachine(name);
    const code = new Set(Array.from({ length: 40 }, () => ORIGIN + (random() % 0x400)));
    const first = ORIGIN + (random() % 0x1000);
    machine.watch(
      points({
        code,
        data: [
          { first, last: first + 0x800, reads: true, writes: true },
          { first: 0x8_f000, last: 0x8_ffff, reads: true, writes: true },
        ],
        ports: [{ first: 0, last: 0xffff }],
        vectors: new Set(Array.from({ length: 256 }, (_, vector) => vector)),
      }),
    );
    let stops = 0;
    for (;;) {
      const left = 200_000 - machine.cpu.instructions;
      if (left <= 0 || machine.run({ instructions: left }).kind !== 'breakpoint') break;
      stops++;
    }
    t.ok(stops > 0, `${stops} stops`);
    t.same(everything(machine), everything(plain));
  });
}
