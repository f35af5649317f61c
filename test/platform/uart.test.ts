import t from 'tap';
import { PortBus } from '../../emulator/platform/bus.js';
import { OUTPUT_LIMIT_BYTES, OutputBuffer } from '../../emulator/platform/output.js';
import { UART_PORT, Uart } from '../../emulator/platform/uart.js';

const [DATA, IER, IIR, LCR, MCR, LSR, MSR, SCRATCH] = [0, 1, 2, 3, 4, 5, 6, 7];
const FCR = IIR;

class Bench {
  readonly ports = new PortBus();
  irq = false;
  edges = 0;
  readonly uart = new Uart(this.ports, (level) => {
    this.irq = level;
    if (level) this.edges++;
  });

  out(register: number, ...values: number[]): this {
    for (const value of values) this.ports.write(UART_PORT + register, 1, value);
    return this;
  }

  in(register: number): number {
    return this.ports.read(UART_PORT + register, 1);
  }

  text(text: string): number[] {
    return [...text].map((character) => character.charCodeAt(0));
  }

  /** Reads the receiver as long as it has data. */
  drain(): string {
    let seen = '';
    while (this.in(LSR) & 1) seen += String.fromCharCode(this.in(DATA));
    return seen;
  }
}

const OUT2 = 0x08;
const LOOPBACK = 0x10;

const cases: { name: string; run: (bench: Bench) => unknown; want: unknown }[] = [
  { name: 'what is written to THR comes out', run: (b) => b.out(DATA, 72, 105).uart.output.text, want: 'Hi' },
  {
    name: 'the transmitter is always empty',
    run: (b) => [b.in(LSR), b.out(DATA, 65).in(LSR)],
    want: [0x60, 0x60],
  },
  {
    name: 'the divisor lies behind DLAB and is not sent',
    run: (b) => {
      b.out(LCR, 0x83).out(DATA, 0x0c).out(IER, 0x01);
      const divisor = [b.in(DATA), b.in(IER)];
      return [divisor, b.out(LCR, 0x03).in(IER), b.uart.output.length];
    },
    want: [[0x0c, 0x01], 0, 0],
  },
  { name: 'scratch keeps its byte', run: (b) => b.out(SCRATCH, 0xa5).in(SCRATCH), want: 0xa5 },
  {
    name: 'IER and MCR have no reserved bits',
    run: (b) => [b.out(IER, 0xff).in(IER), b.out(MCR, 0xff).in(MCR)],
    want: [0x0f, 0x1f],
  },
  { name: 'a terminal is connected: CTS, DSR, DCD', run: (b) => b.in(MSR), want: 0xb0 },
  {
    name: 'input waits until it is read',
    run: (b) => {
      b.uart.receive(b.text('hello'));
      return b.drain();
    },
    want: 'hello',
  },
  { name: 'an empty receiver reads 0', run: (b) => b.in(DATA), want: 0 },
  {
    name: 'received data interrupts through OUT2',
    run: (b) => {
      b.out(MCR, OUT2).out(IER, 0x01).uart.receive([65]);
      return [b.irq, b.in(IIR), b.in(DATA), b.irq, b.in(IIR)];
    },
    want: [true, 0x04, 65, false, 0x01],
  },
  {
    name: 'without FIFOs each byte is an edge of its own',
    run: (b) => {
      b.out(MCR, OUT2).out(IER, 0x01).uart.receive(b.text('abc'));
      return [b.edges, b.in(DATA), b.edges, b.in(DATA), b.edges, b.in(DATA), b.edges, b.irq];
    },
    want: [1, 97, 2, 98, 3, 99, 3, false],
  },
  {
    name: 'without OUT2 the line stays low, IIR tells all the same',
    run: (b) => {
      b.out(IER, 0x01).uart.receive([65]);
      return [b.irq, b.in(IIR)];
    },
    want: [false, 0x04],
  },
  {
    name: 'enabling the transmitter interrupt raises it, reading IIR ends it',
    run: (b) => {
      b.out(MCR, OUT2).out(IER, 0x02);
      return [b.irq, b.in(IIR), b.irq, b.in(IIR)];
    },
    want: [true, 0x02, false, 0x01],
  },
  {
    name: 'each byte sent gives one transmitter interrupt',
    run: (b) => b.out(MCR, OUT2).out(IER, 0x02).out(DATA, 1, 2, 3).edges,
    want: 4,
  },
  {
    name: 'with FIFOs on IIR says so',
    run: (b) => b.out(FCR, 0x01).in(IIR),
    want: 0xc1,
  },
  {
    name: 'trigger level 8: data available at 8 bytes, timeout below',
    run: (b) => {
      b.out(FCR, 0x81).out(IER, 0x01).uart.receive(b.text('12345678'));
      return [b.in(IIR) & 0x0f, b.in(DATA), b.in(IIR) & 0x0f];
    },
    want: [0x04, 0x31, 0x0c],
  },
  {
    name: 'more input than the FIFO holds is not lost',
    run: (b) => {
      b.out(FCR, 0x01).uart.receive(b.text('0123456789abcdefghij'));
      return b.drain();
    },
    want: '0123456789abcdefghij',
  },
  {
    name: 'FCR clears the receiver FIFO',
    run: (b) => {
      b.out(FCR, 0x01).uart.receive([1, 2, 3]);
      return b.out(FCR, 0x03).in(LSR) & 1;
    },
    want: 0,
  },
  {
    name: 'loopback returns the byte and sends nothing',
    run: (b) => [b.out(MCR, LOOPBACK).out(DATA, 0x5a).in(LSR), b.in(DATA), b.uart.output.length],
    want: [0x61, 0x5a, 0],
  },
  {
    name: 'loopback ties the modem outputs to the modem inputs',
    run: (b) => [0x01, 0x02, 0x04, 0x08].map((outputs) => b.out(MCR, LOOPBACK | outputs).in(MSR) & 0xf0),
    want: [0x20, 0x10, 0x40, 0x80],
  },
  {
    name: 'a change of the modem inputs shows in the delta bits once',
    run: (b) => [b.out(MCR, LOOPBACK).in(MSR), b.in(MSR)],
    want: [0x0b, 0x00],
  },
  {
    name: 'an overrun in loopback is a line status interrupt until LSR is read',
    run: (b) => {
      b.out(MCR, LOOPBACK).out(IER, 0x04).out(DATA, 1, 2);
      return [b.in(IIR), b.in(LSR) & 0x02, b.in(IIR), b.in(DATA)];
    },
    want: [0x06, 0x02, 0x01, 2],
  },
  {
    name: 'line status goes before received data',
    run: (b) => b.out(MCR, LOOPBACK).out(IER, 0x05).out(DATA, 1, 2).in(IIR),
    want: 0x06,
  },
];

for (const { name, run, want } of cases) t.test(name, async (t) => t.strictSame(run(new Bench()), want));

t.test('output is bounded and says what it dropped', async (t) => {
  const output = new OutputBuffer();
  let seen = 0;
  output.onOutput = () => seen++;
  for (let n = 0; n < OUTPUT_LIMIT_BYTES + 10; n++) output.push(n & 0xff);
  t.equal(output.length, OUTPUT_LIMIT_BYTES);
  t.equal(output.dropped, 10);
  t.equal(seen, OUTPUT_LIMIT_BYTES + 10);
  t.equal(output.bytes[300], 300 & 0xff);
});

t.test('output that is no UTF-8 shows as replacement characters', async (t) => {
  const output = new OutputBuffer();
  for (const byte of [0xc3, 0xa9, 0xff]) output.push(byte);
  t.equal(output.text, 'é\ufffd');
});
