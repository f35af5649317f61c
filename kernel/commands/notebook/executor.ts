import type { Kernel } from '@jupyterlab/services';
import type { Cell, MimeOutput, Notebook } from './format.js';
import { OutputCollector } from './outputs.js';

/** How one cell went. */
export interface CellReport {
  /** Position among the code cells, from 1, and their number. */
  number: number;
  total: number;
  source: string;
  seconds: number;
  /** Null when it went well; otherwise what went wrong, in a sentence. */
  error: string | null;
}

export interface ExecuteOptions {
  timeoutSeconds: number;
  onStart?: (report: Pick<CellReport, 'number' | 'total' | 'source'>) => void;
  onEnd?: (report: CellReport) => void;
}

/** After an interrupt, a kernel has this long to answer. */
const INTERRUPT_GRACE_MS = 5000;
/** nbclient's tag for a cell that is meant to fail. */
const MAY_FAIL = 'raises-exception';

/**
 * Runs the code cells in order, until one fails.
 * @returns the notebook with new outputs, those after a failure empty, and the failed cell's report or null.
 */
export async function executeNotebook(
  kernel: Kernel.IKernelConnection,
  notebook: Notebook,
  options: ExecuteOptions,
): Promise<{ notebook: Notebook; failure: CellReport | null }> {
  const displays = new Map<string, MimeOutput[]>();
  const total = notebook.cells.filter(isRun).length;
  const cells: Cell[] = [];
  let number = 0;
  let failure: CellReport | null = null;
  const death = deathOf(kernel);
  for (const cell of notebook.cells) {
    if (cell.cell_type !== 'code') cells.push(cell);
    else if (failure !== null || !isRun(cell)) cells.push({ ...cell, outputs: [], execution_count: null });
    else {
      number++;
      const { source } = cell;
      options.onStart?.({ number, total, source });
      const started = performance.now();
      const { executed, error } = await executeCell(kernel, death, cell, displays, options.timeoutSeconds);
      const report = { number, total, source, seconds: (performance.now() - started) / 1000, error };
      options.onEnd?.(report);
      if (error !== null) failure = report;
      cells.push(executed);
    }
  }
  return { notebook: { ...notebook, cells }, failure };
}

/** Whether a cell is sent to the kernel. */
export function isRun(cell: Cell): boolean {
  return cell.cell_type === 'code' && cell.source.trim() !== '';
}

async function executeCell(
  kernel: Kernel.IKernelConnection,
  death: Promise<'dead'>,
  cell: Cell,
  displays: Map<string, MimeOutput[]>,
  timeoutSeconds: number,
): Promise<{ executed: Cell; error: string | null }> {
  const collector = new OutputCollector(displays);
  const future = kernel.requestExecute({
    code: cell.source,
    allow_stdin: false,
    store_history: true,
    stop_on_error: true,
  });
  future.onIOPub = (message) => collector.receive(message);
  const done = future.done.then((reply) => reply.content);
  // Both may settle after the race is over.
  done.catch(() => undefined);
  const ended = await Promise.race([done, death, after(timeoutSeconds * 1000)]);
  const executed = (count: number | null): Cell => ({
    ...cell,
    outputs: collector.outputs,
    execution_count: count,
  });
  if (ended === 'dead') return { executed: executed(null), error: 'the kernel died' };
  if (ended === 'timeout') {
    await kernel.interrupt();
    await Promise.race([done.catch(() => undefined), after(INTERRUPT_GRACE_MS)]);
    return { executed: executed(null), error: `ran longer than ${timeoutSeconds} s and was interrupted` };
  }
  const tags = Array.isArray(cell.metadata.tags) ? cell.metadata.tags : [];
  const failed = ended.status === 'error' && !tags.includes(MAY_FAIL);
  const error = failed
    ? `${ended.ename}: ${ended.evalue}`
    : ended.status === 'abort'
      ? 'the kernel aborted it'
      : null;
  return { executed: executed('execution_count' in ended ? (ended.execution_count ?? null) : null), error };
}

function deathOf(kernel: Kernel.IKernelConnection): Promise<'dead'> {
  return new Promise((resolve) => {
    if (kernel.status === 'dead') resolve('dead');
    kernel.statusChanged.connect((_, status) => status === 'dead' && resolve('dead'));
  });
}

function after(milliseconds: number): Promise<'timeout'> {
  return new Promise((resolve) => setTimeout(() => resolve('timeout'), milliseconds).unref());
}
