import t from 'tap';
import { assemble } from '../../emulator/asm/index.js';
import { GuestRun } from '../../emulator/index.js';
import {
  NO_SYMBOL,
  diffExits,
  exitStatistics,
  exitsByInterval,
  exitsBySymbol,
} from '../../emulator/vmm/exit-statistics.js';

const { bytes, symbols } = assemble(`
        bits 32
        org 0x100000
start:  mov ecx, 30
ports:  in al, 0x80
        dec ecx
        jnz ports
        mov ecx, 20
        mov esi, 7
names:  mov eax, 0
        push ecx
        cpuid
        pop ecx
        dec ecx
        jnz names
done:   mov al, 0
        out 0xf4, al
        hlt
`);

function run(technique: 'svm-shadow' | 'svm-nested'): GuestRun {
  const guest = new GuestRun(bytes, { technique, memoryBytes: 4 << 20, trace: true });
  guest.run();
  return guest;
}

const shadow = run('svm-shadow');
const nested = run('svm-nested');

t.test('rows as perf kvm stat shows them', async (t) => {
  const { exits } = shadow.result();
  const rows = exitStatistics(exits);
  const sum = (pick: (row: (typeof rows)[number]) => number) =>
    rows.reduce((total, row) => total + pick(row), 0);
  t.ok(Math.abs(sum((row) => row.countShare) - 1) < 1e-12, 'shares of count');
  t.ok(Math.abs(sum((row) => row.cycleShare) - 1) < 1e-12, 'shares of cycles');
  for (const row of rows) {
    t.ok(row.minCycles <= row.meanCycles && row.meanCycles <= row.maxCycles, row.reason);
    t.equal(row.meanCycles, row.cycles / row.count);
  }
  t.same(
    rows.map(({ cycles }) => cycles),
    rows.map(({ cycles }) => cycles).sort((a, b) => b - a),
    'the dearest first',
  );
  t.equal(rows.find(({ reason }) => reason === 'CPUID')?.count, 20);
  t.equal(rows.find(({ reason }) => reason === 'IOIO_IN')?.count, 30);
  t.same(exitStatistics({}), []);
});

t.test('the difference between two runs', async (t) => {
  const [a, b] = [shadow.result().exits, nested.result().exits];
  t.same(diffExits(a, a), [], 'none between a run and itself');
  const rows = diffExits(a, b);
  t.match(
    rows.find(({ reason }) => reason === 'PAGE_FAULT_HIDDEN'),
    {
      counts: [a.PAGE_FAULT_HIDDEN!.count, 0],
      countDelta: -a.PAGE_FAULT_HIDDEN!.count,
      meanCycleDelta: null,
    },
  );
  t.match(
    rows.find(({ reason }) => reason === 'NESTED_PAGE_FAULT'),
    { counts: [0, 1], countDelta: 1 },
  );
  const delta = rows.reduce((sum, { cycleDelta }) => sum + cycleDelta, 0);
  const total = (exits: typeof a) => Object.values(exits).reduce((sum, { cycles }) => sum + cycles, 0);
  t.ok(Math.abs(delta - (total(b) - total(a))) < 1e-6, 'the deltas sum to the difference');
});

t.test('by interval', async (t) => {
  const events = [...shadow.vmm.host.trace.query()];
  const intervals = exitsByInterval(events, 20_000);
  const total = intervals.reduce(
    (sum, { exits }) => sum + Object.values(exits).reduce((count, row) => count + row.count, 0),
    0,
  );
  t.equal(total, events.filter(({ kind }) => kind === 'exit').length, 'every exit is in one');
  t.ok(intervals.length > 5);
  for (const [at, { fromCycle }] of intervals.entries())
    t.equal(fromCycle, intervals[0].fromCycle + at * 20_000);
  t.ok(intervals[1].exits.IOIO_IN, 'first the ports');
  t.ok(intervals.at(-2)?.exits.CPUID, 'then the names');
  t.same(exitsByInterval([], 100), []);
  for (const wrong of [0, -1, NaN]) t.throws(() => exitsByInterval([], wrong), RangeError);
});

t.test('by symbol', async (t) => {
  const rows = exitsBySymbol(shadow.vmm.host.trace.query(), symbols);
  const of = (symbol: string) => rows.find((row) => row.symbol === symbol)?.exits;
  t.equal(of('ports')?.IOIO_IN?.count, 30);
  t.equal(of('names')?.CPUID?.count, 20);
  t.equal(of('done')?.IOIO_OUT?.count, 1);
  t.equal(rows[0].symbol, 'ports', 'most exits first');
  const [below] = exitsBySymbol(shadow.vmm.host.trace.query(), { far: 0xf000_0000 });
  t.equal(below.symbol, NO_SYMBOL);
});
