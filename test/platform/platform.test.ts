import t from 'tap';
import { Ledger } from '../../emulator/cost/ledger.js';
import { pentium4_672 } from '../../emulator/cost/profiles/pentium4-672.js';
import { PortBus } from '../../emulator/platform/bus.js';
import { Clock } from '../../emulator/platform/clock.js';
import { PhysicalMemory } from '../../emulator/platform/memory.js';
import { Platform } from '../../emulator/platform/platform.js';

function bench() {
  const ports = new PortBus();
  const ledger = new Ledger(pentium4_672);
  const state = { line: false, nmis: 0, exits: [] as number[], ends: [] as string[] };
  const clock = new Clock(ledger);
  const platform = new Platform({
    ports,
    clock,
    memory: PhysicalMemory.over(new WebAssembly.Memory({ initial: 32 }), 0, 2 << 20),
    setInterruptLine: (level) => (state.line = level),
    requestNmi: () => state.nmis++,
    requestExit: (code) => state.exits.push(code),
    requestEnd: (kind, by) => state.ends.push(`${kind} by ${by}`),
  });
  const out = (port: number, ...values: number[]): void =>
    values.forEach((value) => ports.write(port, 1, value));
  out(0x20, 0x11);
  out(0x21, 0x20, 0x04, 0x01);
  return { ports, ledger, clock, platform, state, out };
}

t.test('programming the timer and letting time pass raises nothing without a poll', async (t) => {
  const { platform, state, out, ledger } = bench();
  out(0x43, 0x34);
  out(0x40, 100, 0);
  t.notOk(state.line, 'programming it raises nothing');
  ledger.ticks = 5e12;
  platform.pit.readPort(0x40);
  t.notOk(state.line, 'nor does time without a poll');
});

t.test('the timer interrupts when the clock fires', async (t) => {
  const { ports, ledger, clock, platform, state } = bench();
  for (const [port, value] of [
    [0x20, 0x11],
    [0x21, 0x20],
    [0x21, 0x04],
    [0x21, 0x01],
    [0x43, 0x34],
    [0x40, 100],
    [0x40, 0],
  ]) {
    ports.write(port, 1, value);
  }
  while (!state.line) {
    ledger.ticks = clock.nextTicks;
    clock.fireDue();
  }
  t.equal(platform.acknowledgeInterrupt(), 0x20);
  t.notOk(state.line);
});

t.test('the serial line comes in as IRQ 4', async (t) => {
  const { platform, state, out } = bench();
  out(0x3fc, 0x08);
  out(0x3f9, 0x01);
  platform.uart.receive([65]);
  t.ok(state.line);
  t.equal(platform.acknowledgeInterrupt(), 0x24);
});

t.test('port 0xe9 prints and reads back its number', async (t) => {
  const { platform, ports, out } = bench();
  out(0xe9, 104, 105);
  t.strictSame(platform.console, { uart: '', debugPort: 'hi' });
  t.equal(ports.read(0xe9, 1), 0xe9);
});

t.test('port 0xf4 asks for the end with its byte', async (t) => {
  const { state, out, ports } = bench();
  out(0xf4, 42);
  t.strictSame(state.exits, [42]);
  t.equal(ports.read(0xf4, 1), 0xff);
});

const ends: { name: string; port: number; width: 1 | 2; value: number; want: string[] }[] = [
  { name: 'QEMU power off', port: 0x604, width: 2, value: 0x2000, want: ['power-off by port 0x604'] },
  { name: 'Bochs power off', port: 0xb004, width: 2, value: 0x2000, want: ['power-off by port 0xb004'] },
  { name: 'another sleep state', port: 0x604, width: 2, value: 0x3400, want: [] },
  { name: 'fast reset', port: 0x92, width: 1, value: 0x03, want: ['reset by port 0x92'] },
  { name: 'reset control', port: 0xcf9, width: 1, value: 0x06, want: ['reset by port 0xcf9'] },
  { name: 'reset control without the reset bit', port: 0xcf9, width: 1, value: 0x02, want: [] },
  {
    name: 'keyboard controller pulse',
    port: 0x64,
    width: 1,
    value: 0xfe,
    want: ['reset by the keyboard controller'],
  },
  { name: 'keyboard controller pulse of other lines', port: 0x64, width: 1, value: 0xfd, want: [] },
];
for (const { name, port, width, value, want } of ends) {
  t.test(`end of the run: ${name}`, async (t) => {
    const { ports, state } = bench();
    ports.write(port, width, value);
    t.strictSame(state.ends, want);
  });
}

t.test('the A20 gate by either of its registers', async (t) => {
  const { ports, platform, out } = bench();
  const masks: number[] = [];
  platform.a20.onChange = (mask) => masks.push(mask >>> 0);
  out(0x92, 0x00);
  t.equal(ports.read(0x92, 1), 0x00);
  out(0x64, 0xdf);
  t.equal(ports.read(0x92, 1), 0x02);
  out(0x64, 0xd1);
  out(0x60, 0x01);
  t.strictSame(masks, [0xffef_ffff, 0xffff_ffff, 0xffef_ffff]);
});

t.test('after a reset every register reads as after power on', async (t) => {
  const readable = (ports: PortBus): number[] =>
    [0x20, 0x21, 0xa0, 0xa1, 0x64, 0x92, 0xcf9, 0x3d5, 0x3f9, 0x3fb, 0x3fc, 0x3fd, 0x1f7].map((port) =>
      ports.read(port, 1),
    );
  const { ports, platform, state, clock, out } = bench();
  const fresh = new PortBus();
  new Platform({
    ports: fresh,
    clock,
    memory: PhysicalMemory.over(new WebAssembly.Memory({ initial: 32 }), 0, 2 << 20),
    setInterruptLine: () => {},
    requestNmi: () => {},
    requestExit: () => {},
    requestEnd: () => {},
  });
  out(0xa0, 0x11);
  out(0x3fb, 0x80, 0x03);
  out(0x3fc, 0x0b);
  out(0x3f9, 0x03);
  out(0x43, 0x34);
  out(0x40, 10, 0);
  out(0x92, 0);
  out(0xcf9, 2);
  out(0x3d5, 7);
  platform.keyboard.type('a');
  platform.mmio.write(0xfee0_00f0, 4, 0x1ff);
  platform.reset();
  t.strictSame(readable(ports), readable(fresh));
  t.notOk(state.line);
  t.equal(platform.mmio.read(0xfee0_00f0, 4), 0xff);
  t.equal(clock.nextTicks, Infinity);
});
