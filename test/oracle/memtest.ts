/**
 * Boots Debian's memtest86+ on the bare machine and has it test 16 MB once:
 * node dist/test/oracle/memtest.js [IMAGE] [MAX_INSTRUCTIONS]. What it shows is taken from the serial line alone.
 *
 * All tests that it does by default. The last (bit fade) waits for minutes of the machine's time in a loop that reads
 * the time-stamp counter; so the processor is clocked low, which makes a minute fewer instructions and changes no test.
 */
import { existsSync, readFileSync } from 'node:fs';
import { findProfile, GuestRun } from '../../emulator/index.js';
import { Terminal } from './terminal.js';

const [image = '/boot/memtest86+ia32.bin', limit = '30e9'] = process.argv.slice(2);
if (!existsSync(image)) {
  console.error(`${image} does not exist: install Debian's memtest86+`);
  process.exit(1);
}
const maxInstructions = Number(limit);
const FREQUENCY_HZ = 20e6;
const PROGRESS_INSTRUCTIONS = 1e9;

const terminal = new Terminal();
const shown = (): string => terminal.lines().join('\n');
/** Passes done and errors found, as the status line has them; null before there is one. */
function status(): { passes: number; errors: number } | null {
  const found = /Pass:\s+(\d+)\s+Errors:\s+(\d+)/.exec(shown());
  return found && { passes: Number(found[1]), errors: Number(found[2]) };
}

let reported = 0;
const run = new GuestRun(readFileSync(image), {
  profile: { ...findProfile('pentium4-672'), name: 'pentium4-672 at 20 MHz', frequencyHz: FREQUENCY_HZ },
  memoryBytes: 16 << 20,
  commandLine: 'console=ttyS0,115200',
  limits: { instructions: maxInstructions },
  onConsole: (byte) => terminal.write(byte),
  onProgress: ({ instructions }) => {
    const now = status();
    if (instructions - reported >= PROGRESS_INSTRUCTIONS) {
      reported = instructions;
      console.error(
        `${Math.round(instructions / 1e6)} M instructions: ${/Test #.*/.exec(shown())?.[0] ?? ''}`,
      );
    }
    return now !== null && (now.passes > 0 || now.errors > 0);
  },
});
const result = run.run();
const end = status();
console.log(shown());
const isPassed = end !== null && end.passes > 0 && end.errors === 0;
console.log(`${isPassed ? 'one pass without errors' : 'no pass without errors'}: ${result.detail}`);
process.exitCode = isPassed ? 0 : 1;
