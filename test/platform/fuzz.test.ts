import t from 'tap';
import { findProfile } from '../../emulator/cost/catalog.js';
import { Machine } from '../../emulator/machine.js';
import type { AccessBytes } from '../../emulator/platform/mmio.js';
import { randomSource } from '../isa/random.js';

/** First ports of the devices and how many to try from there: what a guest could do to each. */
const PORTS: readonly (readonly [first: number, count: number])[] = [
  [0x20, 2],
  [0x40, 4],
  [0x60, 5],
  [0x70, 2],
  [0x92, 1],
  [0xa0, 2],
  [0xe9, 1],
  [0xf4, 1],
  [0x1f0, 8],
  [0x3b0, 0x40],
  [0x3f6, 1],
  [0x3f8, 8],
  [0x604, 2],
  [0xcf8, 8],
  [0xb004, 2],
];
const PAGES = [0xfee0_0000, 0xfec0_0000, 0xfee0_1000, 0x8000_0000, 0xffff_f000];
const WIDTHS: readonly AccessBytes[] = [1, 2, 4];
const ALL_ONES: Readonly<Record<AccessBytes, number>> = { 1: 0xff, 2: 0xffff, 4: 0xffff_ffff };
const STEPS = 30_000;

/** Random accesses and passing time. @returns every value read: the same seed gives the same. */
function abuse(seed: number): number[] {
  const random = randomSource(seed);
  const machine = Machine.create({ profile: findProfile('pentium4-672'), memoryBytes: 1 << 20 });
  const { platform, ports, mmio, clock, ledger } = machine;
  if (seed % 2 === 0) platform.ide.attachDisk(new Uint8Array(40 * 512).fill(seed));
  platform.keyboard.type('abc');
  platform.uart.receive([1, 2, 3]);
  const seen: number[] = [];
  const value = (): number =>
    random(3) === 0 ? random(0x100) : ((random(0x1_0000) << 16) | random(0x1_0000)) >>> 0;
  for (let step = 0; step < STEPS; step++) {
    const width = WIDTHS[random(3)];
    const [first, count] = PORTS[random(PORTS.length)];
    const port = random(20) === 0 ? random(0x1_0000) : first + random(count);
    const address = PAGES[random(PAGES.length)] + (random(4) === 0 ? random(0x1000) : random(0x40) * 16);
    const word = (value() & ALL_ONES[width]) >>> 0;
    switch (random(9)) {
      case 0:
      case 1:
      case 2:
        seen.push(ports.read(port, width));
        break;
      case 3:
      case 4:
      case 5:
        ports.write(port, width, word);
        break;
      case 6:
        seen.push(mmio.read(address, width));
        break;
      case 7:
        mmio.write(address, width, word);
        break;
      default:
        ledger.charge('idle', 'idle', random(1_000_000));
        clock.fireDue();
        if (random(50) === 0) seen.push(platform.acknowledgeInterrupt());
        if (random(2000) === 0) platform.reset();
    }
    const last = seen.at(-1) ?? 0;
    if (!Number.isInteger(last) || last < 0 || last > 0xffff_ffff)
      throw new Error(`step ${step} read ${last}`);
  }
  seen.push(...platform.vga.lines().map(({ length }) => length));
  return seen;
}

t.test('whatever a guest does to the devices, the host is not hurt and no chance comes in', async (t) => {
  for (let seed = 1; seed <= 8; seed++) {
    const seen = abuse(seed);
    t.ok(seen.length > STEPS / 4, `seed ${seed}`);
    if (seed === 1) t.same(abuse(seed), seen, 'the same again');
  }
});

t.test('a read is never wider than asked for', async (t) => {
  const machine = Machine.create({ profile: findProfile('pentium4-672'), memoryBytes: 1 << 20 });
  for (const width of WIDTHS) {
    for (const [first, count] of PORTS) {
      for (let port = first; port < first + count; port++) {
        const read = machine.ports.read(port, width);
        if (read > ALL_ONES[width]) t.fail(`port 0x${port.toString(16)} reads ${read} in ${width} bytes`);
      }
    }
    t.equal(machine.ports.read(0x9999, width), ALL_ONES[width], 'no device');
    t.equal(machine.mmio.read(0xd000_0001, width), ALL_ONES[width], 'nothing there');
  }
});
