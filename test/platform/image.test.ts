import t from 'tap';
import type { SegmentState } from '../../emulator/arch/descriptors.js';
import { EAX, EBX } from '../../emulator/arch/registers.js';
import { ImageError, loadImage, parseImage } from '../../emulator/platform/image.js';
import type { LoadPlan, LoadTarget } from '../../emulator/platform/image.js';
import { PhysicalMemory } from '../../emulator/platform/memory.js';
import { MmioBus } from '../../emulator/platform/mmio.js';

const MAGIC = 0x1bad_b002;
const CODE = [0x90, 0xf4];

function bytes(
  length: number,
  words: Record<number, number>,
  ...chunks: { at: number; bytes: number[] }[]
): Uint8Array {
  const image = new Uint8Array(length);
  const view = new DataView(image.buffer);
  for (const [offset, word] of Object.entries(words)) view.setUint32(Number(offset), word, true);
  for (const chunk of chunks) image.set(chunk.bytes, chunk.at);
  return image;
}

const header = (at: number, flags: number): Record<number, number> => ({
  [at]: MAGIC,
  [at + 4]: flags,
  [at + 8]: -(MAGIC + flags),
});

const WITH_ADDRESSES = 1 << 16;

/** A multiboot image with address fields: header at 16, code at 48, loaded at 1 MB. */
function kludge(
  fields: Partial<Record<'header' | 'load' | 'loadEnd' | 'bssEnd' | 'entry', number>> = {},
  flags = 0,
) {
  const {
    header: headerAt = 0x10_0010,
    load = 0x10_0000,
    loadEnd = 0,
    bssEnd = 0,
    entry = 0x10_0030,
  } = fields;
  const words = {
    ...header(16, flags | WITH_ADDRESSES),
    28: headerAt,
    32: load,
    36: loadEnd,
    40: bssEnd,
    44: entry,
  };
  return bytes(64, words, { at: 48, bytes: CODE });
}

interface ProgramHeader {
  type?: number;
  offset?: number;
  virtual?: number;
  physical?: number;
  fileBytes?: number;
  sizeBytes?: number;
}

/** An ELF32 multiboot image: header at 0xe0, program headers at 52, one segment of code at 0x100 by default. */
function elf(
  segments: ProgramHeader[] = [{}],
  { fields = {}, multiboot = true }: { fields?: Record<number, number>; multiboot?: boolean } = {},
): Uint8Array {
  const words: Record<number, number> = {
    4: 0x0001_0101, // ELF32, little-endian, version 1
    16: 0x0003_0002, // EXEC, 386
    20: 1,
    24: 0xc010_0000,
    28: 52,
    40: (32 << 16) | 52,
    44: segments.length,
    ...(multiboot ? header(0xe0, 0x3) : {}),
  };
  for (const [index, segment] of segments.entries()) {
    const at = 52 + index * 32;
    words[at] = segment.type ?? 1;
    words[at + 4] = segment.offset ?? 0x100;
    words[at + 8] = segment.virtual ?? 0xc010_0000;
    words[at + 12] = segment.physical ?? 0x10_0000;
    words[at + 16] = segment.fileBytes ?? 2;
    words[at + 20] = segment.sizeBytes ?? 0x2000;
  }
  return bytes(
    0x110,
    { ...words, ...fields },
    { at: 0, bytes: [0x7f, 0x45, 0x4c, 0x46] },
    { at: 0x100, bytes: CODE },
  );
}

const shape = ({ format, segments, entry }: LoadPlan) => ({
  format,
  entry,
  segments: segments.map((segment) => [segment.gpa, segment.bytes.length, segment.sizeBytes]),
});

const accepted: { name: string; image: Uint8Array; origin?: number; want: ReturnType<typeof shape> }[] = [
  {
    name: 'flat binary',
    image: Uint8Array.from(CODE),
    want: { format: 'flat', entry: 0x10_0000, segments: [[0x10_0000, 2, 2]] },
  },
  {
    name: 'flat binary at another origin',
    image: Uint8Array.from(CODE),
    origin: 0x7c00,
    want: { format: 'flat', entry: 0x7c00, segments: [[0x7c00, 2, 2]] },
  },
  {
    name: 'address fields, whole file',
    image: kludge(),
    want: { format: 'multiboot', entry: 0x10_0030, segments: [[0x10_0000, 64, 64]] },
  },
  {
    name: 'address fields with an end and bss',
    image: kludge({ loadEnd: 0x10_0032, bssEnd: 0x10_1000 }),
    want: { format: 'multiboot', entry: 0x10_0030, segments: [[0x10_0000, 50, 0x1000]] },
  },
  {
    name: 'address fields that skip the start of the file',
    image: kludge({ load: 0x10_0010 }),
    want: { format: 'multiboot', entry: 0x10_0030, segments: [[0x10_0010, 48, 48]] },
  },
  {
    name: 'ELF32 at its physical address, entry translated',
    image: elf(),
    want: { format: 'multiboot', entry: 0x10_0000, segments: [[0x10_0000, 2, 0x2000]] },
  },
  {
    name: 'ELF32: other segment types are passed over, segments are sorted',
    image: elf([{ physical: 0x20_0000, virtual: 0xc020_0000 }, { type: 4 }, {}]),
    want: {
      format: 'multiboot',
      entry: 0x10_0000,
      segments: [
        [0x10_0000, 2, 0x2000],
        [0x20_0000, 2, 0x2000],
      ],
    },
  },
  {
    name: 'a header whose checksum is wrong is data',
    image: bytes(64, { 0: MAGIC, 4: 0, 8: 1 }),
    want: { format: 'flat', entry: 0x10_0000, segments: [[0x10_0000, 64, 64]] },
  },
  {
    name: 'a header that begins at 8184 ends too late to be one',
    image: bytes(8300, header(8184, 0)),
    want: { format: 'flat', entry: 0x10_0000, segments: [[0x10_0000, 8300, 8300]] },
  },
  {
    name: 'a header off its 4-byte boundary is data',
    image: Uint8Array.from([0, 0, ...bytes(12, header(0, 0))]),
    want: { format: 'flat', entry: 0x10_0000, segments: [[0x10_0000, 14, 14]] },
  },
];

