import t from 'tap';
import {
  assemble,
  formatDiagnostics,
  formatListing,
  type AssemblyOptions,
} from '../../emulator/asm/index.js';

/** A wrong source, where its first diagnostic points (line:column-endColumn) and what it says. */
type Row = readonly [source: string, place: string, message: string | RegExp];

const errors: readonly Row[] = [
  ['mvo eax, 5', '1:1-4', "expected an instruction, directive or label, found 'mvo'; did you mean 'mov'?"],
  ['  nop\n  pusha\n  jmpp x\nx:', '3:3-7', /found 'jmpp'; did you mean 'jmpe?'\?/],
  ['mov eax, exb', '1:10-13', "symbol 'exb' is not defined; did you mean 'ebx'?"],
  ['counter: dd 0\ninc dword [countr]', '2:12-18', "symbol 'countr' is not defined; did you mean 'counter'?"],
  ['jmp .done', '1:5-10', "symbol '.done' is not defined"],
  ['a:\n.x: nop\nb: jmp .x', '3:8-10', /^symbol 'b\.x' is not defined/],
  [
    'mov [ebx], 5',
    '1:5-10',
    'operation size not specified: expected byte, word or dword before the brackets',
  ],
  ['push [eax]', '1:6-11', 'operation size not specified: expected word or dword before the brackets'],
  ['fld [eax]', '1:5-10', 'operation size not specified: expected dword, qword or tword before the brackets'],
  ['mov al, ebx', '1:1-4', /^'mov' does not take al, ebx: expected r8\/byte memory, r8 \|/],
  ['hlt eax', '1:1-4', "'hlt' does not take eax: expected no operands"],
  ['lgdt eax', '1:1-5', "'lgdt' does not take eax: expected memory"],
  ['mov rax, 5', '1:5-8', '64-bit registers do not exist in 16-bit and 32-bit code'],
  ['mov dword ptr [eax], 5', '1:11-14', "NASM has no 'ptr': write the size alone, as in 'dword [eax]'"],
  ['mov eax, es:[ebx]', '1:10-12', 'a segment override stands inside the brackets: [es:...]'],
  ['mov eax, [eax+ecx+edx]', '1:10-23', /^not a 32-bit address: 3 registers/],
  ['mov eax, [eax*3+ebx]', '1:10-21', /^not a 32-bit address: scale 3/],
  ['mov eax, [esp*2]', '1:10-17', /esp cannot be scaled/],
  ['mov eax, [ax]', '1:10-14', /^no such 16-bit address: expected one of bx\+si/],
  ['mov eax, [bx+ecx]', '1:10-18', 'an address cannot mix 16-bit and 32-bit registers'],
  ['mov eax, [cr0]', '1:10-15', /^'cr0' is not an address register/],
  ['mov eax, eax+4', '1:10-15', 'a sum with registers is an address: write it in brackets'],
  ['mov eax, [ebx', '1:14-15', "expected ']' to close the address, found the end of the line"],
  ['mov eax, (1+2', '1:14-15', "expected ')' to close the parenthesis, found the end of the line"],
  ['mov eax,', '1:9-10', "expected an operand after ','"],
  ['mov eax ebx', '1:9-12', "expected ',' or the end of the line after an operand, found 'ebx'"],
  ['mov eax, 1 +', '1:13-14', 'expected an expression, found the end of the line'],
  ['db', '1:3-4', 'expected data, found the end of the line'],
  ["db 'abc", '1:4-8', "unterminated string: expected a closing '"],
  ['mov eax, 12z', '1:10-13', /^'12z' is not a number/],
  ['mov eax, 0b12', '1:10-14', /^'0b12' is not a number/],
  ['dd 5/0', '1:6-7', 'division by zero'],
  ['x: dd x & 0xffff', '1:7-8', /^'&' needs plain numbers, found an address/],
  ['dd eax', '1:4-7', 'a register is not data'],
  ['db 1.5', '1:4-7', 'a floating-point constant needs dd (32 bits) or dq (64 bits)'],
  ['a: nop\na: nop', '2:1-2', "'a' is already defined in line 1"],
  ['eax: nop', '1:1-4', "'eax' is a register; a label of that name is written $eax"],
  ['mov: nop', '1:1-4', "'mov' is an instruction or directive; a label of that name is written $mov"],
  ['equ 5', '1:1-4', "expected a name before 'equ'"],
  ['jmp short x\ntimes 200 nop\nx:', '1:5-12', /^short jump is out of range: 'jmp' reaches -128 to \+127/],
  ['loop x\ntimes 200 nop\nx:', '1:6-7', /^short jump is out of range: 'loop'/],
  ['times n nop\nn equ 5\ntimes later nop\nlater:', '1:7-8', /^the count of 'times' must be known here/],
  ['times -1 nop', '1:7-9', "the count of 'times' must not be negative, found -1"],
  ['times 510-($-$$) db 0\ntimes 10-($-$$) db 0', '2:7-16', /must not be negative, found -500$/],
  ['align 3', '1:7-8', 'an alignment is a power of two, found 3'],
  ['bits 64', '1:6-8', "expected 16 or 32 after 'bits', found '64'"],
  ['org 5\norg 6', '2:1-6', 'the origin is already set in line 1'],
  [
    'section .data algin=16',
    '1:15-20',
    /^expected a section attribute .* found 'algin'; did you mean 'align'\?$/,
  ],
  ['section .a follows=.b\ndb 1', '1:1-22', "section '.a' follows '.b', which does not exist"],
  ['extern foo', '1:8-11', /^'extern' needs a linker/],
  ['incbin "x"', '1:8-11', /^'incbin' is not available/],
  ['endstruc', '1:1-9', "'endstruc' without 'struc'"],
  ['struc a\n.x: resd 1', '1:1-8', "structure 'a' has no endstruc"],
  ['struc a\ndb 1\nendstruc', '2:1-5', /^only reservations/],
  ['%defin x 5', '1:1-7', "unknown preprocessor directive '%defin'; did you mean 'define'?"],
  ['%if 1\nnop', '1:1-4', "'%if' has no %endif"],
  ['nop\n%endif', '2:1-7', "'%endif' without '%if'"],
  ['%else', '1:1-6', "'%else' without '%if'"],
  ['%macro m 1\nnop', '1:1-7', "'%macro' has no %endmacro"],
  ['%macro m\n%endmacro', '1:8-9', "expected the number of parameters after 'm'"],
  ['%macro m 2\n%endmacro\nm 1', '3:1-2', "macro 'm' expects 2 arguments, found 1"],
  [
    '%macro m 1\nmov eax, %1\nnopp 1\n%endmacro\nm 5',
    '3:1-5',
    /^expected an instruction.*did you mean 'nop'/,
  ],
  ['%macro m 0\nm\n%endmacro\nm', '2:1-2', "macro 'm' calls itself (in macro 'm' called in line 4)"],
  ['%define f(x) x\ndb f(1,2)', '2:4-5', "macro 'f' expects 1 arguments, found 2"],
  ['%rep 5\nnop', '1:1-5', "'%rep' has no %endrep"],
  ['%if foo\n%endif', '1:5-8', /^'foo' has no value here: expected a macro or an equ constant/],
  [
    'x: nop\n%if $ > 5\n%endif',
    '2:5-10',
    "'%if' cannot use addresses: they are known only after macros have expanded",
  ],
  ['%include "a.inc"', '1:1-9', '%include is not available here: no files are given to this assembly'],
  ['%error too big', '1:1-7', 'too big'],
  ['mov eax, %1', '1:10-12', "'%1' is a macro parameter: it means something only inside %macro"],
  ['mov eax, 1 \u00a7', '1:12-13', 'unexpected character "\u00a7"'],
  ['nop \\\n foo 1,', '2:6-7', "expected ',' or the end of the line after an operand, found '1'"],
];

