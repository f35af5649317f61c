import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { findProfile } from '../../../emulator/cost/catalog.js';
import { Machine } from '../../../emulator/machine.js';
import { assembleSuite, digest, expectedFolder, LOAD_GPA } from './image.js';
import { SUITES, type Suite } from './suites.js';
import { parseTranscript } from './transcript.js';

const MEMORY_BYTES = 16 << 20;
/** Several times what the longest suite needs; a case that goes astray ends here. */
const BUDGET_INSTRUCTIONS = 5_000_000;

/** What the suite prints here. */
function runSuite(image: Uint8Array): string {
  const machine = Machine.create({ profile: findProfile('pentium4-672'), memoryBytes: MEMORY_BYTES });
  machine.memory.writeBytes(LOAD_GPA, image);
  machine.resetFlat(LOAD_GPA);
  machine.run({ instructions: BUDGET_INSTRUCTIONS });
  return machine.platform.debugPort.output.text;
}

/** Why a case is not expected to pass yet. */
function pendingReason({ pending = [] }: Suite, name: string): string | undefined {
  return pending.find(({ cases }) => cases === 'all' || cases.includes(name))?.reason;
}

for (const suite of SUITES) {
  t.test(`${suite.name}: as QEMU and Bochs have it`, async (t) => {
    const image = assembleSuite(`${suite.name}.asm`);
    const expected = readFileSync(join(expectedFolder, `${suite.name}.txt`), 'utf8');
    const recorded = /^# image sha256 (\w+)$/m.exec(expected)?.[1];
    t.equal(recorded, digest(image), 'the expected text was made with this image: else run make-expected');
    const found = new Map(parseTranscript(runSuite(image)).map(({ name, lines }) => [name, lines]));
    for (const { name, lines } of parseTranscript(expected)) {
      const todo = pendingReason(suite, name);
      const ours = found.get(name) ?? ['not reached'];
      // The difference is not worth showing while it is known.
      if (todo !== undefined && ours.join() !== lines.join()) t.fail(name, { todo });
      else t.same(ours.map(fields), lines.map(fields), name);
    }
  });
}

/** Splits a line so that a difference shows as the field that differs. */
function fields(line: string): string[] {
  return line.split(' ');
}
