/**
 * Measures our kernel beside others in one run and prints a table: node dist/test/bench/kernels.js [ROUNDS] [PEERS].
 * ipykernel is Debian's; deno and tslab are measured when PEERS is a folder where npm has installed them. Medians over
 * ROUNDS kernels, or over many requests of each. Kernels take turns, so that a busy moment meets all of them.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { TestKernel } from '../kernel/client.js';

interface Contender {
  readonly name: string;
  /** Command line; none for our own. */
  readonly command?: readonly string[];
  /** Whether an interrupt is a message; otherwise it is a signal. */
  readonly messageInterrupt: boolean;
  readonly cells: {
    readonly typed: string;
    readonly lines: string;
    readonly complete: string;
    readonly inspect: string;
    readonly busy: string;
    readonly waiting: string;
    readonly keep: string;
    readonly kept: string;
  };
}

const TYPESCRIPT: Contender['cells'] = {
  typed: 'const x: number = 41; x + 1',
  lines: 'for (let i = 0; i < 10000; i++) console.log(`line ${i}`)',
  complete: 'Math.ma',
  inspect: 'Math.max',
  busy: 'while (true) {}',
  waiting: 'await new Promise(() => setTimeout(() => undefined, 1e6))',
  keep: 'let keep = 7',
  kept: 'keep',
};
const PYTHON: Contender['cells'] = {
  typed: 'x: int = 41\nx + 1',
  lines: "for i in range(10000): print(f'line {i}')",
  complete: 'math.ma',
  inspect: 'math.sqrt',
  busy: 'while True: pass',
  waiting: 'import asyncio\nawait asyncio.sleep(1000000)',
  keep: 'import math; keep = 7',
  kept: 'keep',
};

const FILE = '{connection_file}';
const ROWS = [
  ['start to kernel_info, s', 0.35],
  ['1+1 round trip, ms', 2.5],
  ['first typed cell, ms', 100],
  ['completion, ms', 2],
  ['completion after an edit, ms', undefined],
  ['inspection, ms', 2],
  ['inspection after an edit, ms', undefined],
  ['10,000 lines, s', 0.1],
  ['interrupt of a busy cell, ms', 10],
  ['interrupt of a waiting cell, ms', 10],
  ['idle memory, MB', 150],
] as const;
/** Of one kernel, of each kind. */
const INTERRUPTS = 5;
type Measure = (typeof ROWS)[number][0];

/** A measure that could not be taken says why. */
type Figure = number | string;

const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));
const [rounds = '3', peers] = process.argv.slice(2);
const contenders = allContenders();
const figures = new Map(contenders.map(({ name }) => [name, new Map<Measure, Figure[]>()]));
for (let round = 0; round < Number(rounds); round++) {
  for (const contender of contenders) {
    try {
      await measure(contender, figures.get(contender.name)!);
    } catch (error) {
      // One that does not answer any more has shown what it does; the others are measured on.
      process.stderr.write(`(${contender.name}: ${(error as Error).message.split('\n')[0]}) `);
    }
  }
}
print();

function allContenders(): Contender[] {
  const found: Contender[] = [
    { name: 'ringside', messageInterrupt: true, cells: TYPESCRIPT },
    {
      name: 'ipykernel',
      command: ['/usr/bin/python3', '-m', 'ipykernel_launcher', '-f', FILE],
      messageInterrupt: false,
      cells: PYTHON,
    },
  ];
  if (peers === undefined) return found;
  const program = (name: string) => join(resolve(peers), 'node_modules', '.bin', name);
  const others: Contender[] = [
    {
      name: 'deno',
      command: [program('deno'), 'jupyter', '--kernel', '--conn', FILE],
      messageInterrupt: true,
      cells: TYPESCRIPT,
    },
    {
      name: 'tslab',
      command: [process.execPath, program('tslab'), 'kernel', '--config-path', FILE],
      messageInterrupt: false,
      cells: TYPESCRIPT,
    },
  ];
  return [
    ...found,
    ...others.filter(({ command }) => command!.every((word) => !word.startsWith('/') || existsSync(word))),
  ];
}

