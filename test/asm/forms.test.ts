import t from 'tap';
import { assemble, formatDiagnostics } from '../../emulator/asm/index.js';
import { formProgram, readForms, readPrograms } from './forms.js';

/** Bytes in hexadecimal, or `error`, with the errors in the way of a comparison that should have succeeded. */
function outcome(source: string): { bytes: string; errors: string } {
  const { bytes, diagnostics } = assemble(source);
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) return { bytes: 'error', errors: formatDiagnostics(source, errors) };
  return { bytes: Buffer.from(bytes).toString('hex'), errors: '' };
}

t.test('every form of the table has the bytes NASM gives it', (t) => {
  const rows = readForms();
  t.ok(rows.length >= 1500, 'the table is there');
  const wrong = rows.flatMap(({ bits, source, bytes }) => {
    const found = outcome(formProgram(bits, source));
    return found.bytes === bytes
      ? []
      : [`${bits} | ${source} | NASM ${bytes} | ours ${found.bytes} ${found.errors}`];
  });
  t.same(wrong, []);
  t.end();
});

for (const { name, source, bytes } of readPrograms()) {
  const found = outcome(source);
  t.equal(found.bytes, bytes, `${name}${found.errors === '' ? '' : `: ${found.errors}`}`);
}