for (const { name, image, origin, want } of accepted) {
  t.test(name, async (t) =>
    t.strictSame(shape(parseImage(image, origin === undefined ? {} : { origin })), want),
  );
}

const refused: { name: string; image: Uint8Array; message: RegExp }[] = [
  { name: 'empty image', image: new Uint8Array(0), message: /empty/ },
  {
    name: 'required video mode',
    image: kludge({}, 1 << 2),
    message: /0x10 requires a video mode \(flag bit 2\)/,
  },
  { name: 'unknown required flags', image: kludge({}, (1 << 5) | (1 << 9)), message: /flag bits 5, 9/ },
  {
    name: 'no address fields and no ELF',
    image: bytes(64, header(0, 0)),
    message: /neither|no address fields/,
  },
  {
    name: 'file ends in the address fields',
    image: bytes(20, header(4, WITH_ADDRESSES)),
    message: /ends inside its address fields/,
  },
  { name: 'load_addr after the header', image: kludge({ load: 0x10_0014 }), message: /load_addr 0x100014/ },
  { name: 'load_addr before the file', image: kludge({ load: 0x0f_0000 }), message: /before the file/ },
  {
    name: 'load_end_addr past the file',
    image: kludge({ loadEnd: 0x10_0041 }),
    message: /load_end_addr 0x100041/,
  },
  { name: 'load_end_addr before load_addr', image: kludge({ loadEnd: 0x0f_ffff }), message: /load_end_addr/ },
  {
    name: 'bss_end_addr inside the data',
    image: kludge({ bssEnd: 0x10_0020 }),
    message: /bss_end_addr 0x100020/,
  },
  { name: 'entry outside the image', image: kludge({ entry: 0x20_0000 }), message: /entry point 0x200000/ },
  {
    name: 'ELF without multiboot',
    image: elf([{}], { multiboot: false }),
    message: /ELF file without a multiboot header/,
  },
  { name: 'ELF64', image: elf([{}], { fields: { 4: 0x0001_0102 } }), message: /class is 2; expected 1/ },
  { name: 'big-endian ELF', image: elf([{}], { fields: { 4: 0x0001_0201 } }), message: /data encoding is 2/ },
  { name: 'relocatable ELF', image: elf([{}], { fields: { 16: 0x0003_0001 } }), message: /type is 1/ },
  {
    name: 'ELF for another machine',
    image: elf([{}], { fields: { 16: 0x0028_0002 } }),
    message: /machine is 40/,
  },
  {
    name: 'ELF shorter than its header',
    image: bytes(32, header(8, 0), { at: 0, bytes: [0x7f, 0x45, 0x4c, 0x46] }),
    message: /ends after 32 bytes/,
  },
  {
    name: 'ELF program headers past the end',
    image: elf([{}], { fields: { 28: 0x10_0000 } }),
    message: /reach past the file's end/,
  },
  {
    name: 'ELF with 65535 program headers',
    image: elf([{}], { fields: { 44: 0xffff } }),
    message: /reach past the file's end/,
  },
  {
    name: 'ELF program headers too short',
    image: elf([{}], { fields: { 40: (8 << 16) | 52 } }),
    message: /8 bytes each/,
  },
  {
    name: 'ELF segment past the end',
    image: elf([{ offset: 0xffff_fff0 }]),
    message: /segment 0 .* past the file's end/,
  },
  {
    name: 'ELF segment larger in the file than in memory',
    image: elf([{ fileBytes: 9, sizeBytes: 8 }]),
    message: /0x9 bytes in the file/,
  },
  {
    name: 'ELF segments that overlap',
    image: elf([{}, { physical: 0x10_1000 }]),
    message: /overlaps the one at 0x101000/,
  },
  {
    name: 'ELF segment that ends above 4 GB',
    image: elf([{ physical: 0xffff_f000 }]),
    message: /ends above 4 GB/,
  },
  { name: 'ELF without a loadable segment', image: elf([{ type: 4 }]), message: /no loadable segment/ },
  {
    name: 'ELF entry outside its segments',
    image: elf([{}], { fields: { 24: 5 } }),
    message: /entry point 0x5/,
  },
];

