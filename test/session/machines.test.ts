import t from 'tap';
import { displaySymbol } from '../../kernel/session/display.js';
import { asm, machines } from '../../kernel/session/index.js';

const count = (rounds: number) => asm`
        mov ecx, ${rounds}
again:  in al, 0x80
        dec ecx
        jnz again
        hlt
`;

t.test('guests share a machine, and a table says whose the cycles were', async (t) => {
  const shared = machines([count(2000), count(1000)], { sliceCycles: 50_000 });
  t.same(
    shared.guests.map(({ outcome }) => outcome),
    ['halted', 'halted'],
  );
  const [first, second] = shared.guests;
  t.ok(first.turns > second.turns && second.turns > 1);
  t.ok(first.cycles > second.cycles);
  const text = shared[displaySymbol]()['text/plain'] as string;
  t.match(text, /2 guests under binary-translation on one pentium4-672, in turns of 50,000 cycles/);
  t.match(text, /halted +\d+/);
  t.match(text, /\(between turns\)/);
});

t.test('what cannot be shared', async (t) => {
  t.throws(() => machines([count(1)], { technique: 'native' }), { message: /no monitor/ });
  t.throws(() => machines([]), { message: /guests 0/ });
});
