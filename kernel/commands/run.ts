import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import {
  DEFAULT_ENGINE,
  DEFAULTS,
  ENGINES,
  describeValues,
  formatDiagnostics,
  GuestRun,
  ImageError,
  parseSwitch,
  profiles,
  SWITCHES,
  techniques,
} from '../../emulator/index.js';
import type {
  Engine,
  GuestInputs,
  RunOptions,
  RunResult,
  SwitchName,
  SwitchValue,
  Technique,
} from '../../emulator/index.js';
import { screen } from '../display/screen.js';
import { table } from '../display/table.js';
import { assembleGuest, guestDisk } from '../guests.js';
import { EXIT, Failure, messageOf } from './failure.js';
import { collect, count, sizeBytes } from './options.js';
import { RunProgress } from './run-progress.js';

interface Options {
  technique: string;
  cpu: string;
  memory: number;
  maxInstructions?: number;
  maxCycles?: number;
  set?: [SwitchName, SwitchValue][];
  disk?: string;
  initrd?: string;
  append?: string;
  rom?: boolean;
  type?: string;
  send?: string;
  screen?: boolean;
  engine: string;
  json?: boolean;
}

/** `ringside run IMAGE`: one guest under one technique. */
export function runCommand(): Command {
  return new Command('run')
    .description('run a guest program; what it writes to the serial line goes to stdout')
    .argument(
      '<image>',
      '.asm source, flat binary (loaded at 0x100000), multiboot 1 image, Linux kernel or ROM',
    )
    .option(
      '-t, --technique <name>',
      `one of ${techniques.map(({ name }) => name).join(', ')}`,
      DEFAULTS.technique,
    )
    .option('-c, --cpu <profile>', `one of ${profiles.map(({ name }) => name).join(', ')}`, DEFAULTS.profile)
    .option('-m, --memory <size>', "the guest's memory", sizeBytes, DEFAULTS.memoryBytes)
    .option('--max-instructions <n>', `stop after so many (default: ${DEFAULTS.instructions})`, count)
    .option('--max-cycles <n>', 'stop after so many', count)
    .option(
      '-s, --set <name=value>',
      'switch or size a mechanism of the monitor; may be repeated',
      collect(switchSetting),
    )
    .option('--disk <file>', 'image of the IDE drive, whole sectors; the file itself is not written')
    .option('--initrd <file>', 'initial RAM disk of a Linux kernel')
    .option('--append <text>', 'command line of a Linux or multiboot kernel')
    .option('--rom', 'the image is firmware: entered at the reset vector, in real mode')
    .option('--type <text>', 'type on the keyboard before the guest starts')
    .option('--send <text>', 'send over the serial line before the guest starts')
    .option('--screen', 'show the text screen as it is at the end')
    .option(
      '--engine <name>',
      `how the host executes instructions, one of ${ENGINES.join(', ')}; no figure depends on it`,
      DEFAULT_ENGINE,
    )
    .option('--json', 'print one JSON object instead')
    .addHelpText('after', switchHelp)
    .action(run);
}

/** @throws InvalidArgumentError as commander expects it. */
function switchSetting(text: string): [SwitchName, SwitchValue] {
  try {
    return parseSwitch(text);
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
}

function switchHelp(): string {
  const rows = Object.entries(SWITCHES).map(
    ([name, row]) =>
      `  ${name}=${String(row.default)}: ${row.description}; ${describeValues(row)}; for ${row.techniques.join(', ')}`,
  );
  return ['', 'What can be set, with the default:', ...rows].join('\n');
}

function run(path: string, options: Options): void {
  const image = readImage(path);
  const progress = options.json ? null : new RunProgress(options, process.stderr);
  const console = options.json ? null : new LineWriter(() => progress?.clear());
  const started = process.hrtime.bigint();
  const result = runGuest({ image: path, disk: options.disk ?? path }, image, {
    // Names are checked by the emulator, which knows them.
    technique: options.technique as Technique,
    profile: options.cpu,
    memoryBytes: options.memory,
    engine: options.engine as Engine,
    limits: {
      ...(options.maxInstructions !== undefined && { instructions: options.maxInstructions }),
      ...(options.maxCycles !== undefined && { cycles: options.maxCycles }),
    },
    switches: Object.fromEntries(options.set ?? []),
    ...ownDisk(path),
    ...inputs(options),
    ...(console && { onConsole: (byte) => console.put(byte) }),
    ...(progress && { onProgress: progress.report }),
  });
  progress?.clear();
  const hostSeconds = Number(process.hrtime.bigint() - started) / 1e9;
  console?.flush();
  if (options.json) process.stdout.write(`${JSON.stringify(summary(result, hostSeconds))}\n`);
  else {
    if (options.screen) process.stderr.write(`${screen(result.screen)['text/plain']}\n\n`);
    process.stderr.write(`${report(result, hostSeconds)}\n`);
  }
  if (result.outcome !== 'halted' && result.outcome !== 'exit')
    throw new Failure(`${path} under ${result.technique}: ${result.detail}`, EXIT.failed);
}

/** What the guest is given beside its image. @throws Failure for a file that cannot be read. */
function inputs({ disk, initrd, append, rom, type, send }: Options): GuestInputs {
  return {
    ...(disk !== undefined && { disk: readFile('disk image', disk) }),
    ...(initrd !== undefined && { initrd: readFile('initial RAM disk', initrd) }),
    ...(append !== undefined && { commandLine: append }),
    ...(rom && { rom }),
    ...(type !== undefined && { keys: type }),
    ...(send !== undefined && { serialInput: send }),
  };
}

/** @throws Failure naming `what` when it cannot be read. */
function readFile(what: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Failure(`cannot read the ${what}: ${messageOf(error)}`, EXIT.usage);
  }
}

