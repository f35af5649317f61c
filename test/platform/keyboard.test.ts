import t from 'tap';
import { A20Gate } from '../../emulator/platform/a20.js';
import { PortBus } from '../../emulator/platform/bus.js';
import { KeyboardController } from '../../emulator/platform/keyboard-controller.js';

const DATA = 0x60;
const COMMAND = 0x64;

class Bench {
  readonly ports = new PortBus();
  readonly a20 = new A20Gate();
  readonly resets: string[] = [];
  rises = 0;
  line = false;
  readonly controller = new KeyboardController(
    this.ports,
    this.a20,
    (level) => {
      this.line = level;
      if (level) this.rises++;
    },
    (by) => this.resets.push(by),
  );

  command(...bytes: number[]): this {
    const [command, ...data] = bytes;
    this.ports.write(COMMAND, 1, command);
    return this.data(...data);
  }

  data(...bytes: number[]): this {
    for (const byte of bytes) this.ports.write(DATA, 1, byte);
    return this;
  }

  get status(): number {
    return this.ports.read(COMMAND, 1);
  }

  /** Everything in the output buffer and behind it. */
  read(): number[] {
    const bytes = [];
    while (this.status & 1) bytes.push(this.ports.read(DATA, 1));
    return bytes;
  }

  type(text: string): this {
    this.controller.type(text);
    return this;
  }
}

const cases: { name: string; run: (bench: Bench) => unknown; want: unknown }[] = [
  { name: 'status when idle', run: (b) => b.status, want: 0x14 },
  { name: 'status after a command', run: (b) => b.command(0xaa).status, want: 0x1d },
  { name: 'self test', run: (b) => b.command(0xaa).read(), want: [0x55] },
  { name: 'keyboard interface test', run: (b) => b.command(0xab).read(), want: [0] },
  { name: 'configuration byte', run: (b) => b.command(0x20).read(), want: [0x65] },
  {
    name: 'configuration byte written: the second port stays absent',
    run: (b) => b.command(0x60, 0xff).command(0x20).read(),
    want: [0x7d],
  },
  { name: 'controller memory', run: (b) => b.command(0x65, 0x5a).command(0x25).read(), want: [0x5a] },
  {
    name: 'mouse commands: no answer, port stays off',
    run: (b) => b.command(0xa8).command(0xa9).command(0xd4, 0xff).command(0xd3, 1).command(0x20).read(),
    want: [0x65],
  },
  { name: 'output port', run: (b) => b.command(0xd0).read(), want: [0x03] },
  { name: 'input port: not locked', run: (b) => b.command(0xc0).read(), want: [0x80] },
  { name: 'output buffer written', run: (b) => b.command(0xd2, 0x77).read(), want: [0x77] },
  {
    name: 'A20 by the output port',
    run: (b) => [b.command(0xd1, 0x01).a20.open, b.command(0xd1, 0x03).a20.open],
    want: [false, true],
  },
  {
    name: 'A20 by its own commands',
    run: (b) => [b.command(0xdd).a20.open, b.command(0xdf).a20.open],
    want: [false, true],
  },
  { name: 'reset by a pulse', run: (b) => b.command(0xfe).resets.length, want: 1 },
  { name: 'reset by the output port', run: (b) => b.command(0xd1, 0x02).resets.length, want: 1 },
  { name: 'keyboard reset', run: (b) => b.data(0xff).read(), want: [0xfa, 0xaa] },
  { name: 'echo', run: (b) => b.data(0xee).read(), want: [0xee] },
  { name: 'identify, translated', run: (b) => b.data(0xf2).read(), want: [0xfa, 0xab, 0x41] },
  {
    name: 'identify, as it is',
    run: (b) => b.command(0x60, 0x05).data(0xf2).read(),
    want: [0xfa, 0xab, 0x83],
  },
  {
    name: 'LEDs',
    run: (b) => [b.data(0xed, 0x05).read(), b.controller.keyboard.leds],
    want: [[0xfa, 0xfa], 5],
  },
  { name: 'an unknown command', run: (b) => b.data(0x01).read(), want: [0xfe] },
  { name: 'a command in place of an argument', run: (b) => b.data(0xed, 0xee).read(), want: [0xfa, 0xee] },
  { name: 'a key, translated', run: (b) => b.type('a').read(), want: [0x1e, 0x9e] },
  { name: 'a key with shift', run: (b) => b.type('A').read(), want: [0x2a, 0x1e, 0x9e, 0xaa] },
  { name: 'a key in set 2', run: (b) => b.command(0x60, 0x05).type('a').read(), want: [0x1c, 0xf0, 0x1c] },
  {
    name: 'the keyboard in set 1',
    run: (b) => b.command(0x60, 0x05).data(0xf0, 1).type('a').read(),
    want: [0xfa, 0xfa, 0x1e, 0x9e],
  },
  { name: 'which set', run: (b) => b.command(0x60, 0x05).data(0xf0, 0).read(), want: [0xfa, 0xfa, 2] },
  { name: 'set 3 is refused', run: (b) => b.data(0xf0, 3).read(), want: [0xfa, 0xfe] },
  {
    name: 'enter for every line end',
    run: (b) => b.type('\n\r\n\r').read(),
    want: [0x1c, 0x9c, 0x1c, 0x9c, 0x1c, 0x9c],
  },
  {
    name: 'one interrupt a byte',
    run: (b) => [b.type('ab').read().length, b.rises, b.line],
    want: [4, 4, false],
  },
  { name: 'no interrupt unless configured', run: (b) => b.command(0x60, 0x40).type('a').rises, want: 0 },
  {
    name: 'keys wait while the keyboard is off',
    run: (b) => [b.command(0xad).type('a').read(), b.command(0xae).read()],
    want: [[], [0x1e, 0x9e]],
  },
  {
    name: 'keys wait while scanning is disabled',
    run: (b) => [b.data(0xf5).type('a').read(), b.data(0xf4).read()],
    want: [[0xfa], [0xfa, 0x1e, 0x9e]],
  },
  {
    name: 'an empty buffer shows its last byte',
    run: (b) => [b.command(0xaa).read(), b.ports.read(DATA, 1)],
    want: [[0x55], 0x55],
  },
  {
    name: 'reset empties it',
    run: (b) => {
      b.type('abc').command(0xad).controller.reset();
      return [b.read(), b.line, b.command(0x20).read()];
    },
    want: [[], false, [0x65]],
  },
];
for (const { name, run, want } of cases) t.test(name, async (t) => t.strictSame(run(new Bench()), want));

t.test('every character of a US keyboard has a key of its own', async (t) => {
  const seen = new Set<string>();
  for (let code = 0x20; code < 0x7f; code++)
    seen.add(new Bench().type(String.fromCharCode(code)).read().join());
  t.equal(seen.size, 0x7f - 0x20);
});

t.test('a character without a key: nothing is typed', async (t) => {
  const bench = new Bench();
  t.throws(() => bench.type('aé'), { name: 'RangeError', message: /"é"/ });
  t.strictSame(bench.read(), []);
});
