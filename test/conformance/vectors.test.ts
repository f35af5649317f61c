import t from 'tap';
import { join } from 'node:path';
import { packageRoot } from '../../emulator/root.js';
import { VectorRunner, readBase, readVectors } from './vectors.js';
import type { Vector } from './vectors.js';

const data = join(packageRoot(), 'test/conformance/data');
const runner = new VectorRunner(readBase(join(data, 'base.bin.gz')));

const byTag = new Map<string, Vector[]>();
for (const vector of readVectors(join(data, 'vectors-dev.jsonl.gz'))) {
  byTag.set(vector.t, [...(byTag.get(vector.t) ?? []), vector]);
}

for (const [tag, vectors] of byTag) {
  const failures = vectors.flatMap((vector) => {
    const differences = runner.run(vector);
    return differences.length > 0 ? [{ case: vector.i, code: vector.m[0]?.[1], differences }] : [];
  });
  t.same(failures, [], `${tag}: ${vectors.length} cases`);
}
