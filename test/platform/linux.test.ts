import t from 'tap';
import type { SegmentState } from '../../emulator/arch/descriptors.js';
import { CS, DS, EBP, ESI } from '../../emulator/arch/registers.js';
import { ImageError, loadImage, parseImage } from '../../emulator/platform/image.js';
import type { LoadOptions, LoadTarget } from '../../emulator/platform/image.js';
import { PhysicalMemory } from '../../emulator/platform/memory.js';
import { MmioBus } from '../../emulator/platform/mmio.js';

const MEMORY_BYTES = 32 << 20;
const CODE = [0x90, 0xf4];

interface Header {
  version?: number;
  setupSectors?: number;
  headerBytes?: number;
  loadFlags?: number;
  entry?: number;
  initrdMax?: number;
  commandLineSize?: number;
  preferred?: number;
  initSize?: number;
}

/** A bzImage of two bytes of code: setup sectors of zeros around the header. */
function bzImage({
  version = 0x020f,
  setupSectors = 2,
  headerBytes = 0x66,
  loadFlags = 1,
  entry = 0x10_0000,
  initrdMax = 0x7fff_ffff,
  commandLineSize = 2047,
  preferred = 0x100_0000,
  initSize = 0x20_0000,
}: Header = {}): Uint8Array {
  const code = ((setupSectors || 4) + 1) * 512;
  const image = new Uint8Array(code + CODE.length);
  const view = new DataView(image.buffer);
  image[0x1f1] = setupSectors;
  view.setUint16(0x1fe, 0xaa55, true);
  view.setUint16(0x200, 0xeb | (headerBytes << 8), true);
  image.set(new TextEncoder().encode('HdrS'), 0x202);
  view.setUint16(0x206, version, true);
  image[0x211] = loadFlags;
  for (const [offset, value] of [
    [0x214, entry],
    [0x22c, initrdMax],
    [0x238, commandLineSize],
    [0x258, preferred],
    [0x260, initSize],
  ]) {
    view.setUint32(offset, value, true);
  }
  image.set(CODE, code);
  return image;
}

/** An ELF32 kernel linked at 3 GB + 16 MB, loaded at 16 MB. */
function vmlinux({ banner = 'Linux version 4.19.0', physical = 0x100_0000 } = {}): Uint8Array {
  const image = new Uint8Array(0x200);
  const view = new DataView(image.buffer);
  image.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  view.setUint32(16, 0x0003_0002, true);
  for (const [offset, value] of [
    [24, physical],
    [28, 52],
    [44, 1],
    [52, 1],
    [56, 0x100],
    [60, 0xc000_0000 + physical],
    [64, physical],
    [68, 0x100],
    [72, 0x8000],
  ]) {
    view.setUint32(offset, value, true);
  }
  view.setUint16(42, 32, true);
  image.set(CODE, 0x100);
  image.set(new TextEncoder().encode(banner), 0x180);
  return image;
}

class Bench implements LoadTarget {
  readonly memory = PhysicalMemory.over(
    new WebAssembly.Memory({ initial: MEMORY_BYTES >> 16 }),
    0,
    MEMORY_BYTES,
  );
  readonly mmio = new MmioBus();
  readonly registers = new Map<number, number>();
  readonly segments = new Map<number, SegmentState>();
  readonly entries: (number | 'reset')[] = [];
  readonly cpu = {
    setGpr: (register: number, value: number) => void this.registers.set(register, value),
    setSegment: (segment: number, state: SegmentState) => void this.segments.set(segment, state),
    gdtr: { base: 0, limit: 0 },
  };

  resetFlat(entry: number): void {
    this.entries.push(entry);
  }

  resetHard(): void {
    this.entries.push('reset');
  }

  load(image: Uint8Array, options: LoadOptions = {}): this {
    loadImage(this, parseImage(image), options);
    return this;
  }

  /** A field of the zero page. */
  field(offset: number, bytes: 1 | 2 | 4 = 4): number {
    const at = (this.registers.get(ESI) ?? 0) + offset;
    if (bytes === 4) return this.memory.read32(at);
    return bytes === 2 ? this.memory.read16(at) : this.memory.read8(at);
  }

  text(at: number): string {
    const end = this.memory.u8.indexOf(0, at);
    return new TextDecoder().decode(this.memory.u8.subarray(at, end));
  }
}

const e820 = (bench: Bench): number[][] =>
  Array.from({ length: bench.field(0x1e8, 1) }, (_, index) =>
    [0, 4, 8, 12, 16].map((offset) => bench.field(0x2d0 + index * 20 + offset)),
  );

