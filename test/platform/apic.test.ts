import t from 'tap';
import { Ledger, TICKS_PER_CYCLE } from '../../emulator/cost/ledger.js';
import { pentium4_672 } from '../../emulator/cost/profiles/pentium4-672.js';
import { APIC_BUS_HZ } from '../../emulator/platform/apic-timer.js';
import { PortBus } from '../../emulator/platform/bus.js';
import { Clock } from '../../emulator/platform/clock.js';
import { PhysicalMemory } from '../../emulator/platform/memory.js';
import { Platform } from '../../emulator/platform/platform.js';

const APIC = 0xfee0_0000;
const IO_APIC = 0xfec0_0000;
const TPR = 0x80;
const PPR = 0xa0;
const EOI = 0xb0;
const LDR = 0xd0;
const DFR = 0xe0;
const SVR = 0xf0;
const ISR = 0x100;
const TMR = 0x180;
const IRR = 0x200;
const ESR = 0x280;
const ICR = 0x300;
const LVT_TIMER = 0x320;
const LINT0 = 0x350;
const LVT_ERROR = 0x370;
const INITIAL = 0x380;
const CURRENT = 0x390;
const DIVIDE = 0x3e0;
const PULSE = (pentium4_672.frequencyHz * TICKS_PER_CYCLE) / APIC_BUS_HZ;

/** A PC with its PIC at vectors 20h and 28h; time passes only by `pass`. */
class Bench {
  readonly ports = new PortBus();
  readonly ledger = new Ledger(pentium4_672);
  readonly clock = new Clock(this.ledger);
  line = false;
  nmis = 0;
  readonly platform = new Platform({
    ports: this.ports,
    clock: this.clock,
    memory: PhysicalMemory.over(new WebAssembly.Memory({ initial: 16 }), 0, 1 << 20),
    setInterruptLine: (level) => (this.line = level),
    requestNmi: () => this.nmis++,
    requestExit: () => {},
    requestEnd: () => {},
  });

  constructor() {
    for (const [port, value] of [
      [0x20, 0x11],
      [0x21, 0x20],
      [0x21, 0x04],
      [0x21, 0x01],
    ]) {
      this.ports.write(port, 1, value);
    }
  }

  get(register: number): number {
    return this.platform.mmio.read(APIC + register, 4);
  }

  /** Register and value, pair by pair. */
  set(...pairs: number[]): this {
    for (let at = 0; at < pairs.length; at += 2) this.platform.mmio.write(APIC + pairs[at], 4, pairs[at + 1]);
    return this;
  }

  enable(): this {
    return this.set(SVR, 0x1ff);
  }

  /** Sends vectors to itself. */
  send(...vectors: number[]): this {
    for (const vector of vectors) this.set(ICR, 0x4_0000 | vector);
    return this;
  }

  take(): number {
    return this.platform.acknowledgeInterrupt();
  }

  /** Takes interrupts as long as the line is high, without ending any. */
  vectors(): number[] {
    const seen = [];
    while (this.line) seen.push(this.take());
    return seen;
  }

  /** Writes an entry of the I/O APIC's redirection table. */
  redirect(pin: number, low: number, high = 0): this {
    return this.io(0x10 + pin * 2 + 1, high).io(0x10 + pin * 2, low);
  }

  io(index: number, value: number): this {
    this.platform.mmio.write(IO_APIC, 4, index);
    this.platform.mmio.write(IO_APIC + 0x10, 4, value);
    return this;
  }

  ioGet(index: number): number {
    this.platform.mmio.write(IO_APIC, 4, index);
    return this.platform.mmio.read(IO_APIC + 0x10, 4);
  }

  irq(pin: number, level: boolean): this {
    this.platform.ioApic.setIrq(pin, level);
    return this;
  }

  pass(pulses: number): this {
    const end = this.ledger.ticks + pulses * PULSE;
    while (this.clock.nextTicks <= end) {
      this.ledger.ticks = Math.max(this.ledger.ticks, this.clock.nextTicks);
      this.clock.fireDue();
    }
    this.ledger.ticks = end;
    return this;
  }
}