async function measure(
  { name, command, messageInterrupt, cells }: Contender,
  into: Map<Measure, Figure[]>,
): Promise<void> {
  process.stderr.write(`${name} `);
  const add = (measure: Measure, figure: Figure) => into.set(measure, [...(into.get(measure) ?? []), figure]);
  const began = performance.now();
  const kernel = await TestKernel.start(command === undefined ? {} : { command });
  try {
    // Ours has been greeted by then, others have answered: both are ready to be asked.
    if (command === undefined) await kernel.request('kernel_info_request', {});
    add('start to kernel_info, s', (performance.now() - began) / 1000);
    await sleep(1000);
    add('first typed cell, ms', await timed(() => kernel.execute(cells.typed)));
    // After a first cell, so that all of a kernel is there, and some seconds of nothing.
    await kernel.execute(cells.keep);
    await sleep(4000);
    add('idle memory, MB', memoryMb(kernel.process.pid!));
    add('1+1 round trip, ms', await repeated(50, () => kernel.request('execute_request', request('1+1'))));
    const { complete, inspect } = cells;
    const cursor = (code: string) => ({ code, cursor_pos: code.length });
    add('completion, ms', await repeated(30, () => kernel.request('complete_request', cursor(complete))));
    let edits = 0;
    const edited = (code: string) => cursor(`${edits++}\n${code}`);
    add(
      'completion after an edit, ms',
      await repeated(30, () => kernel.request('complete_request', edited(complete))),
    );
    for (const [measure, at] of [
      ['inspection, ms', () => cursor(inspect)],
      ['inspection after an edit, ms', () => edited(inspect)],
    ] as const)
      add(measure, await repeated(30, () => kernel.request('inspect_request', { ...at(), detail_level: 0 })));
    add('10,000 lines, s', await lines(kernel, cells.lines));
    for (const [measure, code] of [
      ['interrupt of a busy cell, ms', cells.busy],
      ['interrupt of a waiting cell, ms', cells.waiting],
    ] as const)
      for (let n = 0; n < INTERRUPTS; n++) {
        const took = await interrupt(kernel, code, messageInterrupt, cells.kept);
        add(measure, took);
        // One that does not stop any more has nothing else to show.
        if (typeof took === 'string') break;
      }
  } finally {
    await kernel.stop();
  }
}

function request(code: string): object {
  return { code, silent: false, store_history: true, user_expressions: {}, allow_stdin: false };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

async function repeated(times: number, work: () => Promise<unknown>): Promise<number> {
  const all: number[] = [];
  for (let n = 0; n < times; n++) all.push(await timed(work));
  return median(all);
}

/** Seconds until the last of 10,000 lines has come, or how many came. */
async function lines(kernel: TestKernel, code: string): Promise<Figure> {
  kernel.published.length = 0;
  const began = performance.now();
  const { frames } = kernel.frames('execute_request', request(code));
  await kernel.sockets.shell.send(frames);
  let counted = 0;
  let seen = 0;
  const count = () => {
    for (; seen < kernel.published.length; seen++) {
      const { type, content } = kernel.published[seen];
      if (type === 'stream') counted += content.text.split('\n').length - 1;
    }
    return counted;
  };
  const late = sleep(20_000).then(() => 'late');
  const all = kernel.waitFor(() => count() >= 10_000, '10,000 lines').then(() => 'all');
  all.catch(() => undefined);
  return (await Promise.race([all, late])) === 'all' ? (performance.now() - began) / 1000 : `${counted} came`;
}

/** Milliseconds from the interrupt to the reply of the cell, or what was wrong. */
async function interrupt(
  kernel: TestKernel,
  code: string,
  byMessage: boolean,
  kept: string,
): Promise<Figure> {
  const running = kernel.request('execute_request', request(code));
  running.catch(() => undefined);
  await sleep(500);
  const began = performance.now();
  if (byMessage) void kernel.request('interrupt_request', {}, 'control').catch(() => undefined);
  else kernel.process.kill('SIGINT');
  const ended = await Promise.race([running.then(() => true), sleep(5000).then(() => false)]);
  if (!ended) return 'never';
  const took = performance.now() - began;
  await sleep(300);
  const { reply, of, text } = await kernel.execute(kept);
  const shown = of('execute_result')[0]?.data['text/plain'] ?? text('stdout');
  return reply.status === 'ok' && String(shown).trim() === '7' ? took : 'state lost';
}

/** Resident memory of a process and all below it (proc(5)). */
function memoryMb(root: number): number {
  const parents = new Map<number, number>();
  const pages = new Map<number, number>();
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      parents.set(Number(entry), Number(fields[1]));
      pages.set(Number(entry), Number(fields[21]));
    } catch {
      // It has ended meanwhile.
    }
  }
  const below = (pid: number): boolean => pid === root || (parents.has(pid) && below(parents.get(pid)!));
  const sum = [...pages].reduce((total, [pid, count]) => total + (below(pid) ? count : 0), 0);
  return (sum * 4096) / 2 ** 20;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

function print(): void {
  const shown = (figure: Figure[] | undefined): string => {
    if (figure === undefined) return '';
    const numbers = figure.filter((value) => typeof value === 'number');
    if (numbers.length * 2 <= figure.length) return String(figure.find((value) => typeof value === 'string'));
    const value = median(numbers);
    return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
  };
  const head = ['', ...contenders.map(({ name }) => name), 'target'];
  const table = ROWS.map(([measure, target]) => [
    measure,
    ...contenders.map(({ name }) => shown(figures.get(name)?.get(measure))),
    String(target ?? ''),
  ]);
  process.stderr.write('\n');
  for (const row of [head, head.map(() => '---'), ...table]) console.log(`| ${row.join(' | ')} |`);
}
