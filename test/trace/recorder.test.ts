import t from 'tap';
import { TraceRecorder } from '../../emulator/trace/recorder.js';

function filled(capacity: number, events: number): TraceRecorder {
  const recorder = new TraceRecorder(capacity);
  recorder.enabled = true;
  for (let ticks = 0; ticks < events; ticks++) {
    recorder.record(
      ticks % 2 ? { ticks, kind: 'cr3', value: ticks } : { ticks, kind: 'interrupt', vector: 32, eip: 0 },
    );
  }
  return recorder;
}

const ticks = (events: readonly { ticks: number }[]): number[] => events.map((event) => event.ticks);

const cases: { name: string; run: () => unknown; want: unknown }[] = [
  { name: 'keeps all while there is room', run: () => ticks(filled(5, 3).query()), want: [0, 1, 2] },
  { name: 'keeps the newest, oldest first', run: () => ticks(filled(3, 8).query()), want: [5, 6, 7] },
  { name: 'counts what it dropped', run: () => filled(3, 8).dropped, want: 5 },
  { name: 'last', run: () => ticks(filled(5, 8).last(2)), want: [6, 7] },
  { name: 'last of more than there are', run: () => ticks(filled(5, 2).last(9)), want: [0, 1] },
  { name: 'last of none', run: () => filled(5, 8).last(0), want: [] },
  { name: 'by kind', run: () => ticks(filled(9, 8).query({ kind: 'cr3' })), want: [1, 3, 5, 7] },
  {
    name: 'by time, ends included',
    run: () => ticks(filled(9, 8).query({ fromTicks: 2, toTicks: 4 })),
    want: [2, 3, 4],
  },
  {
    name: 'records nothing unless enabled',
    run: () => {
      const recorder = new TraceRecorder(3);
      recorder.record({ ticks: 0, kind: 'cr3', value: 0 });
      return recorder.length;
    },
    want: 0,
  },
  {
    name: 'clear starts over',
    run: () => {
      const recorder = filled(3, 8);
      recorder.clear();
      return [recorder.length, recorder.dropped];
    },
    want: [0, 0],
  },
];

for (const { name, run, want } of cases) t.test(name, async (t) => t.strictSame(run(), want));

for (const capacity of [0, -1, 1.5, NaN]) {
  t.test(`a capacity of ${capacity} is refused`, async (t) =>
    t.throws(() => new TraceRecorder(capacity), RangeError),
  );
}
