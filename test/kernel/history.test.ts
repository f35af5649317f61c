import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { HistoryStore } from '../../kernel/protocol/history-store.js';
import { History } from '../../kernel/protocol/history.js';

const folder = mkdtempSync(join(tmpdir(), 'ringside-history-'));
t.teardown(() => rmSync(folder, { recursive: true }));
const file = (name: string) => join(folder, 'deep', `${name}.jsonl`);

/** What a kernel of one cell leaves. */
function keep(path: string, source: string): void {
  const history = new History(new HistoryStore(path));
  history.add(1, source);
  history.flush();
}

const found = (history: History, request: object) =>
  history.find({ ...request }).map(({ session, line, source, result }) => [session, line, source, result]);

t.test('cells are found by later kernels, under the numbers of their sessions', async (t) => {
  const path = file('restarts');
  const first = new History(new HistoryStore(path));
  first.add(1, 'a = 1');
  first.addResult(1, '1');
  first.flush();
  const second = new History(new HistoryStore(path));
  second.add(1, 'b = 2');
  second.flush();
  first.add(2, 'a = 3');
  first.flush();
  const third = new History(new HistoryStore(path));
  t.same(found(third, { hist_access_type: 'tail', n: 10 }), [
    [1, 1, 'a = 1', '1'],
    [2, 1, 'b = 2', null],
    [1, 2, 'a = 3', null],
  ]);
  third.add(1, 'c');
  const rows: [request: object, sources: string[]][] = [
    [{ hist_access_type: 'range', session: 0 }, ['c']],
    [{ hist_access_type: 'range', session: -1 }, ['b = 2']],
    [{ hist_access_type: 'range', session: -2, start: 2, stop: 3 }, ['a = 3']],
    [{ hist_access_type: 'range', session: 1 }, ['a = 1', 'a = 3']],
    [{ hist_access_type: 'search', pattern: 'a*', n: 1 }, ['a = 3']],
  ];
  for (const [request, sources] of rows)
    t.same(
      found(third, request).map(([, , source]) => source),
      sources,
      JSON.stringify(request),
    );
  t.equal(statSync(path).mode & 0o777, 0o600, 'nobody else reads what was typed');
});

t.test('lines that a crash left behind are passed over', async (t) => {
  const path = file('broken');
  keep(path, 'good');
  appendFileSync(path, '{"of":"nobody","line":1,"source":"x"}\nnull\n7\n{"start":\n');
  t.same(found(new History(new HistoryStore(path)), { hist_access_type: 'tail' }), [[1, 1, 'good', null]]);
});

t.test('a file that has grown large keeps its newer half, and sessions keep their numbers', async (t) => {
  const path = file('large');
  keep(path, 'x'.repeat(9 << 20));
  keep(path, 'kept');
  const later = new History(new HistoryStore(path));
  later.add(1, 'new');
  later.flush();
  t.ok(readFileSync(path).length < 1000);
  t.same(found(later, { hist_access_type: 'tail' }), [
    [2, 1, 'kept', null],
    [3, 1, 'new', null],
  ]);
});

t.test('what is kept is written in the next turn, and before anything is looked for', async (t) => {
  const path = file('turn');
  const store = new HistoryStore(path);
  store.add({ line: 1, source: 'a' });
  t.notOk(existsSync(path));
  await new Promise(setImmediate);
  t.match(readFileSync(path, 'utf8'), /^\{"start":"[^"]+"\}\n\{"of":"[^"]+","line":1,"source":"a"\}\n$/);
  store.add({ line: 2, source: 'b' });
  t.equal(store.session, 1);
  t.match(readFileSync(path, 'utf8'), /"source":"b"/);
});

t.test('where nothing can be written, history is that of this kernel', async (t) => {
  const blocked = join(folder, 'file');
  writeFileSync(blocked, '');
  const history = new History(new HistoryStore(join(blocked, 'history.jsonl')));
  history.add(1, 'a');
  t.same(found(history, { hist_access_type: 'tail' }), [[1, 1, 'a', null]]);
  t.notOk(existsSync(join(blocked, 'history.jsonl')));
});
