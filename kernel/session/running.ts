import { DEFAULTS, GuestRun, usableTechniques } from '../../emulator/index.js';
import type { Technique } from '../../emulator/index.js';
import { current, withChoices } from './current.js';
import { checkGuest } from './guest.js';
import type { Guest } from './guest.js';
import { interruptibly } from './interrupt.js';
import { checkOptions } from './options.js';
import { Progress } from './progress.js';
import { Run } from './run.js';
import type { CellRunOptions } from './run.js';
import { Runs } from './runs.js';
import { switchesFor } from './switches.js';
import { traceOf } from './trace.js';

/** Options of a run that is over when its cell is. */
export type WholeRunOptions = CellRunOptions & {
  /** Keep the newest events, for `timeline()`, `flame()` and `exits.histogram()` of the run. */
  trace?: boolean;
};

export type CompareOptions = Omit<WholeRunOptions, 'technique'> & { techniques?: readonly Technique[] };

/**
 * Runs a guest to its end under one technique.
 * @throws ImageError, RangeError for what cannot be run; {@link GuestInterrupted} when the user stops it; a guest's own
 * failure is an outcome, no error.
 */
export function run(program: Guest, options: WholeRunOptions = {}): Run {
  checkOptions('run(guest, options)', options);
  const done = runWatched(program, options);
  current.last = () => done;
  return done;
}

/** An interrupt stopped a guest, at an instruction boundary. */
export class GuestInterrupted extends Error {
  override readonly name = 'Interrupted';
  private standing: Run | null = null;

  /**
   * @param instructions that the guest had executed. @param stand gives the run up to there; called when somebody asks,
   *   because it takes longer than whoever interrupts wants to wait.
   * @param hint what can be done now.
   */
  constructor(
    instructions: number,
    private readonly stand: () => Run,
    hint = 'names keep their values',
  ) {
    super(
      `the guest was stopped on request at an instruction boundary, after ${instructions} instructions; ${hint}`,
    );
  }

  /** The run up to there. */
  get run(): Run {
    return (this.standing ??= this.stand());
  }
}

/** @param compared how many runs the whole has, and how many of them are over: for the share that is done */
function runWatched(program: Guest, options: WholeRunOptions, compared = { of: 1, over: 0 }): Run {
  checkGuest(program);
  const chosen = withChoices(options);
  const progress = new Progress(
    chosen.technique ?? DEFAULTS.technique,
    compared.of === 1 ? undefined : () => compared.over / compared.of,
  );
  const guestRun = new GuestRun(program.bytes, { ...program.inputs, ...chosen, onProgress: progress.report });
  const stop = interruptibly(() => guestRun.go());
  const { cpu, ledger } = guestRun.vmm.host;
  const reached = { instructions: cpu.instructions, cycles: ledger.cyclesExact };
  progress.end(reached);
  current.count++;
  current.cycles += reached.cycles;
  const stand = () => {
    const trace = chosen.trace ? traceOf(guestRun, program) : null;
    return new Run(guestRun.result(), guestRun.configuration.profile, trace);
  };
  if (stop.kind === 'requested') throw new GuestInterrupted(reached.instructions, stand);
  return stand();
}

/**
 * Runs a guest under several techniques: all that are built, unless told. A switch goes to those that have it.
 * @throws RangeError for a switch that none of them has; {@link GuestInterrupted} when the user stops it.
 */
export async function compare(program: Guest, options: CompareOptions = {}): Promise<Runs> {
  checkOptions('compare(guest, options)', options);
  const { techniques: chosen = usableTechniques(), switches = {}, ...rest } = options;
  const all: Run[] = [];
  for (const technique of chosen) {
    const own = { ...rest, technique, switches: switchesFor(technique, switches, chosen) };
    all.push(runWatched(program, own, { of: chosen.length, over: all.length }));
    // Between two runs the cell can be interrupted and its output can leave.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const runs = new Runs(program.name, all);
  current.last = () => runs;
  return runs;
}