const accepted: { name: string; run: (bench: Bench) => unknown; want: unknown }[] = [
  {
    name: 'the code at 1 MB, entered there',
    run: (b) => [b.load(bzImage()).memory.read16(0x10_0000), b.entries],
    want: [0xf490, [0x10_0000]],
  },
  {
    name: '0 setup sectors are 4',
    run: (b) => b.load(bzImage({ setupSectors: 0 })).memory.read16(0x10_0000),
    want: 0xf490,
  },
  {
    name: 'the header is in the zero page',
    run: (b) => [
      b
        .load(bzImage())
        .text(b.registers.get(ESI)! + 0x202)
        .slice(0, 4),
      b.field(0x206, 2),
      b.field(0x1fe, 2),
    ],
    want: ['HdrS', 0x020f, 0xaa55],
  },
  {
    name: 'loader type and video mode',
    run: (b) => [b.load(bzImage()).field(0x210, 1), b.field(0x1fa, 2), b.field(7, 1), b.field(0xe, 1)],
    want: [0xff, 0xffff, 80, 25],
  },
  {
    name: 'memory map',
    run: (b) => e820(b.load(bzImage())),
    want: [
      [0, 0, 0xa_0000, 0, 1],
      [0xa_0000, 0, 0x6_0000, 0, 2],
      [0x10_0000, 0, MEMORY_BYTES - 0x10_0000, 0, 1],
    ],
  },
  {
    name: 'extended memory in KB',
    run: (b) => [b.load(bzImage()).field(2, 2), b.field(0x1e0)],
    want: [31 * 1024, 31 * 1024],
  },
  {
    name: 'command line',
    run: (b) => b.load(bzImage(), { commandLine: 'console=ttyS0' }).text(b.field(0x228)),
    want: 'console=ttyS0',
  },
  { name: 'no command line is an empty one', run: (b) => b.load(bzImage()).text(b.field(0x228)), want: '' },
  { name: 'no RAM disk', run: (b) => [b.load(bzImage()).field(0x218), b.field(0x21c)], want: [0, 0] },
  {
    name: 'the RAM disk as high as memory goes',
    run: (b) => [
      b.load(bzImage(), { initrd: new Uint8Array(5000).fill(7) }).field(0x218),
      b.field(0x21c),
      b.memory.read8(b.field(0x218) + 4999),
    ],
    want: [MEMORY_BYTES - 8192, 5000, 7],
  },
  {
    name: 'the RAM disk as high as the kernel allows',
    run: (b) => b.load(bzImage({ initrdMax: 0x137_ffff }), { initrd: new Uint8Array(4096) }).field(0x218),
    want: 0x137_f000,
  },
  {
    name: 'segments and descriptor table of the 32-bit boot protocol',
    run: (b) => {
      b.load(bzImage());
      const { base, limit } = b.cpu.gdtr;
      return [
        b.segments.get(CS)?.selector,
        b.segments.get(DS)?.selector,
        limit,
        b.memory.read32(base + 0x14) >>> 0,
        b.memory.read32(base + 0x1c) >>> 0,
      ];
    },
    want: [0x10, 0x18, 31, 0x00cf_9a00, 0x00cf_9200],
  },
  {
    name: 'EBP, EDI and EBX are zero',
    run: (b) => [b.load(bzImage()).registers.get(EBP) ?? 0, b.field(0x23c)],
    want: [0, 0],
  },
  {
    name: 'an old header without a preferred address',
    run: (b) => b.load(bzImage({ version: 0x0202, headerBytes: 0x2a })).entries,
    want: [0x10_0000],
  },
  {
    name: 'vmlinux: entered where it lies',
    run: (b) => [
      b.load(vmlinux(), { commandLine: 'quiet' }).entries,
      b.memory.read16(0x100_0000),
      b.text(b.field(0x228)),
    ],
    want: [[0x100_0000], 0xf490, 'quiet'],
  },
  {
    name: 'vmlinux: a header in the zero page all the same',
    run: (b) => [b.load(vmlinux()).field(0x202), b.field(0x206, 2), b.field(0x1e8, 1)],
    want: [0x5372_6448, 0x020c, 3],
  },
  {
    name: 'ROM: below 4 GB and below 1 MB, entered at the reset vector',
    run: (b) => {
      const rom = new Uint8Array(256 << 10);
      rom.fill(0xea, rom.length - 16);
      const plan = parseImage(rom, { rom: true });
      loadImage(b, plan);
      return [
        plan.entry,
        b.entries,
        b.mmio.read(0xffff_fff0, 1),
        b.memory.read8(0xf_fff0),
        b.mmio.read(0xfffb_ffff, 1),
        b.mmio.read(0xfffc_0000, 4),
      ];
    },
    want: [0xffff_fff0, ['reset'], 0xea, 0xea, 0xff, 0],
  },
  {
    name: 'ROM: writes are dropped',
    run: (b) => {
      loadImage(b, parseImage(new Uint8Array(4096), { rom: true }));
      b.mmio.write(0xffff_f000, 4, 1);
      return b.mmio.read(0xffff_f000, 4);
    },
    want: 0,
  },
];
for (const { name, run, want } of accepted) t.test(name, async (t) => t.strictSame(run(new Bench()), want));

