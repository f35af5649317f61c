import t from 'tap';
import { Symbols } from '../../emulator/index.js';

const symbols = new Symbols({ start: 0x1000, '..@3.reload': 0x1010, 'start.loop': 0x1020, last: 0x9000 });

const places: readonly [address: number, near: string | null, at: string | null][] = [
  [0xfff, null, null],
  [0x1000, 'start', 'start'],
  [0x1012, 'start+0x12', null],
  [0x1024, 'start.loop+0x4', null],
  [0x1020, 'start.loop', 'start.loop'],
  [0x8000, null, null],
  [0x9fff, 'last+0xfff', null],
  [0xa000, null, null],
];
for (const [address, near, at] of places) {
  t.test(`the name of 0x${address.toString(16)}`, async (t) => {
    t.equal(symbols.near(address), near);
    t.equal(symbols.at(address), at);
  });
}
