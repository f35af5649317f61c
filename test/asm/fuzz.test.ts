import t from 'tap';
import { assemble, formatDiagnostics, formatListing } from '../../emulator/asm/index.js';
import { readForms, readPrograms } from './forms.js';

/** Mutated sources tried. */
const cases = 2500;

/** xorshift32, so that a failing case comes again. */
function randomSource(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const fragments = [
  ...[
    '%macro m 1-*\n',
    '%endmacro\n',
    '%rep 3\n',
    '%endrep\n',
    '%if 1\n',
    '%else\n',
    '%endif\n',
    '%1',
    '%{1:-1}',
    '%%x',
  ],
  ...[
    '%define a b\n',
    '%define b a\n',
    '%assign i i+1\n',
    '%+',
    '%[',
    '%$x',
    '%push\n',
    'm 1,2\n',
    '%exitrep\n',
    '%rotate 1\n',
  ],
  ...[
    '[',
    ']',
    '(',
    ')',
    '{',
    '}',
    ',',
    ':',
    ';',
    '\\\n',
    "'",
    '"',
    '`\\x',
    '$',
    '$$',
    '?',
    '..@',
    '.',
    '-',
    '~',
    '*',
    '//',
    '<<',
  ],
  ...[
    'times 3 ',
    'times -1 ',
    'dup (',
    'equ ',
    'align 16\n',
    'section .x\n',
    'absolute 5\n',
    'struc s\n',
    'endstruc\n',
    'bits 16\n',
  ],
  ...[
    'byte ',
    'strict ',
    'far ',
    'short ',
    'nosplit ',
    'es:',
    'eax',
    'st0',
    '0x',
    '1e5',
    '0b12',
    '9999999999999999999999',
    '\0',
  ],
  ...[
    '__proto__',
    'constructor: ',
    'toString',
    'lock ',
    'rep ',
    'o16 ',
    'resb 5\n',
    'istruc s\n',
    'at ',
    'iend\n',
    'org 5\n',
  ],
];

/** Whole programs stand before the rows of instructions among the seeds. */
const programCount = readPrograms().length;

t.test('no source makes the assembler throw or hang', (t) => {
  const random = randomSource(0x51de);
  const seeds = [...readPrograms().map(({ source }) => source), ...readForms().map(({ source }) => source)];
  const pick = <T>(list: readonly T[]): T => list[random(list.length)];
  for (let number = 0; number < cases; number++) {
    // Whole programs are few among the rows of instructions: take them half the time.
    let source = random(2) === 0 ? seeds[random(programCount)] : `${pick(seeds)}\n${pick(seeds)}\n`;
    for (let edits = 1 + random(6); edits > 0; edits--) {
      const at = random(source.length + 1);
      const cut = random(2) === 0 ? 0 : random(8);
      source = source.slice(0, at) + (random(4) === 0 ? '' : pick(fragments)) + source.slice(at + cut);
    }
    try {
      const { bytes, diagnostics, listing } = assemble(source, { maxOutputBytes: 65536 });
      formatDiagnostics(source, diagnostics);
      formatListing(listing);
      const failed = diagnostics.some(({ severity }) => severity === 'error');
      if (failed && bytes.length > 0) t.fail('bytes with an error', { source });
    } catch (error) {
      t.fail(`case ${number} throws ${String(error)}`, { source });
    }
  }
  t.pass(`${cases} sources`);
  t.end();
});
