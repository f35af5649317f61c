import { setTimeout as sleep } from 'node:timers/promises';
import type {
  CommMessage,
  Completeness,
  Completions,
  DisplayData,
  ExecuteRequest,
  Interpreter,
  Outcome,
  OutputSink,
} from '../protocol/index.js';
import type { Prelude } from './cell.js';
import { CheckerThread } from './checker-thread.js';
import {
  diagnosticsOutcome,
  interruptedOutcome,
  lostOutcome,
  lostText,
  noHelpOutcome,
  warningText,
} from './errors.js';
import { LANGUAGE } from './language.js';
import { WorkerEnded } from './rpc.js';
import { RunnerThread } from './runner-thread.js';
import { helpRequest } from './syntax/help.js';
import type { Magic } from './syntax/magic.js';

export interface InterpreterOptions {
  /** The notebook's working directory: imports of cells resolve from here. */
  readonly folder: string;
  readonly banner: string;
  /** Modules whose exports are in scope in every cell. */
  readonly preludes: readonly Prelude[];
  /** Modules found elsewhere than npm would look, by specifier: file of the compiled module. */
  readonly ownModules: Readonly<Record<string, string>>;
  /** Short forms of calls that are no TypeScript. */
  readonly magics: readonly Magic[];
  /** File of the module that knows the words of the assembler (`asmWords()`), if there is one. */
  readonly asmWords?: string;
  /** Folder where code that V8 has made of TypeScript is kept for the next kernel. */
  readonly codeCache: string;
}

/** How long an interrupt waits for a thread that has been stopped to answer before it is replaced. */
const RECOVERY_MS = 5000;

/**
 * TypeScript cells. One thread checks and compiles them, another runs them, so that the thread of the protocol is always
 * free and a cell that misbehaves takes neither the kernel nor the types with it.
 */
export class TypeScriptInterpreter implements Interpreter {
  readonly language = LANGUAGE;
  readonly banner: string;
  readonly #options: InterpreterOptions;
  #checker: CheckerThread;
  #runner: RunnerThread;
  /** The execution under way, and whether it has been asked to stop. */
  #running: { interrupted: boolean } | undefined;
  #interrupting: Promise<void> = Promise.resolve();
  #shutDown = false;
  #checkMode: 'strict' | 'lenient' = 'strict';

  /** @param checker that has been started for these options, if one has */
  constructor(options: InterpreterOptions, checker = new CheckerThread(options)) {
    this.#options = options;
    this.banner = options.banner;
    this.#checker = checker;
    this.#runner = this.#newRunner();
  }

  async execute({ code, cellNumber }: ExecuteRequest, output: OutputSink): Promise<Outcome> {
    const help = helpRequest(code);
    if (help !== undefined) {
      const page = await this.#checker.client.call('inspect', help.name, help.name.length, help.detail);
      return page === undefined ? noHelpOutcome(help.name) : { status: 'ok', page };
    }
    return this.#execute(`Cell ${cellNumber}`, code, output);
  }

  async evaluate(expressions: Readonly<Record<string, string>>, output: OutputSink) {
    const outcomes: Record<string, Outcome> = {};
    for (const [name, expression] of Object.entries(expressions)) {
      outcomes[name] = await this.#execute(`Expression ${name}`, expression, output);
    }
    return outcomes;
  }

  complete(code: string, cursor: number): Promise<Completions> {
    return this.#checker.client.call('complete', code, cursor);
  }

  inspect(code: string, cursor: number, detail: 0 | 1): Promise<DisplayData | undefined> {
    return this.#checker.client.call('inspect', code, cursor, detail);
  }

  isComplete(code: string): Promise<Completeness> {
    return this.#checker.client.call('isComplete', code);
  }

  async comm(message: CommMessage, output: OutputSink): Promise<boolean> {
    await this.#interrupting;
    this.#running = { interrupted: false };
    try {
      return await this.#runner.comm(message, output);
    } catch (error) {
      if (!(error instanceof WorkerEnded) || this.#shutDown) throw error;
      await this.#restart();
      output.stream('stderr', `${lostText(error.message)}\n`);
      return true;
    } finally {
      this.#running = undefined;
    }
  }

  /** Resolves when the running cell has ended and the threads are fit for the next one. */
  async interrupt(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    running.interrupted = true;
    this.#interrupting = this.#stop();
    await this.#interrupting;
  }

  async shutdown(): Promise<void> {
    this.#shutDown = true;
    await this.#endThreads();
  }

  async #execute(name: string, code: string, output: OutputSink): Promise<Outcome> {
    await this.#interrupting;
    const running = { interrupted: false };
    this.#running = running;
    try {
      return await this.#compileAndRun(running, name, code, output);
    } catch (error) {
      if (!(error instanceof WorkerEnded) || this.#shutDown) throw error;
      await this.#restart();
      return lostOutcome(error.message);
    } finally {
      this.#running = undefined;
    }
  }

  async #compileAndRun(
    running: { readonly interrupted: boolean },
    name: string,
    code: string,
    output: OutputSink,
  ): Promise<Outcome> {
    const checker = this.#checker.client;
    const compilation = await checker.call('compile', name, code, this.#checkMode);
    if (!compilation.ok) return diagnosticsOutcome(name, code, compilation.diagnostics);
    const { cell, compiled, warnings } = compilation;
    if (warnings.length > 0) output.stream('stderr', warningText(name, code, warnings));
    if (running.interrupted) {
      checker.callLater('commit', cell, compiled.values);
      return interruptedOutcome();
    }
    const { outcome, unset } = await this.#runner.run(cell, compiled, output);
    checker.callLater('commit', cell, unset);
    return outcome;
  }

  async #stop(): Promise<void> {
    const stopped = this.#runner.stop().then(() => true);
    const fit = await Promise.race([stopped, sleep(RECOVERY_MS, false, { ref: false })]);
    // Not to be stopped, as in an endless regular expression: the execution ends with what became of its thread.
    if (!fit) await this.#runner.end();
  }

  /** Both threads anew: names without their values, or values without their types, would be of no use. */
  async #restart(): Promise<void> {
    await this.#endThreads();
    this.#checker = new CheckerThread(this.#options);
    this.#runner = this.#newRunner();
  }

  #newRunner(): RunnerThread {
    this.#checkMode = 'strict';
    const compileFile = async (specifier: string, from: string) => {
      const found = await this.#checker.client.call('compileFile', specifier, from, this.#checkMode);
      if (found === undefined || 'code' in found) return found;
      throw Object.assign(new Error(found.message), { name: found.name });
    };
    return new RunnerThread(this.#options, (mode) => (this.#checkMode = mode), compileFile);
  }

  async #endThreads(): Promise<void> {
    await Promise.all([this.#checker.end(), this.#runner.end()]);
  }
}
