import t from 'tap';
import { Ledger, TICKS_PER_CYCLE } from '../../emulator/cost/ledger.js';
import { pentium4_672 } from '../../emulator/cost/profiles/pentium4-672.js';
import { PortBus } from '../../emulator/platform/bus.js';
import { Clock } from '../../emulator/platform/clock.js';
import { RealTimeClock } from '../../emulator/platform/rtc.js';

const SECOND = pentium4_672.frequencyHz * TICKS_PER_CYCLE;
const TIME = [4, 2, 0];
const DATE = [0x32, 9, 8, 7, 6];

class Bench {
  readonly ledger = new Ledger(pentium4_672);
  readonly clock = new Clock(this.ledger);
  readonly ports = new PortBus();
  /** Times, in seconds, at which IRQ 8 rose. */
  readonly rises: number[] = [];
  readonly rtc: RealTimeClock;

  constructor(memoryBytes = 64 << 20) {
    this.rtc = new RealTimeClock(this.ports, this.clock, memoryBytes, (level) => {
      if (level) this.rises.push(this.ledger.ticks / SECOND);
    });
  }

  in(index: number): number {
    this.ports.write(0x70, 1, index);
    return this.ports.read(0x71, 1);
  }

  read(indices: readonly number[]): string {
    return indices.map((index) => this.in(index).toString(16).padStart(2, '0')).join(' ');
  }

  out(...pairs: number[]): this {
    for (let at = 0; at < pairs.length; at += 2) {
      this.ports.write(0x70, 1, pairs[at]);
      this.ports.write(0x71, 1, pairs[at + 1]);
    }
    return this;
  }

  /** Lets `seconds` pass, running deadlines on the way and reading register C after each when `acknowledge`. */
  pass(seconds: number, acknowledge = false): this {
    const end = this.ledger.ticks + seconds * SECOND;
    while (this.clock.nextTicks <= end) {
      this.ledger.ticks = Math.max(this.ledger.ticks, this.clock.nextTicks);
      this.clock.fireDue();
      if (acknowledge) this.in(0x0c);
    }
    this.ledger.ticks = end;
    return this;
  }
}

