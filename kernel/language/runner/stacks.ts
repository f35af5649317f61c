import { SourceMap } from 'node:module';
import { inspect } from 'node:util';
import type { CompiledCell } from '../cell.js';
import type { Outcome } from '../../protocol/index.js';

/** A position in a cell, in an expression of `user_expressions`, or in a TypeScript file that cells import. */
const CELL_FRAME =
  /(Cell \d+|Expression [^:()]+|(?<=^|\(|async )(?:[A-Za-z]:)?[\\/].+?\.[cm]?ts):(\d+):(\d+)/g;
/** Frames of Ringside and of Node, which say nothing about the cell. */
const OWN_CODE = ['../../', '../../../emulator/'].map((folder) => new URL(folder, import.meta.url).href);
const NODE_CODE = /\bnode:(internal|vm|async_hooks)\b/;

/** By name. A map is parsed when it is wanted, as few cells have errors and it takes ten times its text. */
const cells = new Map<string, Pick<CompiledCell, 'sourceMap' | 'insertions'>>();

/** Makes the stacks of this thread's errors speak of the cell's own lines: `at f (Cell 3:2:7)`. */
export function install(): void {
  Error.stackTraceLimit = 30;
  Error.prepareStackTrace = (error, sites) => {
    const isOwn = (frame: string) => OWN_CODE.some((folder) => frame.includes(folder));
    const frames = sites.map(String).filter((frame) => !isOwn(frame) && !NODE_CODE.test(frame));
    return [header(error), ...frames.map((frame) => `    at ${frame.replace(CELL_FRAME, ownPosition)}`)].join(
      '\n',
    );
  };
}

/** Remembers how to map positions of a cell; a later cell of the same name replaces it. */
export function register(cell: Pick<CompiledCell, 'name' | 'sourceMap' | 'insertions'>): void {
  cells.set(cell.name, { sourceMap: cell.sourceMap, insertions: cell.insertions });
}

/** The outcome of a cell that threw. Anything can be thrown, also things that misbehave when looked at. */
export function errorOutcome(thrown: unknown): Outcome {
  try {
    if (!(thrown instanceof Error)) {
      const evalue = inspect(thrown);
      return { status: 'error', ename: 'Uncaught', evalue, traceback: [`Uncaught ${evalue}`] };
    }
    const { name, message } = thrown;
    return {
      status: 'error',
      ename: String(name),
      evalue: String(message),
      traceback: inspected(thrown).split('\n'),
    };
  } catch {
    const evalue = 'a value that cannot be shown';
    return { status: 'error', ename: 'Uncaught', evalue, traceback: [`Uncaught: ${evalue}`] };
  }
}

/** Where an error has no frames, `inspect` puts its words in brackets. */
function inspected(error: Error): string {
  return inspect(error).replace(/^\[([^]*?)\]( \{[^]*)?$/, '$1$2');
}

/** As V8 has it: also what is no error has a name and a message here, as `console.trace` has. */
function header(error: Error): string {
  try {
    return Error.prototype.toString.call(error);
  } catch {
    return 'Error';
  }
}

function ownPosition(frame: string, name: string, line: string, column: string): string {
  const cell = cells.get(name);
  if (cell === undefined) return frame;
  const entry = mapOf(cell).findEntry(Number(line) - 1, Number(column) - 1);
  if (!('originalLine' in entry)) return frame;
  // The map's source has one generated line before the cell, so its line from 0 is the cell's line from 1.
  const ownLine = entry.originalLine;
  let ownColumn = entry.originalColumn;
  for (const { line, column, length } of cell.insertions) {
    if (line === ownLine - 1 && column < ownColumn) ownColumn = Math.max(column, ownColumn - length);
  }
  return `${name}:${Math.max(1, ownLine)}:${ownColumn + 1}`;
}

function mapOf({ sourceMap }: Pick<CompiledCell, 'sourceMap'>): SourceMap {
  return new SourceMap(JSON.parse(sourceMap) as ConstructorParameters<typeof SourceMap>[0]);
}