for (const { name, image, message } of refused) {
  t.test(`refused: ${name}`, async (t) => {
    t.throws(() => parseImage(image), { name: 'ImageError', message });
  });
}

t.test('no prefix of an image escapes as anything but an ImageError', async (t) => {
  for (const image of [kludge(), elf([{}, { physical: 0x20_0000 }])]) {
    for (let length = 0; length < image.length; length++) {
      try {
        parseImage(image.slice(0, length));
      } catch (error) {
        if (!(error instanceof ImageError)) t.fail(`${length} bytes: ${String(error)}`);
      }
    }
  }
  t.pass();
});

const MEMORY_BYTES = 4 << 20;

function target() {
  const memory = PhysicalMemory.over(new WebAssembly.Memory({ initial: 64 }), 0, MEMORY_BYTES);
  const gprs = new Map<number, number>();
  const segments = new Map<number, SegmentState>();
  const entries: number[] = [];
  const machine: LoadTarget = {
    memory,
    cpu: {
      setGpr: (register, value) => gprs.set(register, value),
      setSegment: (segment, state) => segments.set(segment, state),
      gdtr: { base: 0, limit: 0 },
    },
    resetFlat: (entry) => {
      gprs.clear();
      entries.push(entry);
    },
    resetHard: () => {
      gprs.clear();
    },
    mmio: new MmioBus(),
  };
  return { ...machine, gprs, segments, entries };
}

t.test('a flat binary is entered at its first byte', async (t) => {
  const machine = target();
  loadImage(machine, parseImage(Uint8Array.from(CODE)));
  t.equal(machine.memory.read16(0x10_0000), 0xf490);
  t.strictSame(machine.entries, [0x10_0000]);
  t.equal(machine.gprs.get(EAX), 0);
});

t.test('bss is cleared', async (t) => {
  const machine = target();
  machine.memory.u8.fill(0xaa);
  loadImage(machine, parseImage(elf()));
  t.equal(machine.memory.read32(0x10_0000), 0x0000_f490);
  t.equal(machine.memory.read8(0x10_1fff), 0);
  t.equal(machine.memory.read8(0x10_2000), 0xaa);
});

t.test('multiboot: EAX has the magic, EBX the boot information', async (t) => {
  const machine = target();
  loadImage(machine, parseImage(kludge()), { commandLine: 'guest quiet' });
  t.equal(machine.gprs.get(EAX), 0x2bad_b002);
  const { memory } = machine;
  const info = machine.gprs.get(EBX) ?? 0;
  const word = (offset: number): number => memory.read32(info + offset);
  const string = (at: number): string => {
    let text = '';
    for (let address = at; memory.read8(address); address++)
      text += String.fromCharCode(memory.read8(address));
    return text;
  };
  t.equal(word(0), 0x24d, 'flags: memory, command line, modules, map, loader name');
  t.equal(word(4), 640);
  t.equal(word(8), (MEMORY_BYTES - (1 << 20)) / 1024);
  t.equal(string(word(16)), 'guest quiet');
  t.equal(word(20), 0, 'no modules');
  t.equal(string(word(64)), 'ringside');
  const map = [];
  for (let at = word(48); at < word(48) + word(44); at += memory.read32(at) + 4) {
    map.push([memory.read32(at + 4), memory.read32(at + 12), memory.read32(at + 20)]);
  }
  t.strictSame(map, [
    [0, 0xa_0000, 1],
    [0xa_0000, 0x6_0000, 2],
    [0x10_0000, 0x30_0000, 1],
  ]);
});

t.test('the boot information keeps out of the image', async (t) => {
  const machine = target();
  const image = elf([{}, { physical: 0x1000, sizeBytes: 0x8000 }]);
  const { ebx } = loadImage(machine, parseImage(image));
  t.ok(ebx >= 0x9000, `at 0x${ebx.toString(16)}`);
});

const misfits: { name: string; image: Uint8Array; options?: { commandLine: string }; message: RegExp }[] = [
  {
    name: 'an image larger than memory',
    image: elf([{ sizeBytes: 0x123_4567 }]),
    message: /image needs 0x1234567 bytes at 0x100000, memory has 4 MB: give --memory 32M/,
  },
  {
    name: 'an image that leaves no low memory',
    image: elf([{}, { physical: 0, sizeBytes: 0xa_0000 }]),
    message: /no room for \d+ bytes of boot information/,
  },
  {
    name: 'a command line larger than low memory',
    image: kludge(),
    options: { commandLine: 'x'.repeat(1 << 20) },
    message: /no room/,
  },
];

for (const { name, image, options, message } of misfits) {
  t.test(`refused with nothing changed: ${name}`, async (t) => {
    const machine = target();
    t.throws(() => loadImage(machine, parseImage(image), options), { name: 'ImageError', message });
    t.ok(machine.memory.u8.every((byte) => byte === 0));
    t.strictSame(machine.entries, []);
  });
}
