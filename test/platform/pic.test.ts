import t from 'tap';
import { PortBus } from '../../emulator/platform/bus.js';
import { InterruptController, PIC_MASTER_PORT, PIC_SLAVE_PORT } from '../../emulator/platform/pic.js';

const MASTER = PIC_MASTER_PORT;
const SLAVE = PIC_SLAVE_PORT;
const DATA = 1;

class Bench {
  readonly ports = new PortBus();
  int = false;
  readonly pic = new InterruptController(this.ports, (level) => (this.int = level));

  out(port: number, ...values: number[]): this {
    for (const value of values) this.ports.write(port, 1, value);
    return this;
  }

  in(port: number): number {
    return this.ports.read(port, 1);
  }

  /** ICW1 to ICW4 as every PC operating system writes them: vectors 20h and 28h. */
  initialise({ icw1 = 0x11, icw4 = 0x01 } = {}): this {
    this.out(MASTER, icw1).out(MASTER + DATA, 0x20, 0x04, icw4);
    return this.out(SLAVE, icw1).out(SLAVE + DATA, 0x28, 0x02, icw4);
  }

  raise(...irqs: number[]): this {
    for (const irq of irqs) this.pic.setLine(irq, true);
    return this;
  }

  lower(...irqs: number[]): this {
    for (const irq of irqs) this.pic.setLine(irq, false);
    return this;
  }

  /** Acknowledges as long as INT is high. */
  vectors(): number[] {
    const seen = [];
    while (this.int) seen.push(this.pic.acknowledge());
    return seen;
  }
}

const EOI = 0x20;

