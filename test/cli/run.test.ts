import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ringside, Shell } from './run-cli.js';
import { temporaryFolder } from '../server/helpers.js';

const folder = temporaryFolder();
const sources: Readonly<Record<string, string>> = {
  // COM1's transmit register is at 0x3f8.
  'hello.asm':
    'bits 32\norg 0x100000\nmov dx, 0x3f8\nmov al, "h"\nout dx, al\nmov al, "i"\nout dx, al\nhlt\n',
  'exit.asm': 'bits 32\norg 0x100000\nmov al, 7\nout 0xf4, al\nhlt\n',
  'loop.asm': 'bits 32\norg 0x100000\nagain: jmp again\n',
  'fault.asm': 'bits 32\norg 0x100000\nud2\n',
  'undefined.asm': 'bits 32\norg 0x100000\nmov eax, nowhere\nmov ebx, elsewhere\n',
  // Waits for two bytes from the keyboard, a key pressed and released, and puts the first on the screen.
  'key.asm': `bits 32
org 0x100000
more: in al, 0x64
test al, 1
jz more
in al, 0x60
mov ah, 0x07
mov [0xb8000], ax
hlt
`,
  'absent.asm': `bits 32
org 0x100000
lgdt [gdtr]
lidt [idtr]
in al, 0x99
mov eax, [0xd0000000]
movaps xmm0, xmm1
handler: hlt
align 8
gdt: dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr: dw 23
dd gdt
idt: times 6 dq 0
dw handler - $$, 8, 0x8e00, 0x10
idtr: dw 55
dd idt
`,
  'wrong.asm': 'bits 32\norg 0x100000\nhlt\nfrobnicate ebx\n',
};
for (const [name, text] of Object.entries(sources)) writeFileSync(join(folder, name), text);
// mov eax, 1; hlt
writeFileSync(join(folder, 'flat.bin'), Buffer.from([0xb8, 0x01, 0x00, 0x00, 0x00, 0xf4]));
writeFileSync(join(folder, 'large.bin'), Buffer.alloc(2 << 20));
writeFileSync(join(folder, 'odd.img'), Buffer.alloc(1000));
writeFileSync(join(folder, 'even.img'), Buffer.alloc(1024));

