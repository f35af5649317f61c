import { mkdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { writeAtomically } from '../server/atomic-file.js';
import { stripControls } from '../display/bundle.js';
import { KERNEL_NAME, kernelSpec } from '../kernelspec.js';
import { plotlySource } from '../package.js';
import { EXIT, Failure, messageOf } from './failure.js';
import { compareOutputs } from './notebook/compare.js';
import { executeNotebook } from './notebook/executor.js';
import type { CellReport } from './notebook/executor.js';
import { formatNotebook, NotebookError, parseNotebook } from './notebook/format.js';
import type { Notebook } from './notebook/format.js';
import { collect, count, seconds } from './options.js';

const FORMATS = ['notebook', 'html'] as const;
type Format = (typeof FORMATS)[number];

interface Options {
  to?: Format[];
  out: string;
  timeout: number;
  jobs: number;
  check?: boolean;
}

/** Where a notebook's lines go. */
type Print = (text: string) => void;

/** `ringside execute NOTEBOOK...`: by the real path, from a Jupyter client over our server to a kernel process. */
export function executeCommand(): Command {
  return new Command('execute')
    .description('execute notebooks from top to bottom and write them with their outputs')
    .argument('<notebook...>')
    .addOption(
      new Option('--to <format>', 'what to write; may be repeated (default: notebook)')
        .choices(FORMATS)
        .argParser(collect(format)),
    )
    .option('--out <dir>', 'folder to write to', 'out')
    .option('--jobs <n>', 'how many notebooks to execute at once, each by a kernel of its own', count, 1)
    .option('--timeout <s>', 'seconds that one cell may take', seconds, 300)
    .option(
      '--check',
      'write nothing; fail when the outputs are not the stored ones, or these have no right provenance hash',
    )
    .action(execute);
}

function format(name: string): Format {
  const known = FORMATS.find((format) => format === name);
  if (known === undefined)
    throw new Failure(`unknown format '${name}'; there are: ${FORMATS.join(', ')}`, EXIT.usage);
  return known;
}

async function execute(paths: string[], options: Options): Promise<void> {
  // All are read first: a mistake in the last one need not wait for the others.
  const notebooks = await Promise.all(
    paths.map(async (path) => ({ path, notebook: await readNotebook(path) })),
  );
  const failures: string[] = [];
  const left = [...notebooks];
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const { path, notebook } = next;
      // Several at once would mix their lines: each is printed when it is over.
      const lines: string[] | null = options.jobs > 1 ? [] : null;
      const out: Print = lines === null ? print : (text) => void lines.push(text);
      out(`${path}\n`);
      const failure = await executeOne(path, notebook, options, out);
      if (lines !== null) print(lines.join(''));
      if (failure !== null) failures.push(`${path}: ${failure}`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.jobs, notebooks.length) }, work));
  if (failures.length > 0) throw new Failure(failures.join('\n'), EXIT.failed);
}

/** @throws Failure naming the file and what is wrong with it. */
async function readNotebook(path: string): Promise<Notebook> {
  try {
    const notebook = parseNotebook(await readFile(path, 'utf8'));
    const wanted = (notebook.metadata.kernelspec as { language?: string; name?: string } | undefined) ?? {};
    if (wanted.name !== undefined && wanted.name !== KERNEL_NAME && wanted.language !== 'typescript')
      throw new NotebookError(`it is for the kernel '${wanted.name}', not for '${KERNEL_NAME}'`);
    return notebook;
  } catch (error) {
    throw new Failure(`${path}: ${messageOf(error)}`, EXIT.usage);
  }
}

/** @returns what failed, in a sentence, or null. */
async function executeOne(
  path: string,
  stored: Notebook,
  options: Options,
  out: Print,
): Promise<string | null> {
  // Loading @jupyterlab/services takes a while that a mistake in the notebook need not wait.
  const { openNotebook } = await import('./notebook/client.js');
  const opened = await openNotebook(dirname(resolve(path)), basename(path)).catch((error: unknown) => {
    throw new Failure(`${path}: ${messageOf(error)}`, EXIT.failed);
  });
  const stop = endOnSignals(opened.close);
  const isRewritten = process.stdout.isTTY && options.jobs === 1;
  try {
    const { session, content } = opened;
    if (session.kernel === null) return 'no kernel was started';
    const info = await session.kernel.info;
    const { notebook, failure } = await executeNotebook(
      session.kernel,
      parseNotebook(JSON.stringify(content)),
      {
        timeoutSeconds: options.timeout,
        onStart: ({ number, total, source }) => isRewritten && out(`${progress(number, total, source)} …`),
        onEnd: (report) => out(`${isRewritten ? '\r\x1b[K' : ''}${result(report)}\n`),
      },
    );
    const wanting =
      failure === null ? null : `cell ${failure.number} (${firstLine(failure.source)}): ${failure.error}`;
    // So does loading the machine, whose version provenance names.
    const { provenanceProblem, withProvenance } = await import('./notebook/provenance.js');
    if (options.check) return wanting ?? differences(stored, notebook, out) ?? provenanceProblem(stored);
    await write(path, withProvenance(withKernel(notebook, info.language_info)), options, out);
    return wanting;
  } finally {
    stop();
    await opened.close();
  }
}

async function write(
  path: string,
  notebook: Notebook,
  { to = ['notebook'], out: folder }: Options,
  out: Print,
): Promise<void> {
  const stem = basename(path).replace(/\.ipynb$/, '');
  await mkdir(folder, { recursive: true });
  for (const format of new Set(to)) {
    const file = join(folder, `${stem}.${format === 'notebook' ? 'ipynb' : 'html'}`);
    const text =
      format === 'notebook'
        ? formatNotebook(notebook)
        : (await import('./page/page.js')).notebookPage(notebook, basename(path), plotlySource);
    await writeAtomically(file, text);
    out(`  ${relative(process.cwd(), resolve(file))}\n`);
  }
}

function differences(stored: Notebook, fresh: Notebook, out: Print): string | null {
  const diff = compareOutputs(stored, fresh);
  if (diff === '') return null;
  out(`${diff}\n`);
  return 'the outputs differ from the stored ones';
}

/** The notebook says which kernel it is for, as a front end's does. */
function withKernel(notebook: Notebook, languageInfo: object): Notebook {
  const { display_name, language } = kernelSpec();
  const kernelspec = { name: KERNEL_NAME, display_name, language };
  return { ...notebook, metadata: { ...notebook.metadata, kernelspec, language_info: languageInfo } };
}

function result({ number, total, source, seconds, error }: CellReport): string {
  const line = `${progress(number, total, source)}  ${seconds.toFixed(2)} s  `;
  return error === null ? `${line}ok` : `${line}failed: ${stripControls(error)}`;
}

function progress(number: number, total: number, source: string): string {
  return `  [${String(number).padStart(String(total).length)}/${total}] ${firstLine(source).padEnd(60)}`;
}

function firstLine(source: string): string {
  const line = stripControls(source.trim().split('\n', 1)[0]);
  return line.length <= 60 ? line : `${line.slice(0, 59)}…`;
}

function print(text: string): void {
  process.stdout.write(text);
}

/** Closes in order when the user or the system ends us, so that no kernel is left. @returns how to stop listening. */
function endOnSignals(close: () => Promise<void>): () => void {
  const end = (signal: NodeJS.Signals) => {
    // A shell's code for a program that a signal ended: 128 and its number.
    void close().finally(() => process.exit(signal === 'SIGINT' ? 130 : 143));
  };
  process.once('SIGINT', end).once('SIGTERM', end);
  return () => process.off('SIGINT', end).off('SIGTERM', end);
}
