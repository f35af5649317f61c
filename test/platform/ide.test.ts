import t from 'tap';
import { PortBus } from '../../emulator/platform/bus.js';
import { IdeChannel } from '../../emulator/platform/ide.js';
import { ImageError } from '../../emulator/platform/image.js';

const SECTOR = 512;
const SECTORS = 2 * 16 * 63;

/** A disk whose words tell their sector: sector number in every word. */
function image(sectors = SECTORS): Uint8Array {
  return new Uint8Array(Uint16Array.from({ length: (sectors * SECTOR) / 2 }, (_, word) => word >> 8).buffer);
}

class Bench {
  readonly ports = new PortBus();
  interrupts = 0;
  line = false;
  readonly channel = new IdeChannel(this.ports, (level) => {
    this.line = level;
    if (level) this.interrupts++;
  });
  readonly disk = this.channel.attachDisk(image());

  in(register: number): number {
    return this.ports.read(0x1f0 + register, 1);
  }

  out(register: number, ...values: number[]): this {
    for (const value of values) this.ports.write(0x1f0 + register, 1, value);
    return this;
  }

  /** Sets count and sector number, then the command. */
  lba(command: number, lba: number, count: number): this {
    this.out(2, count)
      .out(3, lba & 0xff)
      .out(4, (lba >> 8) & 0xff)
      .out(5, (lba >> 16) & 0xff);
    return this.out(6, 0xe0 | (lba >> 24)).out(7, command);
  }

  chs(command: number, cylinder: number, head: number, sector: number, count = 1): this {
    this.out(2, count)
      .out(3, sector)
      .out(4, cylinder & 0xff)
      .out(5, cylinder >> 8);
    return this.out(6, 0xa0 | head).out(7, command);
  }

  /** Reads while the drive asks to, a word of each sector. */
  sectors(): number[] {
    const seen = [];
    while (this.in(7) & 0x08) {
      seen.push(this.ports.read(0x1f0, 2));
      for (let word = 1; word < SECTOR / 2; word++) this.ports.read(0x1f0, 2);
    }
    return seen;
  }

  /** Writes one sector of a word. */
  write(word: number): this {
    for (let index = 0; index < SECTOR / 2; index++) this.ports.write(0x1f0, 2, word);
    return this;
  }

  identify(): DataView {
    this.out(7, 0xec);
    const view = new DataView(new ArrayBuffer(SECTOR));
    for (let word = 0; word < SECTOR / 2; word++) view.setUint16(word * 2, this.ports.read(0x1f0, 2), true);
    return view;
  }

  get taskFile(): string {
    return [1, 2, 3, 4, 5, 6, 7].map((register) => this.in(register).toString(16).padStart(2, '0')).join(' ');
  }
}

const word = (view: DataView, index: number): number => view.getUint16(index * 2, true);
const OK = 0x50;
const FAILED = 0x51;

