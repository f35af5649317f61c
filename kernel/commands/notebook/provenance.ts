import { createHash } from 'node:crypto';
import { ENGINE_VERSION } from '../../../emulator/index.js';
import { describeOutput } from './compare.js';
import type { Notebook } from './format.js';

/** Key in a notebook's metadata; beside it stands the version of the engine. */
const KEY = 'ringside';

/** SHA-256 over the engine's version, the cells and what they gave: whether stored outputs are those of these cells. */
function provenance({ cells }: Notebook): string {
  const content = cells.map(({ cell_type, source, outputs = [] }) => [
    cell_type,
    source,
    outputs.map(describeOutput),
  ]);
  return createHash('sha256')
    .update(JSON.stringify([ENGINE_VERSION, content]))
    .digest('hex');
}

/** A notebook just executed, with its provenance. */
export function withProvenance(notebook: Notebook): Notebook {
  const own = { engine: ENGINE_VERSION, provenance: provenance(notebook) };
  return { ...notebook, metadata: { ...notebook.metadata, [KEY]: own } };
}

/** What is wrong with the stored outputs of a notebook before anything is run, in a sentence; null when nothing is. */
export function provenanceProblem(notebook: Notebook): string | null {
  const stored = notebook.metadata[KEY] as { engine?: unknown; provenance?: unknown } | undefined;
  const remedy = 'execute it again with `ringside execute NOTEBOOK --to notebook`';
  if (typeof stored?.provenance !== 'string')
    return `its stored outputs have no provenance hash, so nobody can say what they came from; ${remedy}`;
  if (stored.engine !== ENGINE_VERSION)
    return `its stored outputs come from version ${String(stored.engine)} of the engine, and this is version ${ENGINE_VERSION}; ${remedy}`;
  if (stored.provenance !== provenance(notebook))
    return `a cell or an output was changed after it was executed: its provenance hash is that of other contents; ${remedy}`;
  return null;
}
