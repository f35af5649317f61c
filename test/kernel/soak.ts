import { readdirSync, readFileSync } from 'node:fs';
import { TestKernel } from './client.js';
import { idleMb, residentMb } from './fuzz.js';

/** How much of what a soak does. */
export interface SoakPlan {
  readonly executions: number;
  readonly interrupts: number;
  readonly restarts: number;
}

/** What went wrong, in sentences; and what was measured. */
export interface SoakReport {
  readonly failures: readonly string[];
  /** Memory gained over the executions after the first tenth, measured while the kernel is idle. */
  readonly grownMb: number;
}

/** Cells as people write them: each says what its result must be. */
const CELLS: readonly ((n: number) => [code: string, result: string | undefined])[] = [
  (n) => [`${n} + 1`, String(n + 1)],
  (n) => [`const value${n % 50} = { n: ${n} }; value${n % 50}.n`, String(n)],
  (n) => [`console.log(${n}); await null; 'x'`, "'x'"],
  (n) => [`function twice(x: number) { return x * 2 } twice(${n})`, String(2 * n)],
  () => ['class Point { constructor(readonly x = 1) {} }; new Point().x', '1'],
  (n) => [`[${n}].map((x) => x + 1)[0]`, String(n + 1)],
];

/** Many executions, interrupts and restarts on kernels: every request must be answered and nothing may be left. */
export async function soak(
  plan: SoakPlan,
  told: (text: string) => void = () => undefined,
): Promise<SoakReport> {
  const failures: string[] = [];
  const kernel = await TestKernel.start();
  let grownMb = 0;
  try {
    grownMb = await executions(kernel, plan.executions, failures, told);
    await interrupts(kernel, plan.interrupts, failures, told);
  } finally {
    await kernel.stop();
  }
  await restarts(plan.restarts, failures, told);
  return { failures, grownMb };
}

async function executions(
  kernel: TestKernel,
  count: number,
  failures: string[],
  told: (text: string) => void,
): Promise<number> {
  let base = 0;
  let handles = handlesOf(kernel);
  for (let n = 0; n < count; n++) {
    const [code, expected] = CELLS[n % CELLS.length](n);
    const { reply, of } = await kernel.execute(code);
    const result = of('execute_result')[0]?.data['text/plain'];
    if (reply.status !== 'ok' || result !== expected)
      failures.push(`execution ${n}: ${code} gave ${result ?? reply.evalue}, not ${expected}`);
    kernel.published.length = 0;
    if (n === Math.floor(count / 10)) {
      base = await idleMb(kernel);
      handles = handlesOf(kernel);
    }
    if (n % 1000 === 999) told(`${n + 1} executions, ${residentMb(kernel).toFixed(0)} MB`);
  }
  // A thread may have a file open just now.
  if (handlesOf(kernel) > handles + 3)
    failures.push(`${handlesOf(kernel)} handles are open, after ${handles} in the beginning`);
  return (await idleMb(kernel)) - base;
}

async function interrupts(
  kernel: TestKernel,
  count: number,
  failures: string[],
  told: (text: string) => void,
): Promise<void> {
  await kernel.execute('let kept = 0; const never = new Promise<void>(() => undefined);');
  const waits = [
    'while (true);',
    'await never',
    'run(asm`again: jmp again`, { limits: { instructions: 1e15 } })',
  ];
  for (let n = 0; n < count; n++) {
    const { id, frames } = kernel.frames('execute_request', { code: `kept++; ${waits[n % waits.length]}` });
    await kernel.sockets.shell.send(frames);
    await kernel.waitFor(() => kernel.publishedOf('execute_input', id).length > 0, 'the cell');
    await new Promise((resolve) => setTimeout(resolve, 30));
    await kernel.request('interrupt_request', {}, 'control');
    await kernel.idle(id);
    const [error] = kernel.publishedOf('error', id);
    if (error?.content.ename !== 'Interrupted')
      failures.push(`interrupt ${n}: ${error?.content.evalue ?? 'no error'}`);
    kernel.published.length = 0;
  }
  // An interrupt may come before the cell has begun; then it has not counted, and its error has said so.
  const { of } = await kernel.execute('typeof kept');
  if (of('execute_result')[0]?.data['text/plain'] !== "'number'")
    failures.push('names were lost over the interrupts');
  told(`${count} interrupts`);
}

async function restarts(count: number, failures: string[], told: (text: string) => void): Promise<void> {
  for (let n = 0; n < count; n++) {
    const kernel = await TestKernel.start();
    const { content } = await kernel.request('shutdown_request', { restart: true }, 'control');
    const code = await kernel.exited;
    if (content.restart !== true || code !== 0) failures.push(`restart ${n}: exit code ${code}`);
    if (childrenOf(kernel.process.pid!).length > 0) failures.push(`restart ${n}: a process was left`);
    await kernel.stop();
  }
  told(`${count} restarts`);
}

function handlesOf(kernel: TestKernel): number {
  return readdirSync(`/proc/${kernel.process.pid}/fd`).length;
}

/** Processes whose parent is, or whose command names, a process (proc(5), "/proc/[pid]/stat"). */
function childrenOf(pid: number): string[] {
  return readdirSync('/proc').filter((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid;
    } catch {
      return false;
    }
  });
}