const cases: { name: string; run: (bench: Bench) => unknown; want: unknown }[] = [
  { name: 'signature after power on', run: (b) => b.taskFile, want: '01 01 01 00 00 a0 50' },
  {
    name: 'READ SECTORS by number',
    run: (b) => [b.lba(0x20, 7, 3).sectors(), b.interrupts, b.in(7)],
    want: [[7, 8, 9], 3, OK],
  },
  {
    name: 'by cylinder, head and sector',
    run: (b) => b.chs(0x20, 1, 2, 3, 2).sectors(),
    want: [1008 + 126 + 2, 1008 + 126 + 3],
  },
  { name: 'a count of 0 is 256', run: (b) => b.lba(0x20, 0, 0).sectors().length, want: 256 },
  {
    name: 'doublewords',
    run: (b) => [b.lba(0x20, 5, 1).ports.read(0x1f0, 4), b.ports.read(0x1f0, 2)],
    want: [0x0005_0005, 5],
  },
  {
    name: 'registers after a read',
    run: (b) => [b.lba(0x20, 0x1fe, 2).sectors(), b.taskFile],
    want: [[0x1fe, 0x1ff], '00 00 ff 01 00 e0 50'],
  },
  {
    name: 'past the end: not found',
    run: (b) => [b.lba(0x20, SECTORS, 1).in(7), b.in(1)],
    want: [FAILED, 0x10],
  },
  {
    name: 'running over the end: what there is, then not found',
    run: (b) => [b.lba(0x20, SECTORS - 1, 2).sectors(), b.in(7), b.in(1)],
    want: [[SECTORS - 1], FAILED, 0x10],
  },
  {
    name: 'sector 0 does not exist by cylinder, head and sector',
    run: (b) => [b.chs(0x20, 0, 0, 0).in(7), b.in(1)],
    want: [FAILED, 0x10],
  },
  {
    name: 'WRITE SECTORS: an interrupt after each, none before the first',
    run: (b) => {
      b.lba(0x30, 9, 2);
      const before = [b.interrupts, b.in(7)];
      b.write(0xaaaa);
      const between = [b.interrupts, b.in(7)];
      b.write(0xbbbb);
      return [before, between, b.interrupts, b.in(7), b.lba(0x20, 8, 4).sectors()];
    },
    want: [[0, 0x58], [1, 0x58], 2, OK, [8, 0xaaaa, 0xbbbb, 11]],
  },
  {
    name: 'READ MULTIPLE: an interrupt a block',
    run: (b) => [b.out(2, 4).out(7, 0xc6).in(7), b.lba(0xc4, 20, 6).sectors().length, b.interrupts],
    want: [OK, 6, 3],
  },
  {
    name: 'READ MULTIPLE before SET MULTIPLE MODE',
    run: (b) => [b.lba(0xc4, 0, 1).in(7), b.in(1)],
    want: [FAILED, 0x04],
  },
  {
    name: 'blocks of a size that is no power of two',
    run: (b) => b.out(2, 3).out(7, 0xc6).in(7),
    want: FAILED,
  },
  {
    name: 'WRITE MULTIPLE',
    run: (b) => {
      b.out(2, 2).out(7, 0xc6).in(7);
      b.lba(0xc5, 30, 2).write(1).write(2);
      return [b.interrupts, b.lba(0x20, 30, 2).sectors()];
    },
    want: [2, [1, 2]],
  },
  {
    name: 'the interrupt falls when the status is read',
    run: (b) => [b.lba(0x20, 0, 1).line, b.in(7), b.line],
    want: [true, 0x58, false],
  },
  {
    name: 'the alternate status leaves it',
    run: (b) => [b.lba(0x20, 0, 1).ports.read(0x3f6, 1), b.line],
    want: [0x58, true],
  },
  {
    name: 'interrupts disabled, and enabled while one waits',
    run: (b) => {
      b.ports.write(0x3f6, 1, 2);
      const off = b.lba(0x20, 0, 1).line;
      b.ports.write(0x3f6, 1, 0);
      return [off, b.line];
    },
    want: [false, true],
  },
  {
    name: 'software reset',
    run: (b) => {
      b.lba(0x20, 7, 3);
      b.ports.write(0x3f6, 1, 4);
      const busy = b.in(7);
      b.ports.write(0x3f6, 1, 0);
      return [busy, b.taskFile, b.line];
    },
    want: [0x80, '01 01 01 00 00 a0 50', false],
  },
  { name: 'diagnostic', run: (b) => [b.out(7, 0x90).in(7), b.in(1)], want: [OK, 1] },
  {
    name: 'the second drive is absent',
    run: (b) => [b.out(6, 0xb0).in(7), b.out(7, 0xec).in(7), b.out(6, 0xa0).in(7)],
    want: [0, 0, OK],
  },
  { name: 'a packet device it is not', run: (b) => [b.out(7, 0xa1).in(7), b.in(1)], want: [FAILED, 4] },
  {
    name: 'features: look-ahead yes, DMA modes no',
    run: (b) => [
      b.out(1, 0xaa).out(7, 0xef).in(7),
      b.out(1, 3).out(2, 0x0c).out(7, 0xef).in(7),
      b.out(2, 0x22).out(7, 0xef).in(7),
    ],
    want: [OK, OK, FAILED],
  },
  {
    name: 'power mode, flush, recalibrate, verify',
    run: (b) => [
      b.out(7, 0xe5).in(2),
      b.out(7, 0xe7).in(7),
      b.out(7, 0x10).in(7),
      b.lba(0x40, 0, 2).in(7),
      b.lba(0x40, SECTORS - 1, 2).in(7),
    ],
    want: [0xff, OK, OK, OK, FAILED],
  },
  {
    name: 'another geometry',
    run: (b) => b.out(2, 32).out(6, 0xa7).out(7, 0x91).chs(0x20, 1, 1, 1).sectors(),
    want: [256 + 32],
  },
  {
    name: 'identify',
    run: (b) => {
      const view = b.identify();
      return [0, 1, 3, 6, 27, 47, 49, 59, 60, 61].map((index) => word(view, index));
    },
    want: [0x40, 2, 16, 63, 0x5249, 0x8010, 0x200, 0, SECTORS, 0],
  },
];
for (const { name, run, want } of cases) t.test(name, async (t) => t.strictSame(run(new Bench()), want));

t.test('without a drive the bus floats', async (t) => {
  const ports = new PortBus();
  new IdeChannel(ports, () => t.fail('no interrupt without a drive'));
  ports.write(0x1f7, 1, 0xec);
  t.strictSame([ports.read(0x1f7, 1), ports.read(0x1f0, 2), ports.read(0x3f6, 1)], [0xff, 0xffff, 0xff]);
});

t.test("the user's image is not written", async (t) => {
  const bench = new Bench();
  const mine = image(4);
  bench.channel.attachDisk(mine);
  bench.lba(0x30, 0, 1).write(0xffff);
  t.equal(mine[0], 0);
});

for (const { bytes, message } of [
  { bytes: 0, message: /0 bytes: expected a multiple of 512, such as 512/ },
  { bytes: 513, message: /513 bytes: expected a multiple of 512, such as 1024/ },
]) {
  t.test(`an image of ${bytes} bytes is refused`, async (t) => {
    const channel = new IdeChannel(new PortBus(), () => {});
    t.throws(() => channel.attachDisk(new Uint8Array(bytes)), { name: 'ImageError', message });
    t.throws(() => channel.attachDisk(new Uint8Array(bytes)), ImageError);
  });
}
