import t from 'tap';
import { Ledger } from '../../emulator/cost/ledger.js';
import { pentium4_672 } from '../../emulator/cost/profiles/pentium4-672.js';
import { PortBus } from '../../emulator/platform/bus.js';
import { Clock } from '../../emulator/platform/clock.js';
import { PhysicalMemory } from '../../emulator/platform/memory.js';
import { TEXT_MEMORY, VgaText } from '../../emulator/platform/vga-text.js';

class Bench {
  readonly ledger = new Ledger(pentium4_672);
  readonly clock = new Clock(this.ledger);
  readonly ports = new PortBus();
  readonly memory = PhysicalMemory.over(new WebAssembly.Memory({ initial: 16 }), 0, 1 << 20);
  readonly vga = new VgaText(this.ports, this.clock, this.memory);

  /** Writes characters from a place on. */
  put(place: number, ...bytes: number[]): this {
    for (const [index, byte] of bytes.entries()) {
      this.memory.write16(TEXT_MEMORY + (place + index) * 2, 0x0700 | byte);
    }
    return this;
  }

  /** Index and data, pair by pair. */
  registers(port: number, ...pairs: number[]): this {
    for (let at = 0; at < pairs.length; at += 2) {
      this.ports.write(port, 1, pairs[at]);
      this.ports.write(port + 1, 1, pairs[at + 1]);
    }
    return this;
  }

  in(port: number): number {
    return this.ports.read(port, 1);
  }

  /** The status over one frame: how many of 449 looks saw each bit. */
  frame(): { blank: number; retrace: number } {
    const seen = { blank: 0, retrace: 0 };
    const frameTicks = (900 * 449 * pentium4_672.frequencyHz * 1000) / 28_322_000;
    for (let line = 0; line < 449; line++) {
      this.ledger.ticks = Math.ceil(((line + 0.1) * frameTicks) / 449);
      const status = this.in(0x3da);
      if (status & 1) seen.blank++;
      if (status & 8) seen.retrace++;
    }
    return seen;
  }
}

const line = (text: string): string => text.padEnd(80);

const cases: { name: string; run: (bench: Bench) => unknown; want: unknown }[] = [
  { name: 'an empty screen', run: (b) => b.vga.lines(), want: Array.from({ length: 25 }, () => line('')) },
  {
    name: 'text in the first and the last line',
    run: (b) =>
      b
        .put(0, 72, 105)
        .put(24 * 80 + 79, 33)
        .vga.lines()
        .filter((text) => text.trim() !== ''),
    want: [line('Hi'), '!'.padStart(80)],
  },
  {
    name: 'code page 437',
    run: (b) => b.put(0, 1, 0x7f, 0x80, 0xb0, 0xc9, 0xdb, 0xe3, 0xfe, 0xff).vga.lines()[0],
    want: line('☺⌂Ç░╔█π■'),
  },
  {
    name: 'the screen starts where the CRTC says and wraps at 32 KB',
    run: (b) => b.put(80, 65).put(0, 66).registers(0x3d4, 0x0c, 0x3f, 0x0d, 0xb0).vga.lines().slice(0, 3),
    want: [line(''), line('B'), line('A')],
  },
  {
    name: 'cursor',
    run: (b) => b.registers(0x3d4, 0x0e, 0x01, 0x0f, 0x45).vga.cursor,
    want: { row: 4, column: 5 },
  },
  { name: 'cursor off', run: (b) => b.registers(0x3d4, 0x0a, 0x20).vga.cursor, want: null },
  { name: 'cursor off the screen', run: (b) => b.registers(0x3d4, 0x0e, 0x10).vga.cursor, want: null },
  { name: 'CRTC registers read back', run: (b) => b.registers(0x3d4, 0x13, 0x28).in(0x3d5), want: 0x28 },
  {
    name: 'sequencer and graphics registers read back',
    run: (b) => [b.registers(0x3c4, 2, 3).in(0x3c5), b.registers(0x3ce, 5, 0x10).in(0x3cf)],
    want: [3, 0x10],
  },
  {
    name: 'attribute registers: index and data by turns, in step after a status read',
    run: (b) => {
      b.in(0x3da);
      for (const value of [0x10, 0x0c, 0x30]) b.ports.write(0x3c0, 1, value);
      b.in(0x3da);
      b.ports.write(0x3c0, 1, 0x10);
      return [b.in(0x3c0), b.in(0x3c1)];
    },
    want: [0x10, 0x0c],
  },
  {
    name: 'palette: three bytes of six bits each',
    run: (b) => {
      for (const [port, value] of [
        [0x3c8, 5],
        [0x3c9, 0xff],
        [0x3c9, 1],
        [0x3c9, 2],
        [0x3c7, 5],
      ])
        b.ports.write(port, 1, value);
      return [b.in(0x3c7), b.in(0x3c9), b.in(0x3c9), b.in(0x3c9), b.in(0x3c8)];
    },
    want: [3, 0x3f, 1, 2, 6],
  },
  {
    name: 'miscellaneous output reads back elsewhere',
    run: (b) => {
      b.ports.write(0x3c2, 1, 0x67);
      return [b.in(0x3cc), b.in(0x3c2)];
    },
    want: [0x67, 0],
  },
  { name: 'status toggles with the beam', run: (b) => b.frame(), want: { blank: 49, retrace: 2 } },
  { name: 'text mode misses nothing', run: (b) => b.vga.missing, want: null },
  {
    name: 'a graphics mode is said to be missing',
    run: (b) => /graphics mode/.test(b.registers(0x3ce, 6, 5).vga.missing ?? ''),
    want: true,
  },
  {
    name: 'reset',
    run: (b) => {
      b.registers(0x3d4, 0x0c, 1).registers(0x3ce, 6, 5).vga.reset();
      return [b.vga.missing, b.registers(0x3d4).in(0x3d5)];
    },
    want: [null, 0],
  },
];
for (const { name, run, want } of cases) t.test(name, async (t) => t.strictSame(run(new Bench()), want));