const cases: { name: string; run: (bench: Bench) => unknown; want: unknown }[] = [
  {
    name: 'nothing is raised before initialisation',
    run: (b) => b.raise(0).int,
    want: false,
  },
  {
    name: 'nothing is raised in the middle of initialisation',
    run: (b) =>
      b
        .out(MASTER, 0x11)
        .out(MASTER + DATA, 0x20)
        .raise(0).int,
    want: false,
  },
  {
    name: 'a request gives base plus input',
    run: (b) => b.initialise().raise(4).vectors(),
    want: [0x24],
  },
  {
    name: 'the lowest input has the highest priority',
    run: (b) => [b.initialise().raise(5, 3).pic.acknowledge(), b.int],
    want: [0x23, false],
  },
  {
    name: 'a higher priority interrupts the one in service',
    run: (b) => {
      b.initialise().raise(5).pic.acknowledge();
      return b.raise(1).vectors();
    },
    want: [0x21],
  },
  {
    name: 'after EOI the lower one follows',
    run: (b) => {
      b.initialise().raise(3, 5).pic.acknowledge();
      return b.out(MASTER, EOI).vectors();
    },
    want: [0x25],
  },
  {
    name: 'a masked input waits until it is unmasked',
    run: (b) => {
      b.initialise()
        .out(MASTER + DATA, 0x10)
        .raise(4);
      const masked = b.int;
      return [masked, b.out(MASTER + DATA, 0).vectors(), b.in(MASTER + DATA)];
    },
    want: [false, [0x24], 0],
  },
  {
    name: 'edge mode: a line that stays high asks once',
    run: (b) => {
      b.initialise().raise(4);
      const first = b.vectors();
      return [first, b.out(MASTER, EOI).vectors(), b.lower(4).raise(4).vectors()];
    },
    want: [[0x24], [], [0x24]],
  },
  {
    name: 'level mode: a line that stays high asks again after EOI',
    run: (b) => {
      b.initialise({ icw1: 0x19 }).raise(4);
      return [b.pic.acknowledge(), b.out(MASTER, EOI).int, b.lower(4).int];
    },
    want: [0x24, true, false],
  },
  {
    name: 'a request that goes away before the acknowledge is spurious 7 and not in service',
    run: (b) => {
      b.initialise().raise(4).lower(4);
      return [b.pic.acknowledge(), b.out(MASTER, 0x0b).in(MASTER)];
    },
    want: [0x27, 0],
  },
  {
    name: 'the slave comes in through input 2',
    run: (b) => [
      b.initialise().raise(12).vectors(),
      b.out(MASTER, 0x0b).in(MASTER),
      b.out(SLAVE, 0x0b).in(SLAVE),
    ],
    want: [[0x2c], 0x04, 0x10],
  },
  {
    name: 'IRQ 8 goes before IRQ 3',
    run: (b) => b.initialise().raise(3, 8).pic.acknowledge(),
    want: 0x28,
  },
  {
    name: 'a second slave request comes after both EOIs',
    run: (b) => {
      b.initialise().raise(9, 12);
      const first = b.vectors();
      return [first, b.out(SLAVE, EOI).out(MASTER, EOI).vectors()];
    },
    want: [[0x29], [0x2c]],
  },
  {
    name: 'special fully nested mode: the slave interrupts itself',
    run: (b) => {
      b.initialise({ icw4: 0x11 }).raise(12);
      const first = b.vectors();
      return [first, b.raise(9).vectors()];
    },
    want: [[0x2c], [0x29]],
  },
  {
    name: 'without it the slave waits for the master EOI',
    run: (b) => {
      b.initialise().raise(12);
      const first = b.vectors();
      return [first, b.raise(9).vectors()];
    },
    want: [[0x2c], []],
  },
  {
    name: 'specific EOI ends that level only',
    run: (b) => {
      b.initialise().raise(5).pic.acknowledge();
      b.raise(1).pic.acknowledge();
      return b.out(MASTER, 0x65, 0x0b).in(MASTER);
    },
    want: 0x02,
  },
  {
    name: 'automatic EOI leaves nothing in service',
    run: (b) => {
      b.initialise({ icw4: 0x03 }).raise(0);
      return [b.vectors(), b.out(MASTER, 0x0b).in(MASTER)];
    },
    want: [[0x20], 0],
  },
  {
    name: 'rotation on non-specific EOI makes the served one the lowest',
    run: (b) => {
      b.initialise().raise(3).pic.acknowledge();
      return b.out(MASTER, 0xa0).lower(3).raise(3, 4).pic.acknowledge();
    },
    want: 0x24,
  },
  {
    name: 'set priority: input 0 becomes the lowest, 1 the highest',
    run: (b) => b.initialise().out(MASTER, 0xc0).raise(0, 1).pic.acknowledge(),
    want: 0x21,
  },
  {
    name: 'rotation in automatic EOI mode',
    run: (b) => b.initialise({ icw4: 0x03 }).out(MASTER, 0x80).raise(0, 1).vectors(),
    want: [0x20, 0x21],
  },
  {
    name: 'special mask mode lets lower levels through a masked one in service',
    run: (b) => {
      b.initialise().raise(3).pic.acknowledge();
      b.raise(5);
      const before = b.int;
      b.out(MASTER + DATA, 0x08).out(MASTER, 0x68);
      return [before, b.vectors()];
    },
    want: [false, [0x25]],
  },
  {
    name: 'OCW3 chooses IRR or ISR',
    run: (b) => {
      b.initialise().raise(3, 5).pic.acknowledge();
      return [b.out(MASTER, 0x0a).in(MASTER), b.out(MASTER, 0x0b).in(MASTER)];
    },
    want: [0x20, 0x08],
  },
  {
    name: 'poll command acknowledges by a read',
    run: (b) => {
      b.initialise().raise(6);
      return [b.out(MASTER, 0x0c).in(MASTER), b.out(MASTER, 0x0b).in(MASTER), b.out(MASTER, 0x0c).in(MASTER)];
    },
    want: [0x86, 0x40, 0],
  },
  {
    name: 'ICW1 forgets latched edges and the mask',
    run: (b) =>
      b
        .raise(4)
        .out(MASTER + DATA, 0xff)
        .initialise().int,
    want: false,
  },
  {
    name: 'ICW4 can be left out: then no automatic EOI',
    run: (b) => {
      b.out(MASTER, 0x10)
        .out(MASTER + DATA, 0x40, 0x04)
        .raise(1);
      return [b.vectors(), b.out(MASTER, 0x0b).in(MASTER)];
    },
    want: [[0x41], 0x02],
  },
];

for (const { name, run, want } of cases) t.test(name, async (t) => t.strictSame(run(new Bench()), want));
