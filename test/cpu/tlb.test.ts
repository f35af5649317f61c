import t from 'tap';
import { TLB_G, TLB_LARGE, TLB_W, Tlb } from '../../emulator/cpu/tlb.js';

const PAGE = 0x1000;

function pages(tlb: Tlb): number[] {
  return tlb.entries().map(({ linear }) => linear / PAGE);
}

t.test('replacement is FIFO within a set, and a hit changes nothing', async (t) => {
  const tlb = new Tlb({ entries: 8, ways: 4 });
  for (const page of [0, 2, 4, 6]) tlb.insert(page * PAGE, 0, 0);
  tlb.lookup(0);
  tlb.insert(8 * PAGE, 0, 0);
  t.same(pages(tlb), [8, 2, 4, 6], 'the oldest went, though it was used last');
  tlb.insert(1 * PAGE, 0, 0);
  t.same(pages(tlb), [8, 2, 4, 6, 1], 'odd pages have a set of their own');
  tlb.insert(4 * PAGE, 0x7000, TLB_W);
  t.same(pages(tlb), [8, 2, 4, 6, 1], 'a page that is there is replaced in its place');
  tlb.insert(10 * PAGE, 0, 0);
  t.same(pages(tlb), [8, 10, 4, 6, 1], 'and the order of the others is as before');
});

t.test('what a flush takes', async (t) => {
  const filled = (): Tlb => {
    const tlb = new Tlb({ entries: 8, ways: 8 });
    tlb.insert(1 * PAGE, 0, 0);
    tlb.insert(2 * PAGE, 0, TLB_G);
    tlb.asid = 7;
    tlb.insert(3 * PAGE, 0, 0);
    tlb.asid = 0;
    return tlb;
  };
  const rows: [string, (tlb: Tlb) => void, number[]][] = [
    ['all', (tlb) => tlb.flushAll(), []],
    ['CR3 write: one address space without its global pages', (tlb) => tlb.flushAsid(0, true), [2, 3]],
    ['one address space', (tlb) => tlb.flushAsid(7, false), [1, 2]],
    ['INVLPG of a global page', (tlb) => tlb.invalidate(2 * PAGE + 5), [1, 3]],
    ['INVLPG of a page of another address space', (tlb) => tlb.invalidate(3 * PAGE), [1, 2, 3]],
  ];
  for (const [what, flush, left] of rows) {
    const tlb = filled();
    flush(tlb);
    t.same(pages(tlb), left, what);
  }
});

t.test('an address space sees its own entries only', async (t) => {
  const tlb = new Tlb({ entries: 4, ways: 4 });
  tlb.insert(PAGE, 0x5000, 0);
  tlb.asid = 1;
  t.equal(tlb.lookup(PAGE), -1);
  const entry = tlb.insert(PAGE, 0x6000, 0);
  t.equal(tlb.frames[entry], 0x6000);
  tlb.asid = 0;
  t.equal(tlb.frames[tlb.lookup(PAGE)], 0x5000);
});

t.test('a 4 MB entry answers for all of its pages', async (t) => {
  const tlb = new Tlb({ entries: 4, ways: 2 });
  const entry = tlb.insert(0x40_0000, 0x80_0000, TLB_LARGE);
  t.equal(tlb.lookup(0x7f_f000), entry);
  t.equal(tlb.lookup(0x80_0000), -1);
  tlb.setFast(0x7ff, 1);
  tlb.invalidate(0x41_2345);
  t.equal(tlb.lookup(0x7f_f000), -1);
  t.equal(tlb.fast[0x7ff], 0, 'the short path forgets them too');
});

t.test('the short path never answers for an entry that is gone', async (t) => {
  const rows: [string, (tlb: Tlb) => void][] = [
    ['eviction', (tlb) => [2, 3].forEach((page) => tlb.insert(page * PAGE, 0, 0))],
    ['invalidation', (tlb) => tlb.invalidate(PAGE)],
    ['flush of its address space', (tlb) => tlb.flushAsid(0, false)],
    ['flush of all', (tlb) => tlb.flushAll()],
  ];
  for (const [what, end] of rows) {
    const tlb = new Tlb({ entries: 2, ways: 2 });
    tlb.insert(PAGE, 0x9000, 0);
    tlb.setFast(1, 0x9001);
    end(tlb);
    t.equal(tlb.fast[1], 0, what);
  }
});

t.throws(
  () => new Tlb({ entries: 12, ways: 4 }),
  { message: /power of two/ },
  'a shape that hardware cannot have',
);