const LEVEL = 1 << 15;
const MASKED = 1 << 16;
const PERIODIC = 1 << 17;

const cases: { name: string; run: (bench: Bench) => unknown; want: unknown }[] = [
  {
    name: 'after reset',
    run: (b) => [b.get(0x20), b.get(0x30), b.get(SVR), b.get(LVT_TIMER), b.get(LINT0), b.get(DFR)],
    want: [0, 0x5_0014, 0xff, MASKED, 0x700, 0xffff_ffff],
  },
  {
    name: 'virtual wire: the PIC comes through',
    run: (b) => {
      b.platform.pic.setLine(4, true);
      return b.vectors();
    },
    want: [0x24],
  },
  {
    name: 'LINT0 masked: the PIC does not',
    run: (b) => {
      b.enable()
        .set(LINT0, MASKED | 0x700)
        .platform.pic.setLine(4, true);
      return b.line;
    },
    want: false,
  },
  {
    name: 'LINT0 as a fixed interrupt',
    run: (b) => {
      b.enable().set(LINT0, 0x55).platform.pic.setLine(4, true);
      return b.vectors();
    },
    want: [0x55],
  },
  {
    name: 'LINT0 as NMI',
    run: (b) => {
      b.enable().set(LINT0, 0x400).platform.pic.setLine(4, true);
      return [b.line, b.nmis];
    },
    want: [false, 1],
  },
  {
    name: 'its own interrupts go before the PIC',
    run: (b) => {
      b.enable().set(LINT0, 0x700).send(0x31).platform.pic.setLine(4, true);
      return [b.take(), b.take()];
    },
    want: [0x31, 0x24],
  },
  {
    name: 'nothing is accepted while software has it disabled',
    run: (b) => [b.send(0x31).line, b.get(IRR + 0x10)],
    want: [false, 0],
  },
  {
    name: 'disabling masks the local interrupts',
    run: (b) => b.enable().set(LVT_TIMER, 0x40, SVR, 0xff).get(LVT_TIMER),
    want: MASKED | 0x40,
  },
  {
    name: 'the highest vector first; the other waits for its end',
    run: (b) => {
      b.enable().send(0x31, 0x51);
      return [b.vectors(), b.set(EOI, 0).vectors()];
    },
    want: [[0x51], [0x31]],
  },
  {
    name: 'a higher class interrupts, the same class does not',
    run: (b) => {
      b.enable().send(0x31);
      return [b.vectors(), b.send(0x3f).vectors(), b.send(0x41).vectors()];
    },
    want: [[0x31], [], [0x41]],
  },
  {
    name: 'IRR and ISR',
    run: (b) => {
      b.enable().send(0x31, 0x42).take();
      return [b.get(IRR + 0x10), b.get(ISR + 0x20)];
    },
    want: [1 << 0x11, 1 << 2],
  },
  {
    name: 'task priority holds its class and those below',
    run: (b) => {
      b.enable().set(TPR, 0x40).send(0x4f, 0x51);
      return [b.vectors(), b.set(EOI, 0).line, b.set(TPR, 0x3f).vectors()];
    },
    want: [[0x51], false, [0x4f]],
  },
  {
    name: 'processor priority',
    run: (b) => {
      b.enable().set(TPR, 0x27);
      const task = b.get(PPR);
      b.send(0x35).take();
      return [task, b.get(PPR)];
    },
    want: [0x27, 0x30],
  },
  {
    name: 'spurious when the request is gone',
    run: (b) => {
      b.set(SVR, 0x1ee).send(0x31).set(TPR, 0xff);
      return b.take();
    },
    want: 0xee,
  },
  {
    name: 'destinations: physical, broadcast, other, all but self',
    run: (b) => {
      b.enable();
      const sent = (low: number, high: number) => b.set(ICR + 0x10, high, ICR, low).line && b.vectors();
      return [sent(0x31, 0), sent(0x41, 0xff00_0000), sent(0x51, 0x0100_0000), sent(0xc_0061, 0)];
    },
    want: [[0x31], [0x41], false, false],
  },
  {
    name: 'destinations: flat logical and cluster',
    run: (b) => {
      b.enable().set(LDR, 0x1200_0000);
      const sent = (vector: number, high: number) =>
        b.set(ICR + 0x10, high, ICR, 0x800 | vector).line && b.vectors();
      const flat = [sent(0x31, 0x0200_0000), sent(0x41, 0x0400_0000)];
      b.set(DFR, 0);
      return [flat, sent(0x51, 0x1300_0000), sent(0x61, 0x2200_0000)];
    },
    want: [[[0x31], false], [0x51], false],
  },
  { name: 'an NMI to itself', run: (b) => b.enable().set(ICR, 0x4_0400).nmis, want: 1 },
  {
    name: 'an illegal vector is an error, with an interrupt of its own',
    run: (b) => {
      b.enable().set(LVT_ERROR, 0x60).send(5);
      return [b.get(ESR), b.set(ESR, 0).get(ESR), b.vectors(), b.set(ESR, 0).get(ESR)];
    },
    want: [0, 0x20, [0x60], 0],
  },
  {
    name: 'an error vector that is illegal itself',
    run: (b) => b.enable().set(LVT_ERROR, 3).send(5).set(ESR, 0).get(ESR),
    want: 0x60,
  },
  {
    name: 'a register that does not exist',
    run: (b) => [b.enable().get(0x40), b.set(ESR, 0).get(ESR)],
    want: [0, 0x80],
  },
  {
    name: 'timer, once',
    run: (b) => {
      b.enable().set(LVT_TIMER, 0x40, DIVIDE, 0xb, INITIAL, 100);
      return [
        b.pass(30).get(CURRENT),
        b.pass(69).line,
        b.pass(1).vectors(),
        b.get(CURRENT),
        b.pass(1000).set(EOI, 0).line,
      ];
    },
    want: [70, false, [0x40], 0, false],
  },
  {
    name: 'timer, periodic',
    run: (b) => {
      b.enable().set(LVT_TIMER, PERIODIC | 0x40, DIVIDE, 0xb, INITIAL, 100);
      const seen = [];
      for (let period = 0; period < 3; period++)
        seen.push(b.pass(100).vectors().length, b.set(EOI, 0).get(CURRENT));
      return seen;
    },
    want: [1, 100, 1, 100, 1, 100],
  },
  {
    name: 'divider 16',
    run: (b) =>
      b
        .enable()
        .set(DIVIDE, 3, INITIAL, 100)
        .pass(16 * 40)
        .get(CURRENT),
    want: 60,
  },
  {
    name: 'dividers 2, 4, 128 and 1',
    run: (b) =>
      [0, 1, 0xa, 0xb].map((bits) => 1000 - b.set(DIVIDE, bits, INITIAL, 1000).pass(128).get(CURRENT)),
    want: [64, 32, 1, 128],
  },
  {
    name: 'a masked timer counts and sets no deadline',
    run: (b) => [b.enable().set(DIVIDE, 0xb, INITIAL, 100).clock.nextTicks, b.pass(250).get(CURRENT)],
    want: [Infinity, 0],
  },
  {
    name: 'an initial count of 0 stops it',
    run: (b) => [b.enable().set(LVT_TIMER, 0x40, INITIAL, 100, INITIAL, 0).clock.nextTicks, b.get(CURRENT)],
    want: [Infinity, 0],
  },
  {
    name: 'the base register',
    run: (b) => [
      b.platform.localApic.base,
      b.platform.localApic.setBase(0xfee0_0100),
      b.platform.localApic.setBase(0xfee0_0801),
    ],
    want: [0xfee0_0900, true, false],
  },
  {
    name: 'disabled for good: no registers, the PIC straight through',
    run: (b) => {
      b.enable().set(LINT0, MASKED).platform.localApic.setBase(0xfee0_0000);
      b.platform.pic.setLine(4, true);
      return [b.platform.localApic.enabled, b.get(0x30), b.vectors()];
    },
    want: [false, 0xffff_ffff, [0x24]],
  },
  {
    name: 'moved, even over the I/O APIC',
    run: (b) => {
      b.platform.localApic.setBase(0xfec0_0800);
      return [b.get(0x30), b.platform.mmio.read(IO_APIC + 0x30, 4)];
    },
    want: [0xffff_ffff, 0x5_0014],
  },
  {
    name: 'narrow accesses: reads take their bytes, writes are dropped',
    run: (b) => {
      b.platform.mmio.write(APIC + TPR, 1, 0x50);
      return [b.get(TPR), b.platform.mmio.read(APIC + 0x30, 1), b.platform.mmio.read(APIC + 0x32, 2)];
    },
    want: [0, 0x14, 5],
  },
  {
    name: 'I/O APIC: identity, version, masked entries',
    run: (b) => [b.io(0, 0x0300_0000).ioGet(0), b.ioGet(1), b.ioGet(0x10), b.ioGet(0x3f)],
    want: [0x0300_0000, 0x17_0011, MASKED, 0],
  },
  {
    name: 'I/O APIC: an edge',
    run: (b) => b.enable().redirect(4, 0x44).irq(4, true).irq(4, true).vectors(),
    want: [0x44],
  },
  {
    name: 'I/O APIC: an edge while masked is lost',
    run: (b) => b.enable().irq(4, true).redirect(4, 0x44).line,
    want: false,
  },
  {
    name: 'I/O APIC: a level asks again after its end',
    run: (b) => {
      b.enable()
        .redirect(9, LEVEL | 0x49)
        .irq(9, true);
      const first = [b.vectors(), b.ioGet(0x22), b.get(TMR + 0x20)];
      return [first, b.set(EOI, 0).vectors(), b.irq(9, false).set(EOI, 0).line, b.ioGet(0x22)];
    },
    want: [[[0x49], LEVEL | 0x4049, 1 << 9], [0x49], false, LEVEL | 0x49],
  },
  {
    name: 'I/O APIC: active low',
    run: (b) =>
      b
        .enable()
        .irq(9, true)
        .redirect(9, LEVEL | (1 << 13) | 0x49)
        .irq(9, false)
        .vectors(),
    want: [0x49],
  },
  {
    name: 'I/O APIC: another destination',
    run: (b) => b.enable().redirect(4, 0x44, 0x0500_0000).irq(4, true).line,
    want: false,
  },
  {
    name: 'I/O APIC: the timer is on pin 2',
    run: (b) => b.enable().redirect(2, 0x42).irq(0, false).irq(0, true).vectors(),
    want: [0x42],
  },
  {
    name: 'I/O APIC: devices reach it beside the PIC',
    run: (b) => {
      b.ports.write(0x21, 1, 0xff);
      b.enable().redirect(1, 0x41).platform.keyboard.type('a');
      return b.vectors();
    },
    want: [0x41],
  },
  {
    name: 'reset',
    run: (b) => {
      b.enable().set(TPR, 0x20, LVT_TIMER, 0x40, INITIAL, 100).send(0x31).platform.localApic.reset();
      return [b.line, b.get(TPR), b.get(SVR), b.get(LINT0), b.clock.nextTicks];
    },
    want: [false, 0, 0xff, 0x700, Infinity],
  },
];
for (const { name, run, want } of cases) t.test(name, async (t) => t.strictSame(run(new Bench()), want));

t.test('no write to any register escapes', async (t) => {
  const bench = new Bench();
  for (let register = 0; register < 0x1000; register += 4) {
    for (const value of [0, 0xffff_ffff, 0x1ff, 0x7_0731]) {
      bench.set(register, value).get(register);
      bench.platform.mmio.write(IO_APIC + register, 4, value);
    }
  }
  t.pass();
});
