import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import type { Test } from 'tap';
import { temporaryFolder } from '../server/helpers.js';

const folder = join(temporaryFolder(), 'cache');
const kept = () => readdirSync(folder).map((name) => join(folder, name));
/** An hour ago, to see whether a file has been written since. */
const LONG_AGO = new Date(Date.now() - 3_600_000);

/** TypeScript at work in a thread of its own. */
function loaded(where: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./load-typescript.js', import.meta.url), {
      workerData: where,
      // Whoever runs the tests may load TypeScript ahead into every thread.
      execArgv: [],
    });
    worker.once('message', resolve).once('error', reject);
  });
}

/** Loads it again. @returns whether the kept code has been made anew. */
async function renewed(t: Test, before: () => void): Promise<boolean> {
  before();
  utimesSync(kept()[0], LONG_AGO, LONG_AGO);
  t.match(await loaded(folder), /x = 1/, 'it works all the same');
  return statSync(kept()[0]).mtime > LONG_AGO;
}

t.test('code of TypeScript is kept, and used as long as it is good and ours', async (t) => {
  t.match(await loaded(folder), /x = 1/);
  const [file, ...others] = kept();
  t.same(others, []);
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.ok(statSync(file).size > 1e6);
  t.equal(await renewed(t, () => undefined), false, 'it is there');
  t.equal(
    await renewed(t, () => writeFileSync(file, readFileSync(file).fill(0, 0, 64))),
    true,
    'it is broken',
  );
  t.equal(await renewed(t, () => chmodSync(file, 0o666)), true, 'others can write to it');
  t.equal(statSync(file).mode & 0o777, 0o600);
});

t.test('where nothing can be kept, nothing is', async (t) => {
  const file = join(folder, 'a-file');
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, '');
  t.match(await loaded(join(file, 'below')), /x = 1/);
});