const refused: { name: string; image: Uint8Array; options?: LoadOptions; rom?: boolean; message: RegExp }[] =
  [
    {
      name: 'an old protocol',
      image: bzImage({ version: 0x0201 }),
      message: /boot protocol 2\.01: expected at least 2\.02/,
    },
    { name: 'a zImage', image: bzImage({ loadFlags: 0 }), message: /zImage.*build a bzImage/ },
    {
      name: 'a header too short',
      image: bzImage({ headerBytes: 8 }),
      message: /setup header ends at 0x20a: expected 0x22c/,
    },
    {
      name: 'a file without its code',
      image: bzImage().slice(0, 0x600),
      message: /before its protected-mode code at 0x600/,
    },
    {
      name: 'an entry outside',
      image: bzImage({ entry: 0x9_0000 }),
      message: /entry point 0x90000 lies outside/,
    },
    {
      name: 'too little memory to start',
      image: bzImage({ initSize: 0x200_0000 }),
      message: /needs memory up to 0x3000000.*give it 48 MB/,
    },
    {
      name: 'a command line too long',
      image: bzImage({ commandLineSize: 5 }),
      options: { commandLine: 'quiet!' },
      message: /6 bytes: this kernel takes at most 5/,
    },
    {
      name: 'a command line with a zero',
      image: bzImage(),
      options: { commandLine: 'a\0b' },
      message: /zero character/,
    },
    {
      name: 'a RAM disk too large',
      image: bzImage(),
      options: { initrd: new Uint8Array(16 << 20) },
      message: /does not fit between the kernel's end 0x1200000 and 0x2000000/,
    },
    {
      name: 'a RAM disk for a flat binary',
      image: Uint8Array.from(CODE),
      options: { initrd: new Uint8Array(1) },
      message: /only a Linux kernel/,
    },
    {
      name: 'a command line for a flat binary',
      image: Uint8Array.from(CODE),
      options: { commandLine: 'x' },
      message: /only a multiboot or Linux kernel/,
    },
    {
      name: 'an ELF file that is no Linux',
      image: vmlinux({ banner: 'Minix' }),
      message: /without a multiboot header.*no Linux kernel/,
    },
    {
      name: 'a vmlinux where the zero page goes',
      image: vmlinux({ physical: 0x1_0000 }),
      message: /where the loader puts what it passes/,
    },
    {
      name: 'a ROM of odd size',
      image: new Uint8Array(5000),
      rom: true,
      message: /5000 bytes: expected a multiple of 4096/,
    },
    { name: 'an empty ROM', image: new Uint8Array(0), rom: true, message: /0 bytes/ },
    {
      name: 'a ROM too large',
      image: new Uint8Array((16 << 20) + 4096),
      rom: true,
      message: /up to 0x1000000/,
    },
  ];
for (const { name, image, options, rom = false, message } of refused) {
  t.test(`refused with nothing changed: ${name}`, async (t) => {
    const bench = new Bench();
    t.throws(() => loadImage(bench, parseImage(image, { rom }), options), { name: 'ImageError', message });
    t.strictSame(bench.entries, []);
    t.notOk(bench.memory.u8.subarray(0, 2 << 20).some((byte) => byte !== 0));
  });
}

t.test('no prefix or changed byte of an image escapes as anything but an ImageError', async (t) => {
  const memory = new Bench();
  const tryLoad = (image: Uint8Array, what: string): void => {
    try {
      memory.load(image);
    } catch (error) {
      if (!(error instanceof ImageError)) t.fail(`${what}: ${String(error)}`);
    }
  };
  const image = bzImage();
  for (let length = 0; length < image.length; length += 3) tryLoad(image.slice(0, length), `${length} bytes`);
  for (let at = 0x1f1; at < 0x270; at++) {
    for (const value of [0, 0x7f, 0xff]) {
      const changed = image.slice();
      changed[at] = value;
      tryLoad(changed, `byte 0x${at.toString(16)} = ${value}`);
    }
  }
});
