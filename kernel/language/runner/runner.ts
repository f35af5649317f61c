import vm from 'node:vm';
import type { CompiledCell, CompiledFile, Surrounding } from '../cell.js';
import { SURROUNDINGS } from '../cell.js';
import type { CommMessage, Outcome } from '../../protocol/index.js';
import { receiveComm } from './comms.js';
import { runAs } from './current.js';
import { isAlreadyShown } from './display-handle.js';
import type { CompileFile } from './files.js';
import { REQUESTED } from './interruptible.js';
import { Interrupted, Interruption } from './interruption.js';
import { exportAll, Modules } from './modules.js';
import type { ModuleScope } from './modules.js';
import type { RunnerData, RunResult } from './protocol.js';
import { errorOutcome, register } from './stacks.js';
import { displayOf } from './value.js';

type Scope = Record<string, unknown>;

/** A cell or the handler of a comm message, under way. */
interface Running {
  readonly interruption: Interruption;
  /** Values that it has not come to set. */
  readonly unset: () => string[];
}

/** Runs compiled cells, all on one scope of names. */
export class Runner {
  /** Names of the preludes. Without a prototype, so that `toString` and the like are not in scope. */
  readonly #preludes = Object.create(null) as Scope;
  /** Names of cells. V8 keeps an object that has a prototype such that compiled code finds its members ten times faster. */
  readonly #scope = Object.create(this.#preludes) as Scope;
  readonly #modules: Modules;
  /** Fulfilled when the preludes are loaded. */
  readonly ready: Promise<void>;
  #running: Running | undefined;
  readonly #isRequested: (interruption: Interruption) => boolean;

  constructor(data: RunnerData, compileFile: CompileFile = () => Promise.resolve(undefined)) {
    const flags = new Int32Array(data.interruptFlag);
    this.#isRequested = (interruption) =>
      Atomics.load(flags, REQUESTED) === 1 && interruption === this.#running?.interruption;
    const runFile = (file: CompiledFile, scope: ModuleScope, exports: Scope) => {
      register({ name: file.path, sourceMap: file.sourceMap, insertions: [] });
      // It may be imported by what a cell has left behind.
      const interruption = this.#running?.interruption ?? new Interruption(this.#isRequested);
      return this.#call(file.path, file, exports, scope, interruption, () => undefined);
    };
    this.#modules = new Modules(data.folder, data.ownModules, compileFile, runFile);
    this.ready = this.#loadPreludes(data.preludes);
    this.ready.catch(() => undefined);
  }

  /** Runs a cell to its end, its failure, or an interrupt. Never rejects for what a cell does. */
  async run(cell: number, compiled: CompiledCell): Promise<RunResult> {
    const before = new Map(compiled.values.map((name) => [name, this.#scope[name]]));
    const interruption = new Interruption(this.#isRequested);
    const running = {
      interruption,
      unset: () => compiled.values.filter((name) => this.#isUnset(name, before)),
    };
    this.#running = running;
    // The cell runs in a job of its own: when its JavaScript is terminated, this function is not among what is lost.
    const executed = this.ready.then(() => runAs(cell, () => this.#execute(compiled, interruption)));
    const outcome = await Promise.race([interruption.happened, executed]).catch(errorOutcome);
    this.#end(running);
    return { outcome, unset: outcome.status === 'ok' ? [] : running.unset() };
  }

  /**
   * Hands a comm message to its handler, until that ends or an interrupt.
   * @param run where the output goes of a comm that the front end opens
   */
  async comm(run: number, message: CommMessage): Promise<boolean> {
    const interruption = new Interruption(this.#isRequested);
    const running = { interruption, unset: () => [] };
    this.#running = running;
    const handled = this.ready.then(() => runAs(run, () => receiveComm(message)));
    const taken = await Promise.race([interruption.happened, handled]).catch(() => true);
    this.#end(running);
    return taken;
  }

  /** Ends the running cell, if there is one, at what it awaits. */
  interrupt(): void {
    this.#running?.interruption.interrupt();
  }

  /**
   * Ends the running cell, as an interrupt does, when what would have ended it was lost: V8 drops all jobs that wait when
   * it terminates one.
   */
  abandon(): RunResult {
    const unset = this.#running?.unset() ?? [];
    this.#running = undefined;
    return { outcome: errorOutcome(new Interrupted()), unset };
  }

  #end(running: Running): void {
    if (this.#running === running) this.#running = undefined;
  }

  async #execute(compiled: CompiledCell, interruption: Interruption): Promise<Outcome> {
    register(compiled);
    await this.#modules.load(compiled.imports);
    let result: unknown;
    const take = (value: unknown) => (result = value);
    await this.#call(compiled.name, compiled, this.#scope, this.#modules.scope, interruption, take);
    return result === undefined || isAlreadyShown(result)
      ? { status: 'ok' }
      : { status: 'ok', result: await displayOf(result) };
  }

  /** Runs the code of a cell or a file. */
  #call(
    name: string,
    { code, renamed }: Pick<CompiledCell, 'code' | 'renamed'>,
    exports: Scope,
    scope: ModuleScope,
    { guard, each }: Interruption,
    result: (value: unknown) => void,
  ): Promise<void> {
    const names = [...SURROUNDINGS, ...Object.values(renamed)];
    // The wrapper has a line of its own, which the offset takes away again. Of two functions, as what the code itself
    // declares may have the name of a parameter.
    const script = new vm.Script(`((${names.join(', ')}) => async () => {\n${code}\n})`, {
      filename: name,
      lineOffset: -1,
    });
    const bind = script.runInThisContext() as (...surroundings: unknown[]) => () => Promise<void>;
    const surroundings: Record<Surrounding, unknown> = {
      exports,
      require: scope.require,
      __filename: scope.meta.filename,
      __dirname: scope.meta.dirname,
      __imported: scope.imported,
      __meta: scope.meta,
      __import: scope.import,
      __star: (key: string) => exportAll(scope.imported(key), exports),
      __await: guard,
      __each: each,
      __result: result,
    };
    const usual = [...SURROUNDINGS, ...(Object.keys(renamed) as Surrounding[])];
    return bind(...usual.map((name) => surroundings[name]))();
  }

  /** After a failure: whether a declared name still has what it had before, so the declaration was not reached. */
  #isUnset(name: string, before: ReadonlyMap<string, unknown>): boolean {
    return !(name in this.#scope) || Object.is(this.#scope[name], before.get(name));
  }

  async #loadPreludes(paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      // Copied, because a cell may declare a name of its own over it, and what a module exports cannot be assigned.
      Object.assign(this.#preludes, await this.#modules.importOwn(path));
    }
  }
}
