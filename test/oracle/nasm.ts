/**
 * Compares our assembler with NASM, byte for byte: every guest, every program and every row of the table of
 * instruction forms. Needs `nasm` on PATH (Debian: apt-get install nasm), so it is not part of `npm test`.
 * Prints each difference, then `N passed, N failed`; the exit code is 1 if any failed.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assemble, formatDiagnostics } from '../../emulator/asm/index.js';
import { packageRoot } from '../../emulator/root.js';
import { formOrigin, formProgram, readForms, readPrograms, type FormRow } from '../asm/forms.js';
import { Nasm } from '../asm/nasm.js';

const guestFolder = join(packageRoot(), 'emulator', 'guests');
const nasm = new Nasm(guestFolder);
let passed = 0;
let failed = 0;

function include(name: string): string | null {
  const file = join(guestFolder, name);
  return existsSync(file) ? readFileSync(file, 'utf8') : null;
}

/** What we make of a source: bytes in hexadecimal, or our errors. */
function ours(source: string): string {
  const { bytes, diagnostics } = assemble(source, { include });
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  return errors.length === 0
    ? Buffer.from(bytes).toString('hex')
    : `error: ${formatDiagnostics(source, errors)}`;
}

function check(name: string, agree: boolean, expected: string, found: string): void {
  if (agree) passed++;
  else {
    failed++;
    console.log(`${name}\n  nasm ${expected}\n  ours ${found}`);
  }
}

/** The same bytes, or both refuse; an error has only to be one. */
function sameOutcome(expected: string, found: string): boolean {
  return expected === found || (expected.startsWith('error') && found.startsWith('error'));
}

function compareGuests(): void {
  for (const file of readdirSync(guestFolder).filter((name) => name.endsWith('.asm'))) {
    const source = readFileSync(join(guestFolder, file), 'utf8');
    const [expected, found] = [nasm.assemble(source), ours(source)];
    // A guest must assemble: the two refusing it together is no agreement.
    check(`guest ${file}`, expected === found && !found.startsWith('error'), expected, found);
  }
}

function comparePrograms(): void {
  for (const { name, source, bytes } of readPrograms()) {
    const expected = nasm.assemble(source);
    check(`program ${name}`, sameOutcome(expected, ours(source)), expected, ours(source));
    check(`program ${name}, as recorded`, sameOutcome(expected, bytes), expected, bytes);
  }
}

/** Rows in one source, each in a slot of its own, so that one run of NASM covers hundreds. */
const slotBytes = 32;
const batchRows = 500;

/** The table against NASM as it is now, and us against the table. */
function compareForms(bits: 16 | 32): void {
  const rows = readForms().filter((row) => row.bits === bits);
  const accepted = rows.filter(({ bytes }) => bytes !== 'error');
  for (let start = 0; start < accepted.length; start += batchRows) {
    // `$` in a row means its own place: only rows that do not ask for it can stand elsewhere than at the origin.
    const batch = accepted.slice(start, start + batchRows).filter(({ source }) => !dependsOnPlace(source));
    const source = batch.map((row) => `align ${slotBytes}\n${row.source}\n`).join('');
    const image = nasm.assemble(`bits ${bits}\norg ${formOrigin}\n${source}`);
    batch.forEach((row, index) => {
      const place = index * slotBytes * 2;
      compareRow(row, image.startsWith('error') ? image : image.slice(place, place + row.bytes.length));
    });
  }
  for (const row of accepted.filter(({ source }) => dependsOnPlace(source))) {
    compareRow(row, nasm.assemble(formProgram(bits, row.source)));
  }
  const refused = rows.filter(({ bytes }) => bytes === 'error');
  const wrong = nasm.wrongLines(`bits ${bits}\n${refused.map(({ source }) => source).join('\n')}\n`);
  refused.forEach((row, index) => compareRow(row, wrong.has(index + 2) ? 'error' : 'accepted'));
}

/** Whether the bytes depend on the address: the row asks for it, or branches to a fixed one. */
function dependsOnPlace(source: string): boolean {
  return source.includes('$') || /^(jmp|call) 0x\w+$/.test(source);
}

function compareRow(row: FormRow, expected: string): void {
  const name = `form ${row.bits} ${row.source}`;
  check(`${name}, as recorded`, sameOutcome(expected, row.bytes), expected, row.bytes);
  const found = ours(formProgram(row.bits, row.source));
  check(name, sameOutcome(expected, found), expected, found);
}

try {
  compareGuests();
  comparePrograms();
  compareForms(16);
  compareForms(32);
} finally {
  nasm.close();
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
