import t from 'tap';
import { pentium4_672 } from '../../emulator/cost/profiles/pentium4-672.js';
import { Ledger } from '../../emulator/cost/ledger.js';
import { PortBus } from '../../emulator/platform/bus.js';
import { Clock } from '../../emulator/platform/clock.js';
import { IntervalTimer, PIT_HZ } from '../../emulator/platform/pit.js';
import { PulseTime } from '../../emulator/platform/pulse-time.js';

const CONTROL = 0x43;

class Bench {
  readonly ledger = new Ledger(pentium4_672);
  readonly clock = new Clock(this.ledger);
  readonly ports = new PortBus();
  readonly time = new PulseTime(pentium4_672.frequencyHz, PIT_HZ);
  /** Pulses at which IRQ 0 rose. */
  readonly rises: number[] = [];
  readonly falls: number[] = [];

  constructor() {
    new IntervalTimer(this.ports, this.clock, (level) => (level ? this.rises : this.falls).push(this.pulse));
  }

  get pulse(): number {
    return this.time.pulseAt(this.ledger.ticks);
  }

  /** Lets time pass to the first tick of a pulse, running deadlines on the way. */
  at(pulse: number): this {
    const end = this.time.ticksAt(pulse);
    while (this.clock.nextTicks <= end) {
      this.ledger.ticks = Math.max(this.ledger.ticks, this.clock.nextTicks);
      this.clock.fireDue();
    }
    this.ledger.ticks = end;
    return this;
  }

  out(port: number, ...values: number[]): this {
    for (const value of values) this.ports.write(port, 1, value);
    return this;
  }

  in(port: number): number {
    return this.ports.read(port, 1);
  }

  /** Control word for a counter in low-then-high access, then the count. */
  program(counter: number, mode: number, count: number, bcd = 0): this {
    this.out(CONTROL, (counter << 6) | 0x30 | (mode << 1) | bcd);
    return this.out(0x40 + counter, count & 0xff, count >> 8);
  }

  read(counter: number): number {
    const low = this.in(0x40 + counter);
    return low | (this.in(0x40 + counter) << 8);
  }

  /** OUT of counter 2, from port 61h. */
  get out2(): number {
    return (this.in(0x61) >> 5) & 1;
  }

  /** OUT of counter 2 at each of the pulses. */
  wave(...pulses: number[]): number[] {
    return pulses.map((pulse) => this.at(pulse).out2);
  }
}