const warnings: readonly Row[] = [
  ['mov al, 300', '1:9-12', '300 does not fit in 8 bits: its low 8 bits are used'],
  ['db 256', '1:4-7', '256 does not fit in 8 bits: its low 8 bits are used'],
  ['dw -40000', '1:4-10', '-40000 does not fit in 16 bits: its low 16 bits are used'],
  ['add ebx, byte 200', '1:10-18', '200 does not fit in 8 bits as a signed number: its low 8 bits are used'],
  ['mov eax, [byte ebx+300]', '1:16-23', '300 does not fit in 8 bits: its low 8 bits are used'],
  ['start', '1:1-6', "'start' alone on a line is a label without a colon"],
  ['%warning look here', '1:1-9', 'look here'],
  ['section .bss\ndb 1', '2:1-5', "section '.bss' holds no bytes: these are only reserved, not written"],
];

function check(rows: readonly Row[], severity: 'error' | 'warning'): void {
  for (const [source, place, message] of rows) {
    t.test(JSON.stringify(source), (t) => {
      const assembly = assemble(source);
      const first = assembly.diagnostics.find((one) => one.severity === severity);
      t.ok(first, `there is a ${severity}`);
      if (first !== undefined) {
        t.equal(`${first.line}:${first.column}-${first.endColumn}`, place);
        if (typeof message === 'string') t.equal(first.message, message);
        else t.match(first.message, message);
        t.equal(first.file, 'input.asm');
      }
      if (severity === 'error') t.equal(assembly.bytes.length, 0, 'no bytes with an error');
      else
        t.notOk(
          assembly.diagnostics.some((one) => one.severity === 'error'),
          'a warning is no error',
        );
      t.end();
    });
  }
}

