/**
 * Makes `expected/NAME.txt` of each suite, or of those named: runs it under QEMU and Bochs and writes what both
 * print, and where they differ what `decisions.ts` settles. Needs Debian's nasm, qemu-system-x86 and bochs, so it is
 * not part of `npm test`; run `node dist/test/conformance/oracle/make-expected.js [NAME...]` after changing a suite.
 * Exit code 1 and nothing written when something is undecided or our assembler and NASM differ.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Nasm } from '../../asm/nasm.js';
import { agree, type Agreed } from './agree.js';
import { assembleSuite, digest, expectedFolder, suiteFolder } from './image.js';
import { BOCHS, QEMU, romOf } from './oracles.js';
import { SUITES, type Suite } from './suites.js';
import { parseTranscript, type CaseResult } from './transcript.js';

function expectedText(suite: Suite, image: Uint8Array, cases: readonly Agreed[]): string {
  const header = [
    `suite ${suite.name}: ${cases.length} cases, made by make-expected.ts`,
    `image sha256 ${digest(image)}`,
    `${BOCHS.version()}: ${BOCHS.commandLine(suite.bochsCpu)}`,
    suite.bochsAlone
      ? `Bochs alone: ${suite.bochsAlone}`
      : `${QEMU.version()}: ${QEMU.commandLine(suite.qemuCpu)}`,
  ];
  const body = cases.flatMap(({ name, lines, alone }) => [
    `case ${name}`,
    ...(alone ? [`# by ${alone.oracle} alone. ${alone.because}`] : []),
    ...lines.map((line) => ` ${line}`),
  ]);
  return `${[...header.map((line) => `# ${line}`), ...body].join('\n')}\n`;
}

function casesOf(suite: Suite, image: Uint8Array): Agreed[] {
  const rom = romOf(image);
  const bochs: CaseResult[] = parseTranscript(BOCHS.run(rom, suite.bochsCpu));
  if (suite.bochsAlone) return bochs;
  return agree(suite.name, parseTranscript(QEMU.run(rom, suite.qemuCpu)), bochs);
}

const nasm = new Nasm(suiteFolder);
const wanted = process.argv.slice(2);
try {
  for (const suite of SUITES.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    const image = assembleSuite(`${suite.name}.asm`);
    const byNasm = nasm.assemble(readFileSync(join(suiteFolder, `${suite.name}.asm`), 'utf8'));
    if (byNasm !== Buffer.from(image).toString('hex')) {
      throw new Error(`${suite.name}: NASM assembles it to something else: ${byNasm.slice(0, 100)}`);
    }
    const cases = casesOf(suite, image);
    writeFileSync(join(expectedFolder, `${suite.name}.txt`), expectedText(suite, image, cases));
    console.log(
      `${suite.name}: ${cases.length} cases, ${cases.filter(({ alone }) => alone).length} by one alone`,
    );
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  nasm.close();
}