const cases: { name: string; run: (bench: Bench) => unknown; want: unknown }[] = [
  {
    name: 'mode 0 raises IRQ 0 once, N + 1 pulses after the count',
    run: (b) => b.program(0, 0, 100).at(1000).rises.slice(1),
    want: [101],
  },
  {
    name: 'mode 2 raises IRQ 0 every N pulses, low for one',
    run: (b) => {
      b.program(0, 2, 100).at(350);
      return [b.rises.slice(1), b.falls];
    },
    want: [
      [101, 201, 301],
      [100, 200, 300],
    ],
  },
  {
    name: 'mode 3, even count: half high, half low',
    run: (b) => {
      b.program(0, 3, 10).at(25);
      return [b.falls, b.rises.slice(1)];
    },
    want: [
      [6, 16],
      [11, 21],
    ],
  },
  {
    name: 'mode 3, odd count: one pulse longer high',
    run: (b) => {
      b.program(0, 3, 5).at(12);
      return [b.falls, b.rises.slice(1)];
    },
    want: [
      [4, 9],
      [6, 11],
    ],
  },
  {
    name: 'modes 6 and 7 are 2 and 3',
    run: (b) => b.program(0, 6, 100).at(150).falls,
    want: [100],
  },
  {
    name: 'a count of 0 is 65536',
    run: (b) => b.program(0, 2, 0).at(140_000).rises.slice(1),
    want: [65_537, 131_073],
  },
  {
    name: 'a BCD count of 0 is 10000',
    run: (b) => b.program(0, 2, 0, 1).at(15_000).rises.slice(1),
    want: [10_001],
  },
  {
    name: 'BCD counts read back in BCD',
    run: (b) => b.program(0, 0, 0x1000, 1).at(2).read(0).toString(16),
    want: '999',
  },
  {
    name: 'mode 0 counts on from 65535 after it reached zero',
    run: (b) => b.program(0, 0, 3).at(6).read(0),
    want: 0xfffe,
  },
  {
    name: 'mode 2 reads N down to 1',
    run: (b) => {
      b.program(0, 2, 4);
      return [1, 2, 3, 4, 5].map((pulse) => b.at(pulse).read(0));
    },
    want: [4, 3, 2, 1, 4],
  },
  {
    name: 'mode 3 reads down by two, twice a period',
    run: (b) => {
      b.program(0, 3, 8);
      return [1, 2, 3, 4, 5, 6].map((pulse) => b.at(pulse).read(0));
    },
    want: [8, 6, 4, 2, 8, 6],
  },
  {
    name: 'a new count in mode 2 waits for the end of the period',
    run: (b) => b.program(0, 2, 100).at(50).out(0x40, 10, 0).at(125).rises.slice(1),
    want: [101, 111, 121],
  },
  {
    name: 'a new count in mode 3 waits for the end of the half period',
    run: (b) => {
      b.program(0, 3, 100).at(20).out(0x40, 10, 0).at(70);
      return [b.falls, b.rises.slice(1)];
    },
    want: [
      [51, 61],
      [56, 66],
    ],
  },
  {
    name: 'a rewritten mode 0 count starts over, its first byte stops counting',
    run: (b) => b.program(0, 0, 100).at(90).out(0x40, 50).at(200).out(0x40, 0).at(300).rises.slice(1),
    want: [251],
  },
  {
    name: 'low-byte access',
    run: (b) => b.out(CONTROL, 0x14).out(0x40, 20).at(30).rises.slice(1),
    want: [21],
  },
  {
    name: 'high-byte access',
    run: (b) => b.out(CONTROL, 0x24).out(0x40, 1).at(300).rises.slice(1),
    want: [257],
  },
  {
    name: 'a latched count stays until read, a second latch is ignored',
    run: (b) => {
      b.program(0, 0, 1000).at(101).out(CONTROL, 0x00).at(501).out(CONTROL, 0x00);
      return [b.read(0), b.read(0)];
    },
    want: [900, 500],
  },
  {
    name: 'read-back latches count and status; status comes first',
    run: (b) => {
      b.program(0, 2, 1000).at(101).out(CONTROL, 0xc2).at(201);
      return [b.in(0x40), b.read(0)];
    },
    want: [0xb4, 900],
  },
  {
    name: 'status shows the null count until the count is loaded',
    run: (b) => {
      b.program(0, 2, 1000).out(CONTROL, 0xe2);
      const before = b.in(0x40) & 0x40;
      b.at(2).out(CONTROL, 0xe2);
      return [before, b.in(0x40) & 0x40];
    },
    want: [0x40, 0],
  },
  {
    name: 'read-back of several counters at once',
    run: (b) => {
      b.out(0x61, 1).program(0, 0, 1000).program(2, 0, 2000).at(101).out(CONTROL, 0xda).at(500);
      return [b.read(0), b.read(2)];
    },
    want: [900, 1900],
  },
  {
    name: 'mode 0 with the gate low does not count',
    run: (b) => b.program(2, 0, 10).wave(50),
    want: [0],
  },
  {
    name: 'mode 0 pauses while the gate is low',
    run: (b) => {
      b.out(0x61, 1).program(2, 0, 10).at(6).out(0x61, 0).at(50).out(0x61, 1);
      return b.wave(54, 55);
    },
    want: [0, 1],
  },
  {
    name: 'mode 1 waits for a trigger and holds OUT low for N pulses',
    run: (b) => {
      const idle = b.program(2, 1, 10).wave(20);
      b.out(0x61, 1);
      return [idle, b.wave(21, 30, 31)];
    },
    want: [[1], [0, 0, 1]],
  },
  {
    name: 'mode 1 retriggered stays low',
    run: (b) => {
      b.program(2, 1, 10).at(20).out(0x61, 1).at(25).out(0x61, 0, 1);
      return b.wave(25, 26, 35, 36);
    },
    want: [0, 0, 0, 1],
  },
  {
    name: 'mode 2 is high and still while the gate is low, and restarts with it',
    run: (b) => {
      b.out(0x61, 1).program(2, 2, 10).at(5).out(0x61, 0);
      const stopped = b.wave(10, 15);
      b.out(0x61, 1);
      return [stopped, b.wave(24, 25, 26)];
    },
    want: [
      [1, 1],
      [1, 0, 1],
    ],
  },
  {
    name: 'mode 4 strobes low for one pulse, N + 1 after the count',
    run: (b) => b.out(0x61, 1).program(2, 4, 10).wave(10, 11, 12, 100),
    want: [1, 0, 1, 1],
  },
  {
    name: 'mode 5 strobes after a trigger',
    run: (b) => {
      b.program(2, 5, 10).at(20).out(0x61, 1);
      return b.wave(30, 31, 32);
    },
    want: [1, 0, 1],
  },
  {
    name: 'port 61h keeps its low bits and toggles bit 4 with refresh',
    run: (b) => [b.out(0x61, 0xff).in(0x61) & 0x0f, b.at(17).in(0x61) & 0x10, b.at(18).in(0x61) & 0x10],
    want: [0x0f, 0, 0x10],
  },
  {
    name: 'the control register cannot be read',
    run: (b) => b.in(CONTROL),
    want: 0xff,
  },
];

for (const { name, run, want } of cases) t.test(name, async (t) => t.strictSame(run(new Bench()), want));

t.test('ticks and pulses convert exactly over a day of simulated time', async (t) => {
  const time = new PulseTime(3_800_000_000, PIT_HZ);
  const ticksPerSecond = 3_800_000_000n * 1000n;
  for (const pulse of [0, 1, 2, 3, 596_590, 596_591, PIT_HZ, PIT_HZ * 1800 + 17]) {
    const exact = (BigInt(pulse) * ticksPerSecond + BigInt(PIT_HZ) - 1n) / BigInt(PIT_HZ);
    t.equal(BigInt(time.ticksAt(pulse)), exact, `pulse ${pulse}`);
    t.equal(time.pulseAt(Number(exact)), pulse, `tick ${exact}`);
    if (pulse > 0) t.equal(time.pulseAt(Number(exact) - 1), pulse - 1, `the tick before`);
  }
});

t.test('a timer at 100 Hz does not drift over ten seconds', async (t) => {
  const bench = new Bench().program(0, 2, 11_932);
  bench.at(11_932 * 1000 + 1);
  t.equal(bench.rises.length - 1, 1000);
  t.equal(bench.rises.at(-1), 11_932 * 1000 + 1);
});

t.test('reading the timer marks the run as dependent on time', async (t) => {
  const bench = new Bench().program(0, 2, 100);
  t.notOk(bench.clock.observed);
  bench.read(0);
  t.ok(bench.clock.observed);
});
