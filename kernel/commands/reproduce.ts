import { Command } from 'commander';
import { DEFAULTS, findProfile, profiles } from '../../emulator/index.js';
import { fitPrices, reproduce } from '../reproduce/index.js';
import { explainMisses } from '../reproduce/misses.js';
import { reproductionTable } from '../reproduce/table.js';
import type { ReproduceOptions, Row } from '../reproduce/index.js';
import { EXIT, Failure, messageOf } from './failure.js';
import { bar, StatusLine } from './status-line.js';

interface Options {
  cpu: string;
  json?: boolean;
  fit?: boolean;
}

/** `ringside reproduce`: the paper's measurements run again. */
export function reproduceCommand(): Command {
  return new Command('reproduce')
    .description("run the paper's measurements again and print its figures beside ours")
    .option('-c, --cpu <profile>', `one of ${profiles.map(({ name }) => name).join(', ')}`, DEFAULTS.profile)
    .option('--json', 'print one JSON object instead: { profile, rows }')
    .option('--fit', "fit the monitors' prices to the paper's cells anew and print them")
    .action(run);
}

function run({ cpu, json, fit }: Options): void {
  let profile;
  try {
    profile = findProfile(cpu);
  } catch (error) {
    throw new Failure(messageOf(error), EXIT.usage);
  }
  const status = new StatusLine(process.stderr);
  const onRun: ReproduceOptions['onRun'] = ({ run, of, what }) =>
    status.show(`${bar((run - 1) / of)} ${run}/${of} ${what}`);
  try {
    if (fit) {
      const prices = fitPrices(profile, onRun);
      status.clear();
      process.stdout.write(`${JSON.stringify(prices, null, 2)}\n`);
      return;
    }
    const rows = reproduce(profile, { onRun });
    status.clear();
    process.stdout.write(
      json ? `${JSON.stringify({ profile: profile.name, rows })}\n` : `${report(profile.name, rows)}\n`,
    );
  } catch (error) {
    status.clear();
    if (error instanceof RangeError) throw new Failure(error.message, EXIT.failed);
    throw error;
  }
}

function report(profile: string, rows: readonly Row[]): string {
  const { 'text/plain': text } = reproductionTable(profile, rows);
  const judged = rows.filter(({ met }) => met !== null);
  const missed = judged.filter(({ met }) => met === false).length;
  return [
    text,
    '',
    `${judged.length - missed} of ${judged.length} targets met, ${missed} missed`,
    ...explainMisses(rows).map((line) => `- ${line}`),
  ].join('\n');
}