check(errors, 'error');
check(warnings, 'warning');

/** Sources that ask for too much, and the bound they meet. */
const hungry: readonly (readonly [source: string, message: RegExp, options?: AssemblyOptions])[] = [
  ['times 1000000000000 db 0', /^output larger than/],
  ['times 1000000000000 nop', /^output larger than/],
  ['times 200000 jmp $', /^'times' repeats this at most/],
  ['times 1000000 times 200000 jmp $', /^'times' repeats this at most/],
  ['resb 1 << 40', /^output larger than/],
  ['section .bss\nresb 1 << 40', /reaches past 4 GB/],
  ['db 1000000000 dup (1,2,3)', /^output larger than/],
  ['db 1, 2, 3', /^output larger than/, { maxOutputBytes: 2 }],
  ['section .a start=0x40000000\ndb 1', /^output larger than/],
  ['%rep 1000000000\nnop\n%endrep', /^%rep repeats at most/],
  ['%rep 100000\n%rep 100000\nnop\n%endrep\n%endrep', /lines after macro expansion$/],
  ['%rep 100000\n%rep 100000\n%endrep\n%endrep', /lines after macro expansion$/],
  [`${'%macro m0 0\nnop\n%endmacro\n'}${chain(40)}m40`, /lines after macro expansion/],
  [`%define d0 1\n${doubling(30)}db d30`, /^the line expands to more than/],
  [`mov eax, ${'('.repeat(5000)}1`, /^expression nested deeper than/],
  [`mov eax, ${'-'.repeat(5000)}1`, /^expression nested deeper than/],
  [`mov eax, 1${'+1'.repeat(5000)}`, /^expression with more than/],
  ['%include "input.asm"', /^%include nested deeper than/, { include: () => '%include "input.asm"' }],
  [`${'%if 1\n'.repeat(1000)}`, /^%if nested deeper than/],
  ['x: times ($-x) nop\ntimes (1 - (y - x)) nop\ny:', /must be known here/],
  ['db 1'.padEnd(100_000), /^line longer than/],
  ['a equ b + 1\nb equ a + 1', /^sizes did not settle/],
];

/** Macros each of which calls the one before twice. */
function chain(length: number): string {
  return Array.from({ length }, (_, i) => `%macro m${i + 1} 0\nm${i}\nm${i}\n%endmacro\n`).join('');
}

/** Single-line macros each of which is the one before twice. */
function doubling(length: number): string {
  return Array.from({ length }, (_, i) => `%define d${i + 1} d${i},d${i}\n`).join('');
}

for (const [source, message, options] of hungry) {
  t.test(`bounded: ${JSON.stringify(source.slice(0, 60))}`, (t) => {
    const { diagnostics, bytes } = assemble(source, options);
    t.match(diagnostics.find(({ severity }) => severity === 'error')?.message, message);
    t.equal(bytes.length, 0);
    t.end();
  });
}

t.test('diagnostics print with the line and a caret', (t) => {
  const source = 'start:\n\tmov eax, exb ; typo';
  t.equal(
    formatDiagnostics(source, assemble(source, { fileName: 'cell.asm' }).diagnostics),
    "cell.asm:2:11: error: symbol 'exb' is not defined; did you mean 'ebx'?\n" +
      '2 | \tmov eax, exb ; typo\n' +
      '    \t         ^^^',
  );
  t.end();
});

t.test('an error in an included file names that file', (t) => {
  const { diagnostics } = assemble('%include "lib.inc"', {
    include: (name) => (name === 'lib.inc' ? 'nop\nfoo 1' : null),
  });
  t.match(diagnostics[0], { file: 'lib.inc', line: 2, column: 1 });
  t.match(
    assemble('%include "none.inc"', { include: () => null }).diagnostics[0].message,
    "file 'none.inc' is not found",
  );
  t.end();
});

t.test('symbols, origin, options and listing', (t) => {
  const source = 'size equ 4\nstart: mov eax, size\n.loop: jmp .loop\n';
  const assembly = assemble(source, { origin: 0x7c00, bits: 16 });
  t.same(assembly.diagnostics, []);
  t.equal(assembly.origin, 0x7c00);
  t.same({ ...assembly.symbols }, { size: 4, start: 0x7c00, 'start.loop': 0x7c06 });
  t.equal(
    formatListing(assembly.listing),
    '    1  00007c00                           size equ 4\n' +
      '    2  00007c00  66 b8 04 00 00 00        start: mov eax, size\n' +
      '    3  00007c06  eb fe                    .loop: jmp .loop',
  );
  t.same(assemble('db N', { defines: { N: '7' } }).bytes, Uint8Array.of(7));
  t.equal(assemble('nop').origin, 0x100000);
  t.end();
});