const cases: { name: string; run: (bench: Bench) => unknown; want: unknown }[] = [
  { name: 'the epoch', run: (b) => [b.read(DATE), b.read(TIME)], want: ['20 06 10 21 07', '00 00 00'] },
  { name: 'A, B and D at power on', run: (b) => b.read([0x0a, 0x0b, 0x0d]), want: '26 02 80' },
  { name: 'a second', run: (b) => b.pass(1).read(TIME), want: '00 00 01' },
  { name: 'just before a second', run: (b) => b.pass(0.99).read(TIME), want: '00 00 00' },
  {
    name: 'BCD over a day and a month',
    run: (b) => [b.pass(11 * 86_400 + 13 * 3600 + 59 * 60 + 59).read(DATE), b.read(TIME)],
    want: ['20 06 11 01 04', '13 59 59'],
  },
  {
    name: 'binary',
    run: (b) => b.out(0x0b, 0x86, 0, 58, 2, 59, 4, 23, 0x0b, 0x06).pass(1).read(TIME),
    want: '17 3b 3b',
  },
  {
    name: '12 hours: midnight is 12 AM',
    run: (b) => b.out(0x0b, 0x80, 0, 0x59, 2, 0x59, 4, 0x91, 0x0b, 0x00).pass(1).read(TIME),
    want: '12 00 00',
  },
  {
    name: '12 hours: noon is 12 PM',
    run: (b) => b.out(0x0b, 0x80, 0, 0x59, 2, 0x59, 4, 0x11, 0x0b, 0x00).pass(1).read(TIME),
    want: '92 00 00',
  },
  {
    name: 'leap day, and the century',
    run: (b) => [
      b.out(0x0b, 0x82, 0, 0x59, 2, 0x59, 4, 0x23, 7, 0x28, 8, 0x02, 9, 0x08, 0x0b, 0x02).pass(1).read(DATE),
      b.out(0x0b, 0x82, 0, 0x59, 2, 0x59, 4, 0x23, 7, 0x31, 8, 0x12, 9, 0x99, 0x0b, 0x02).pass(1).read(DATE),
    ],
    want: ['20 08 02 29 01', '21 00 01 01 02'],
  },
  {
    name: 'SET holds the time',
    run: (b) => b.out(0x0b, 0x82).pass(10).read(TIME),
    want: '00 00 00',
  },
  {
    name: 'the divider held in reset; the first update half a second after its release',
    run: (b) => {
      b.out(0x0a, 0x70).pass(10.25).out(0x0a, 0x26);
      return [b.pass(0.49).read(TIME), b.pass(0.02).read(TIME), b.pass(1).read(TIME)];
    },
    want: ['00 00 00', '00 00 01', '00 00 02'],
  },
  {
    name: 'update in progress shows shortly before an update',
    run: (b) => [b.pass(0.9).in(0x0a), b.pass(0.0985).in(0x0a), b.pass(0.002).in(0x0a)],
    want: [0x26, 0xa6, 0x26],
  },
  {
    name: 'update interrupts, one a second while acknowledged',
    run: (b) => b.out(0x0b, 0x12).pass(3.5, true).rises,
    want: [1, 2, 3],
  },
  {
    name: 'an interrupt not acknowledged holds the line',
    run: (b) => b.out(0x0b, 0x12).pass(3.5).rises,
    want: [1],
  },
  {
    name: 'register C: the flags, once',
    run: (b) => [b.out(0x0b, 0x12).pass(1.5).in(0x0c), b.in(0x0c)],
    want: [0xd0, 0],
  },
  {
    name: 'flags without interrupts',
    run: (b) => [b.pass(1.5).in(0x0c), b.rises, b.clock.nextTicks],
    want: [0x50, [], Infinity],
  },
  {
    name: 'periodic at 1024 Hz',
    run: (b) => b.out(0x0b, 0x42).pass(0.1, true).rises.length,
    want: 102,
  },
  {
    name: 'rate 1 is 256 Hz',
    run: (b) => b.out(0x0a, 0x21, 0x0b, 0x42).pass(0.1, true).rises.length,
    want: 25,
  },
  { name: 'rate 0 is never', run: (b) => b.out(0x0a, 0x20, 0x0b, 0x42).pass(2, true).rises, want: [] },
  {
    name: 'alarm at 00:01:02',
    run: (b) => b.out(1, 0x02, 3, 0x01, 5, 0x00, 0x0b, 0x22).pass(86_400 + 100, true).rises,
    want: [62, 86_462],
  },
  {
    name: 'alarm at second 5 of every minute',
    run: (b) => b.out(1, 0x05, 3, 0xff, 5, 0xc0, 0x0b, 0x22).pass(130, true).rises,
    want: [5, 65, 125],
  },
  {
    name: 'an alarm that never matches',
    run: (b) => b.out(1, 0x7a, 0x0b, 0x22).clock.nextTicks,
    want: Infinity,
  },
  {
    name: 'reset turns interrupts off and keeps the time',
    run: (b) => {
      b.out(0x0b, 0x72, 0x40, 0x5a).pass(5);
      b.rtc.reset();
      return [b.read([0x0b, 0x0c, 0x40]), b.read(TIME), b.clock.nextTicks];
    },
    want: ['02 00 5a', '00 00 05', Infinity],
  },
  {
    name: 'bit 7 of the index masks NMI',
    run: (b) => {
      b.out(0x80 | 0x50, 7);
      const masked = b.rtc.nmiMasked;
      return [masked, b.in(0x50), b.rtc.nmiMasked];
    },
    want: [true, 7, false],
  },
  { name: 'the index port cannot be read', run: (b) => b.ports.read(0x70, 1), want: 0xff },
  {
    name: 'setting the time turns the update interrupt off',
    run: (b) => b.out(0x0b, 0x92).in(0x0b),
    want: 0x82,
  },
];
for (const { name, run, want } of cases) t.test(name, async (t) => t.strictSame(run(new Bench()), want));

const sizes: { megabytes: number; baseKb: number; extendedKb: number; above64Kb: number }[] = [
  { megabytes: 1, baseKb: 640, extendedKb: 0, above64Kb: 0 },
  { megabytes: 16, baseKb: 640, extendedKb: 15_360, above64Kb: 0 },
  { megabytes: 64, baseKb: 640, extendedKb: 64_512, above64Kb: 768 },
  { megabytes: 2048, baseKb: 640, extendedKb: 65_535, above64Kb: 32_512 },
];
for (const { megabytes, baseKb, extendedKb, above64Kb } of sizes) {
  t.test(`memory sizes in CMOS: ${megabytes} MB`, async (t) => {
    const bench = new Bench(megabytes * 2 ** 20);
    const word = (at: number): number => bench.in(at) | (bench.in(at + 1) << 8);
    t.strictSame([0x15, 0x17, 0x30, 0x34].map(word), [baseKb, extendedKb, extendedKb, above64Kb]);
    let sum = 0;
    for (let at = 0x10; at <= 0x2d; at++) sum += bench.in(at);
    t.equal((bench.in(0x2e) << 8) | bench.in(0x2f), sum, 'checksum');
  });
}