/** Bytes of an image; source is assembled. @throws Failure for what cannot be read or assembled. */
function readImage(path: string): Uint8Array {
  const bytes = readFile('image', path);
  if (!path.toLowerCase().endsWith('.asm')) return bytes;
  const source = bytes.toString('utf8');
  const assembly = assembleGuest(source, path);
  if (assembly.diagnostics.length > 0)
    process.stderr.write(`${formatDiagnostics(source, assembly.diagnostics)}\n`);
  const errors = assembly.diagnostics.filter(({ severity }) => severity === 'error').length;
  if (errors > 0) throw new Failure(`${path}: ${errors} ${errors === 1 ? 'error' : 'errors'}`, EXIT.usage);
  return assembly.bytes;
}

/** The disk that a source asks for itself; one named on the command line comes first. @throws Failure when it cannot be made. */
function ownDisk(path: string): GuestInputs {
  if (!path.toLowerCase().endsWith('.asm')) return {};
  try {
    const disk = guestDisk(readFile('image', path).toString('utf8'), path);
    return disk === null ? {} : { disk };
  } catch (error) {
    throw new Failure(messageOf(error), EXIT.usage);
  }
}

function runGuest(
  paths: Readonly<Record<ImageError['file'], string>>,
  image: Uint8Array,
  options: RunOptions,
): RunResult {
  let guest: GuestRun;
  try {
    guest = new GuestRun(image, options);
  } catch (error) {
    if (error instanceof ImageError) throw new Failure(`${paths[error.file]}: ${error.message}`, EXIT.usage);
    if (error instanceof RangeError) throw new Failure(error.message, EXIT.usage);
    throw error;
  }
  return guest.run();
}

/** The object that `--json` prints. */
function summary(result: RunResult, hostSeconds: number): object {
  const { technique, switches, profile, outcome, detail, exitCode, console } = result;
  const { instructions, cycles, accounts, exits, hash } = result;
  const { debugConsole, screen, absent, diskDigest, memory } = result;
  return {
    technique,
    switches,
    profile,
    outcome,
    detail,
    exitCode,
    console,
    debugConsole,
    screen,
    absent,
    diskDigest,
    instructions,
    cycles,
    accounts,
    exits,
    memory,
    hash,
    hostSeconds,
  };
}

function report(result: RunResult, hostSeconds: number): string {
  const { technique, profile, detail, instructions, cycles, accounts, exits, exitsByHalf, hash } = result;
  const spent = table({
    columns: [
      { key: 'account', label: 'account' },
      { key: 'cycles', label: 'cycles' },
      { key: 'share', label: 'share', format: 'percent' },
    ],
    rows: Object.entries(accounts)
      .filter(([, value]) => value > 0)
      .map(([account, value]) => ({ account, cycles: value, share: value / cycles })),
  });
  const stops = table({
    columns: [
      ...(exitsByHalf ? [{ key: 'monitor', label: 'monitor' }] : []),
      { key: 'reason', label: 'exit' },
      { key: 'count', label: 'count', format: 'integer' },
      { key: 'cycles', label: 'cycles' },
    ],
    rows: Object.entries(exitsByHalf ?? { [technique]: exits })
      .flatMap(([monitor, rows]) =>
        Object.entries(rows).map(([reason, row]) => ({ monitor, reason, ...row })),
      )
      .map(({ monitor, reason, count, cycles }) => ({ monitor, reason, count, cycles }))
      .sort((a, b) => b.cycles - a.cycles),
  });
  return [
    `${technique} on ${profile}: ${detail}`,
    `${instructions.toLocaleString('en-US')} instructions, ${cycles.toLocaleString('en-US')} cycles, ${hostSeconds.toFixed(2)} s on this computer`,
    '',
    spent['text/plain'],
    ...(Object.keys(exits).length === 0 ? [] : ['', stops['text/plain']]),
    ...absences(result.absent),
    '',
    `hash ${hash}`,
  ].join('\n');
}

const SHOWN_ABSENCES = 10;

/** What the guest asked for and this computer has not, a line for each kind: the most frequent first. */
function absences({ processor, ports, addresses }: RunResult['absent']): string[] {
  const line = (kind: string, counts: Readonly<Record<string, number>>): string[] => {
    const rows = Object.entries(counts).sort(([, a], [, b]) => b - a);
    if (rows.length === 0) return [];
    const shown = rows.slice(0, SHOWN_ABSENCES).map(([what, count]) => `${what} (${count})`);
    if (rows.length > shown.length) shown.push(`${rows.length - shown.length} more`);
    return [`${kind}: ${shown.join(', ')}`];
  };
  const lines = [
    ...line('the processor has not', processor),
    ...line('no device at port', ports),
    ...line('nothing at physical address', addresses),
  ];
  return lines.length === 0 ? [] : ['', ...lines];
}

/** Passes bytes on to stdout as they are, a line at a time. */
class LineWriter {
  static readonly #NEWLINE = 0x0a;
  static readonly #LONGEST = 4096;
  #waiting: number[] = [];

  /** @param before called when something is about to be written. */
  constructor(private readonly before: () => void) {}

  put(byte: number): void {
    this.#waiting.push(byte);
    if (byte === LineWriter.#NEWLINE || this.#waiting.length === LineWriter.#LONGEST) this.flush();
  }

  flush(): void {
    if (this.#waiting.length > 0) {
      this.before();
      process.stdout.write(Uint8Array.from(this.#waiting));
    }
    this.#waiting = [];
  }
}
