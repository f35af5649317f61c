/**
 * Runs a notebook by clicks in Debian's classic Notebook and Chromium: node dist/test/oracle/classic.js NOTEBOOK FIGURES.
 * The kernel must be installed where JUPYTER_PATH says, under the name that the notebook asks for. Checks that all cells
 * run, that FIGURES figures are to be seen, and that interrupt and restart do what they say. Leaves out/classic.png.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Page } from 'playwright-core';
import { freePorts } from '../../kernel/server/ports.js';

const EXECUTABLE = '/usr/bin/chromium';
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking'];
const START_MS = 60_000;
const CELL_MS = 120_000;
/** A figure smaller than this shows nothing. */
const LEAST_PIXELS = 200;

const [notebook, count] = process.argv.slice(2);
if (!notebook || !Number(count)) {
  console.error('usage: classic.js NOTEBOOK FIGURES');
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'ringside-classic-'));
copyFileSync(notebook, join(folder, basename(notebook)));
const [port] = await freePorts(1, '127.0.0.1');
const token = randomBytes(16).toString('hex');
const server = spawn(
  '/usr/bin/python3',
  [
    '-m',
    'notebook',
    '--no-browser',
    '--allow-root',
    '--ip=127.0.0.1',
    `--port=${port}`,
    '--log-level=INFO',
  ].concat([`--NotebookApp.token=${token}`, `--notebook-dir=${folder}`]),
  {
    env: {
      ...process.env,
      JUPYTER_CONFIG_DIR: join(folder, 'config'),
      JUPYTER_RUNTIME_DIR: join(folder, 'runtime'),
      JUPYTER_DATA_DIR: join(folder, 'data'),
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  },
);
const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
const failures: string[] = [];
try {
  const base = await serverAddress();
  const browser = await chromium.launch({ executablePath: EXECUTABLE, args: ARGUMENTS });
  try {
    const page = await browser.newPage({ viewport: { width: 1200, height: 1000 } });
    page.on('pageerror', ({ message }) => failures.push(`script error: ${message}`));
    await page.goto(`${base}/notebooks/${basename(notebook)}?token=${token}`);
    try {
      await tryOut(page);
    } catch (error) {
      failures.push((error as Error).message);
    }
    mkdirSync('out', { recursive: true });
    await page.screenshot({ path: 'out/classic.png', fullPage: false });
  } finally {
    await browser.close();
  }
} finally {
  server.kill('SIGTERM');
  const late = setTimeout(() => server.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(late);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
for (const failure of failures) console.error(failure);
process.exitCode = failures.length > 0 ? 1 : 0;

/** The address that the server says it serves. */
function serverAddress(): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const late = setTimeout(() => reject(new Error(`the server did not start: ${said}`)), START_MS);
    server.stderr.on('data', (bytes: Buffer) => {
      said += bytes.toString('utf8');
      const [, address] = /(http:\/\/127\.0\.0\.1:\d+)\//.exec(said) ?? [];
      if (address === undefined) return;
      clearTimeout(late);
      resolve(address);
    });
  });
}

async function tryOut(page: Page): Promise<void> {
  await idle(page);
  await page.click('#menubar a.dropdown-toggle:text-is("Cell")');
  await page.click('#run_all_cells a');
  await page.waitForSelector('.cell.running', { timeout: CELL_MS });
  await allRun(page);
  const errors = await page.locator('.output_error').allInnerTexts();
  if (errors.length > 0) failures.push(`cells failed: ${errors.join('\n')}`);

  // Images may still be decoded when the kernel is idle.
  const figures = page.locator('.output_area img.ringside-figure');
  await figures
    .nth(Number(count) - 1)
    .waitFor({ state: 'visible', timeout: 10_000 })
    .catch(() => undefined);
  const boxes = await Promise.all((await figures.all()).map((figure) => figure.boundingBox()));
  const seen = boxes.filter((box) => box !== null && box.width > LEAST_PIXELS && box.height > LEAST_PIXELS);
  if (seen.length < Number(count)) failures.push(`${seen.length} of ${count} figures are to be seen`);
  await figures.first().scrollIntoViewIfNeeded();
  await page.screenshot({ path: 'out/classic-figures.png' }).catch(() => undefined);

  await newCell(page, 'const mark = 41;');
  await allRun(page);
  await newCell(page, 'for (;;);');
  await page.waitForSelector('.kernel_busy_icon');
  await page.click('button[data-jupyter-action="jupyter-notebook:interrupt-kernel"]');
  await expect(page, '.output_error', /Interrupted/, 'an interrupt stops the cell');
  await newCell(page, 'mark + 1');
  await expect(page, '.output_result', /42/, 'names are kept over an interrupt');

  await page.click('button[data-jupyter-action="jupyter-notebook:confirm-restart-kernel"]');
  await page.click('.modal-dialog .btn-danger');
  await page.waitForSelector('.modal-dialog', { state: 'detached' });
  await idle(page);
  await newCell(page, 'mark');
  await expect(page, '.output_error', /Cannot find name 'mark'/, 'a restart forgets names');
  await newCell(page, '6 * 7 + 1');
  await expect(page, '.output_result', /43/, 'the restarted kernel runs cells');
}

/** Adds a cell at the end, types into it and runs it, by keyboard as a person would. */
async function newCell(page: Page, code: string): Promise<void> {
  await page.keyboard.press('Escape');
  await page
    .locator('.cell')
    .last()
    .click({ position: { x: 5, y: 5 } });
  await page.keyboard.press('Escape');
  await page.keyboard.press('b');
  await page.keyboard.press('Enter');
  await page.keyboard.insertText(code);
  await page.keyboard.press('Control+Enter');
}

async function expect(page: Page, selector: string, text: RegExp, what: string): Promise<void> {
  const found = page.locator('.cell').last().locator(selector).filter({ hasText: text });
  await found
    .first()
    .waitFor({ state: 'visible', timeout: 30_000 })
    .catch(async () => {
      const shown = await page.locator('.cell').last().innerText();
      failures.push(`${what}: not so; the cell shows: ${shown}`);
    });
}

async function idle(page: Page): Promise<void> {
  await page.waitForSelector('.kernel_idle_icon', { timeout: START_MS });
}

async function allRun(page: Page): Promise<void> {
  await page.waitForSelector('.cell.running', { state: 'detached', timeout: CELL_MS });
  await idle(page);
}
