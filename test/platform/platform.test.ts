import t from 'tap';
import { Ledger } from '../../emulator/cost/ledger.js';
import { pentium4_672 } from '../../emulator/cost/profiles/pentium4-672.js';
import { PortBus } from '../../emulator/platform/bus.js';
import { Clock } from '../../emulator/platform/clock.js';
import { Platform } from '../../emulator/platform/platform.js';

function bench() {
  const ports = new PortBus();
  const ledger = new Ledger(pentium4_672);
  const state = { line: false, exits: [] as number[] };
  const platform = new Platform(
    ports,
    new Clock(ledger),
    (level) => (state.line = level),
    (code) => state.exits.push(code),
  );
  const out = (port: number, ...values: number[]): void =>
    values.forEach((value) => ports.write(port, 1, value));
  out(0x20, 0x11);
  out(0x21, 0x20, 0x04, 0x01);
  return { ports, ledger, platform, state, out };
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
  const ports = new PortBus();
  const ledger = new Ledger(pentium4_672);
  const clock = new Clock(ledger);
  let line = false;
  const platform = new Platform(
    ports,
    clock,
    (level) => (line = level),
    () => {},
  );
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
  while (!line) {
    ledger.ticks = clock.nextTicks;
    clock.fireDue();
  }
  t.equal(platform.acknowledgeInterrupt(), 0x20);
  t.notOk(line);
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
