import { isAscii } from 'node:buffer';
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import vm from 'node:vm';

/*
 * TypeScript is 9 MB of JavaScript: what V8 made of it the last time is kept in a file, so that it need not be made again.
 */

interface Loaded {
  readonly script: vm.Script;
  /** Where its code is to be kept; nothing when it came from there. */
  readonly wanted: string | undefined;
}

let loaded: Loaded | undefined;

/**
 * Loads TypeScript for whoever requires it in this thread, with code that V8 made before if there is some.
 * @param folder of the files with such code. V8 runs what it finds there, so a file of another user is not read.
 */
export function loadTypeScript(folder: string): void {
  const require = createRequire(import.meta.url);
  const path = require.resolve('typescript');
  if (require.cache[path] !== undefined) return;
  const source = wrapped(readFileSync(path));
  const { version } = require('typescript/package.json') as { version: string };
  // V8 looks at its own version and flags, and of the source at the length alone.
  const file = join(folder, `typescript-${version}-node-${process.version}-${process.arch}.bin`);
  const cachedData = ownFile(file);
  const script = new vm.Script(source, { filename: path, ...(cachedData && { cachedData }) });
  const known = cachedData !== undefined && script.cachedDataRejected !== true;
  loaded = { script, wanted: known ? undefined : file };
  const module = new Module(path);
  module.filename = path;
  require.cache[path] = module;
  const run = script.runInThisContext() as (...parameters: unknown[]) => void;
  run.call(module.exports, module.exports, createRequire(path), module, path, dirname(path));
  module.loaded = true;
}

/** Keeps the code that V8 has made so far, functions used until now among it, unless it is kept already. */
export function keepTypeScript(): void {
  if (loaded?.wanted === undefined) return;
  const { script, wanted } = loaded;
  loaded = { script, wanted: undefined };
  try {
    mkdirSync(dirname(wanted), { recursive: true, mode: 0o700 });
    const unfinished = `${wanted}.${process.pid}`;
    writeFileSync(unfinished, script.createCachedData(), { mode: 0o600 });
    renameSync(unfinished, wanted);
  } catch {
    // A folder that cannot be written to costs the next start some time, and nobody else anything.
  }
}

/** A module's text as a function's. In ASCII, as TypeScript is, Node keeps it outside of the heap and V8 as it is. */
function wrapped(source: Buffer): string {
  const [before, after] = Module.wrap('').split('\n');
  const text = Buffer.concat([Buffer.from(before), source, Buffer.from(`\n${after}`)]);
  return text.toString(isAscii(text) ? 'latin1' : 'utf8');
}

function ownFile(path: string): Buffer | undefined {
  try {
    const { uid, mode } = statSync(path);
    const others = (mode & 0o022) !== 0 || (process.getuid !== undefined && uid !== process.getuid());
    return others ? undefined : readFileSync(path);
  } catch {
    return undefined;
  }
}