const cases: [words: string, code: number, stdout: RegExp, stderr: RegExp][] = [
  ['run hello.asm', 0, /^hi$/, /native on pentium4-672: halted/],
  ['run hello.asm -t svm-shadow', 0, /^hi$/, /svm-shadow on pentium4-672/],
  ['run flat.bin --memory 4M', 0, /^$/, /2 instructions/],
  ['run exit.asm', 0, /^$/, /wrote 7 to the exit port 0xf4/],
  [
    'run loop.asm --max-instructions 1000',
    1,
    /^$/,
    /ringside: loop\.asm under native: still running after 1000 instructions, at eip 0x[0-9a-f]+ \(\w+ .*\): raise/,
  ],
  ['run loop.asm --max-cycles 5000', 1, /^$/, /still running after 5000 cycles/],
  ['run fault.asm', 1, /^$/, /fault\.asm under native: triple fault at eip 0x100000/],
  [
    'run wrong.asm',
    2,
    /^$/,
    /wrong\.asm:4:1: error: .*frobnicate[^]*\^{10}[^]*ringside: wrong\.asm: 1 error\n/,
  ],
  [
    'run undefined.asm',
    2,
    /^$/,
    /undefined\.asm:3:10: error: .*nowhere[^]*4:10: error: .*elsewhere[^]*: 2 errors\n/,
  ],
  ['run none.asm', 2, /^$/, /cannot read the image: ENOENT.*none\.asm/],
  ['run hello.asm --technique magic', 2, /^$/, /'magic'.*native.*binary-translation.*svm-shadow/],
  ['run hello.asm --cpu z80', 2, /^$/, /'z80'.*pentium4-672/],
  ['run large.bin --memory 2M', 2, /^$/, /large\.bin: /],
  ['run hello.asm --memory 1x', 2, /^$/, /a size such as/],
  ['run hello.asm --memory 5000', 2, /^$/, /4096/],
  [
    'run hello.asm --disk odd.img',
    2,
    /^$/,
    /odd\.img: disk image has 1000 bytes: expected a multiple of 512/,
  ],
  ['run hello.asm --disk none.img', 2, /^$/, /cannot read the disk image: ENOENT.*none\.img/],
  ['run hello.asm --disk even.img', 0, /^hi$/, /halted/],
  ['run hello.asm --append quiet', 2, /^$/, /a command line was given, but the image is flat/],
  ['run hello.asm --initrd even.img', 2, /^$/, /an initial RAM disk was given, but the image is flat/],
  ['run flat.bin --rom', 2, /^$/, /flat\.bin: ROM image has 6 bytes: expected a multiple of 4096/],
  ['run hello.asm --type é', 2, /^$/, /no key of a US keyboard types "é"/],
  // Scan code 0x1e is the A key; code page 437 shows it as a triangle.
  ['run key.asm --type a --screen', 0, /^$/, /│▲ {79}│/],
  [
    'run absent.asm',
    0,
    /^$/,
    /the processor has not: movaps Vx,Wx \(1\)\nno device at port: 0x99 \(1\)\nnothing at physical address: 0xd0000000 \(1\)/,
  ],
  ['run hello.asm --max-cycles 0', 2, /^$/, /a whole number above 0/],
  ['run hello.asm -t binary-translation --set cacheBytes=64K', 0, /^hi$/, /binary-translation/],
  ['run hello.asm --set cacheByte=64K', 2, /^$/, /no switch is called 'cacheByte'; there are: .*cacheBytes/],
  ['run hello.asm --set cacheBytes', 2, /^$/, /expected NAME=VALUE, such as kernelRing=ring1/],
  [
    'run hello.asm -t binary-translation --set cacheBytes=5',
    2,
    /^$/,
    /a multiple of 4096 from 8192 to 4063232 \(bytes\)/,
  ],
  [
    'run hello.asm -t native --set cacheBytes=64K',
    2,
    /^$/,
    /'native' has no switch 'cacheBytes', which is for .*binary-translation.*; it has none/,
  ],
  ['run', 2, /^$/, /missing required argument 'image'/],
  ['fly', 2, /^$/, /unknown command 'fly'/],
  ['run hello.asm --fast', 2, /^$/, /unknown option '--fast'/],
  ['--version', 0, /^\d+\.\d+\.\d+\n$/, /^$/],
  ['--help', 0, /run .*execute .*install/s, /^$/],
];
/** Of each exit code one, of what is read before the command's words one, and bytes on stdout. */
const BY_A_PROCESS_OF_ITS_OWN = [
  'run hello.asm',
  'run exit.asm',
  'run fault.asm',
  'run wrong.asm',
  'run none.asm',
  'fly',
  '--version',
];
const shell = new Shell(folder);
t.teardown(() => shell.close());
t.same(
  BY_A_PROCESS_OF_ITS_OWN.filter((words) => !cases.some(([row]) => row === words)),
  [],
  'each is a row',
);
for (const [words, code, stdout, stderr] of cases)
  t.test(`ringside ${words} ends with ${code}`, async (t) => {
    const isOwn = BY_A_PROCESS_OF_ITS_OWN.includes(words);
    const finished = await (isOwn ? ringside(words.split(' '), folder) : shell.ringside(words.split(' ')));
    t.equal(finished.code, code, finished.stderr);
    t.match(finished.stdout, stdout);
    t.match(finished.stderr, stderr);
    t.notMatch(finished.stderr, /\n {4}at /, 'no stack');
  });

t.test('--json prints exactly one object, and the same twice but for the host time', async (t) => {
  const objects = await Promise.all(
    [1, 2].map(async () => {
      const { stdout, stderr, code } = await ringside(['run', 'hello.asm', '--json'], folder);
      t.equal(stderr, '');
      t.equal(code, 0);
      const { hostSeconds, ...rest } = JSON.parse(stdout) as Record<string, unknown>;
      t.type(hostSeconds, 'number');
      return rest;
    }),
  );
  t.same(objects[0], objects[1]);
  t.match(objects[0], { outcome: 'halted', exitCode: null, console: 'hi', hash: /^[0-9a-f]{64}$/ });
  t.match(objects[0], {
    screen: null,
    diskDigest: null,
    absent: { processor: {}, ports: {}, addresses: {} },
  });
  const { accounts, cycles } = objects[0] as { accounts: Record<string, number>; cycles: number };
  t.equal(
    Object.values(accounts).reduce((sum, value) => sum + value, 0),
    cycles,
  );
});

t.test('--json tells of a failure in the object and in the exit code', async (t) => {
  const { stdout, code } = await ringside(['run', 'loop.asm', '--json', '--max-instructions', '10'], folder);
  t.equal(code, 1);
  t.match(JSON.parse(stdout), { outcome: 'budget', instructions: 10 });
});
