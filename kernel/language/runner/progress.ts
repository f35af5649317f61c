import { randomUUID } from 'node:crypto';
import type { DisplayData } from '../../protocol/index.js';
import { currentCell } from './current.js';
import type { Output } from './output.js';

/** Global property of the runner's thread: a function that is told how a long run goes. */
const PROGRESS = Symbol.for('ringside.progress');

interface ProgressState {
  readonly label: string;
  readonly instructions: number;
  readonly cycles: number;
  readonly rate: number;
  readonly share: number | null;
  readonly done: boolean;
}

/** Made for the first run: that takes 20 ms, which every start of the kernel would wait for. */
let formats: { readonly compact: Intl.NumberFormat; readonly whole: Intl.NumberFormat } | undefined;

/** Shows how long runs go: one line a cell, which is replaced in place. */
export function provideProgress(output: Output): void {
  let shown: { cell: number; id: string } | undefined;
  (globalThis as Record<symbol, unknown>)[PROGRESS] = (state: ProgressState): void => {
    const cell = currentCell();
    const isFirst = shown?.cell !== cell;
    if (shown === undefined || isFirst) shown = { cell, id: randomUUID() };
    output.send({ type: isFirst ? 'display' : 'update', cell, data: progressData(state), id: shown.id });
  };
}

/** Marked in its metadata, so that tools which compare outputs can leave out what depends on the host's speed. */
function progressData(state: ProgressState): DisplayData {
  const line = progressText(state);
  // Labels are names of techniques; other text would have to be escaped.
  const label = line.replace(/[&<>"]/g, '');
  const bar = state.share === null ? '' : `<progress value="${state.share.toFixed(3)}" max="1"></progress> `;
  return {
    data: { 'text/html': `<div>${state.done ? '' : bar}${label}</div>`, 'text/plain': line },
    metadata: { ringside: { progress: true } },
  };
}

/** The final line holds nothing that another host would not say too. */
function progressText({ label, instructions, cycles, rate, share, done }: ProgressState): string {
  formats ??= {
    compact: new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 }),
    whole: new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 }),
  };
  const { compact, whole } = formats;
  if (done) return `${label}: ${whole.format(instructions)} instructions, ${whole.format(cycles)} cycles`;
  const percent = share === null ? '' : `, ${whole.format(share * 100)} %`;
  return `${label}: ${compact.format(instructions)} instructions, ${compact.format(cycles)} cycles, ${compact.format(rate)} instructions/s${percent}`;
}
