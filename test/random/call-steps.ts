import type { Step } from './program.js';
import { DATA_SEGMENTS, apart } from './steps.js';
import type { Random } from './steps.js';

/*
 * Steps in which user code calls its kernel over and over, while user code, kernel and timer change what the way there and
 * back depends on: each ingredient at random, in every round or in few. What an interrupt may come upon is left such that
 * it makes no difference when it comes (program.ts).
 */

type Choose = <T>(choices: readonly T[]) => T;
type Ingredient = (random: Random, pick: Choose) => string;

const hex = (value: number) => `0x${value.toString(16)}`;

/** What may be mapped to another frame: a linear page, and the page above 0x340 whose frame it changes places with. */
const MOVED = [
  'STACK - 1',
  'gdt',
  'idt',
  'tss',
  '(.user - $$ + PROGRAM)',
  '(.handler - $$ + PROGRAM)',
] as const;
const COPIES = 0x340;
const entryOf = (address: string) => `[TABLE + 4 * ((${address}) >> 12)]`;

/** A page's content, once, to the frame with which it will change places. The stack's is copied when they do. */
const COPY_PAGES = MOVED.slice(1)
  .map(
    (address, at) =>
      `mov esi, (${address}) & ~0xfff\n mov edi, ${hex((COPIES + 1 + at) << 12)}\n mov ecx, 1024\n rep movsd`,
  )
  .join('\n ');

const moved: Ingredient = (random) => {
  const at = random(MOVED.length);
  const [here, there] = [entryOf(MOVED[at]), `[TABLE + 4 * ${COPIES + at}]`];
  const copyFrame = `mov esi, esp\n lea edi, [esp + ${(COPIES << 12) - 0x8f000}]\n mov edx, ecx\n mov ecx, 5\n rep movsd\n mov ecx, edx`;
  return `${at === 0 ? copyFrame : 'nop'}
 mov eax, ${here}
 xchg eax, ${there}
 mov ${here}, eax
 invlpg [(${MOVED[at]}) & ~0xfff]
 invlpg [${hex((COPIES + at) << 12)}]`;
};

/** What only the kernel does: that an interrupt finds it done or not does not show. */
const pageTables: Ingredient = (random, pick) => {
  const page = pick(MOVED);
  const play = 0x310 + random(16);
  return pick([
    `mov eax, cr3\n mov cr3, eax`,
    `mov eax, cr3\n xor eax, DIRECTORY ^ DIRECTORY2\n mov cr3, eax`,
    `invlpg [${page}]`,
    `mov eax, cr0\n xor eax, 0x10000\n mov cr0, eax\n mov eax, cr3\n mov cr3, eax`,
    `and dword ${entryOf(pick(['.user - $$ + PROGRAM', 'USER_STACK - 4']))}, ~(A | D)\n mov eax, cr3\n mov cr3, eax`,
    `xor dword ${entryOf('.user - $$ + PROGRAM')}, W\n invlpg [.user]`,
    `xor dword ${entryOf('.user - $$ + PROGRAM')}, ${pick(['P', 'U'])}\n invlpg [.user]`,
    `xor dword ${entryOf('gdt')}, ${pick(['U', '0x200'])}\n invlpg [gdt]`,
    `xor dword [DIRECTORY], 0x200`,
    `mov edx, [TABLE + 4 * ${0x310 + random(16)}]\n mov [TABLE + 4 * ${play}], edx\n invlpg [${hex(play << 12)}]`,
  ]);
};

const KERNEL_AND_USER_SELECTORS = ['0x08', '0x10', '0x18', '0x20'] as const;

/** Edits of tables that change nothing that an interrupt may come upon. */
const tables: Ingredient = (random, pick) =>
  pick([
    'mov ax, [idt + 0x80 * 8]\n xchg ax, [idt + 0x7f * 8]\n mov [idt + 0x80 * 8], ax',
    'mov ax, [idt + 0x80 * 8]\n xchg ax, [idt + 0x7f * 8]\n mov [idt + 0x80 * 8], ax',
    'xor byte [idt + 0x80 * 8 + 5], 1',
    `mov byte [idt + 0x80 * 8 + 4], ${random(256)}`,
    `mov word [idt + 0x80 * 8 + 2], ${pick(['0x30', 'KERNEL_CS', '0x09'])}`,
    `xor dword [gdt + ${pick(KERNEL_AND_USER_SELECTORS)} + 4], 0x100000`,
    `xor dword [gdt + ${pick(['0x18', '0x20'])} + 4], 0x10000`,
    `and byte [gdt + ${pick(['0x18', '0x20'])} + 5], ~1`,
    'xor byte [gdt + 0x38 + 5], 1',
    `${pick(['sub', 'xor'])} dword [tss + 4], ${pick(['4', '16', '64', '2'])}`,
    'xor dword [tss + 4], 0x1000',
    `mov word [tss + 8], ${pick(['KERNEL_DS', '0x70'])}`,
    `mov dword [tss + ${pick(['0x0c', '0x10', '0x64'])}], ${hex(random(0x1_0000))}`,
  ]);

/** What the kernel does in a call. */
const kernel: Ingredient = (random, pick) =>
  pick<Ingredient>([
    tables,
    tables,
    tables,
    pageTables,
    pageTables,
    moved,
    () => 'lgdt [gdtr]',
    () => 'lidt [idtr]',
    () => 'sti\n nop\n cli',
    () => 'sti\n nop',
    () => 'mov al, 0xfe\n out 0x21, al\n sti\n hlt\n cli',
    () => `sti\n mov edx, ${1 + random(60)}\n.a: dec edx\n jnz .a\n cli`,
    () => 'pushfd\n pop edx\n xor esi, edx',
    () => `push dword ${hex((random(0x1000) & 0x0cd7) | 2)}\n popfd`,
    () => 'push ds\n push es\n pop es\n pop ds\n mov dx, cs\n mov ax, ss',
    () => `mov dx, KERNEL_DS\n mov ${pick(['es', 'fs', 'gs', 'ss'])}, dx`,
    () => `mov dx, ${pick(['0', 'USER_DS', '0x3b', '0x53'])}\n mov ${pick(['es', 'fs', 'gs'])}, dx`,
    // The frame to which it returns: instruction pointer, segments, flags, stack.
    () => 'mov dword [esp], .elsewhere',
    () => `xor dword [esp + 8], ${hex(pick([0x1, 0x8d5, 0x400, 0x200, 0x3000, 0x4_0000, 0x20_0000]))}`,
    () => `or dword [esp + 8], ${hex(pick([0x100, 0x4000, 0x1_0000]))}`,
    () => `xor dword [esp + 12], ${pick(['4', '0x100', '0x1000'])}`,
    () => `mov dword [esp + 16], ${pick(['0x3b', 'USER_DS', '0x53'])}`,
    () => `mov dword [esp + 4], ${pick(['USER_CS', '0x18'])}`,
    () => `${'push dword [esp + 16]\n '.repeat(5)}iret`,
    () => 'sub esp, 4\n pop edx',
    () => 'call .leaf\n mov edx, .leaf\n call edx',
    () => 'int 0x7f',
    () => 'mov edx, cr2\n clts\n mov edx, cr0\n xor esi, edx',
    () => 'in al, 0x80\n out 0x80, al',
    () => `mov al, ${random(256)}\n out 0xe9, al`,
    // Code on the kernel's stack page.
    () => 'mov byte [STACK - 0x800], 0xc3\n mov edx, STACK - 0x800\n call edx',
    () => `inc dword [.n + 1]\n.n: mov edx, ${random(9)}\n add esi, edx`,
    () => 'inc byte [.constant + 1]',
    () => 'xor byte [.vector + 1], 0xff',
    () => `mov edx, [${hex(0x310000 + 4 * random(0x4000))}]\n add esi, edx`,
    () => `mov [SCRATCH + ${4 * random(0x100)}], eax`,
    () => 'and byte [gdt + TSS_SEL + 5], ~2\n mov dx, TSS_SEL\n ltr dx',
  ])(random, pick);

/** What user code does before a call. */
const user: Ingredient = (random, pick) =>
  pick<Ingredient>([
    () => `mov edx, ${pick(['0', 'USER_DS', '0x3b', '0x53'])}\n mov ${pick(['es', 'fs', 'gs'])}, dx`,
    () => 'push ds\n pop es',
    () => 'push fs\n pop gs',
    () => pick(['std', 'cld', 'stc', 'cmc']),
    () => `pushfd\n xor dword [esp], ${hex(pick([0x20_0000, 0x4_0000, 0x400, 0x4000, 0x8d5]))}\n popfd`,
    () => pick(['push eax\n', 'pop edx\n', 'sub esp, 0x1000\n', 'mov esp, USER_STACK - 64\n']),
    () => 'call .far_call',
    () => 'int 0x7f',
    () => 'int 0x7f',
    () => 'int 0x80\n int 0x80',
    () => `inc byte [.constant + 1]`,
    () => 'xor byte [.vector + 1], 0xff',
    () => `inc dword [.k + 1]\n.k: mov edx, ${random(9)}\n add ebx, edx`,
    () => `xor dword [gdt + ${pick(['0x18', '0x20'])} + 4], 0x100000`,
    () => 'xor byte [idt + 0x80 * 8 + 5], 1',
    () => `mov edx, ${1 + random(60)}\n.a: dec edx\n jnz .a`,
    () => `add dword [${hex(0x310000 + 4 * random(0x4000))}], ecx`,
    () => 'mov dword [esp - 8], 0x12345678',
    () => 'mov edx, .b\n jmp edx\n.b: inc ebx',
    () => 'smsw edx\n str si\n add ebx, edx',
    () => 'cli',
    () => 'mov edx, [STACK - 4]',
  ])(random, pick);

/** Few break off or keep the monitor from short ways; most rounds are to be without them. */
const EVERY = [1, 16, 32, 64, 64, 64, 128, 128, 128, 256, 256, 512];

/** Ingredients of which each happens in every so many rounds, whose number is in ECX. */
function some(where: string, most: number, ingredient: Ingredient, random: Random, pick: Choose): string {
  const parts = Array.from({ length: random(most + 1) }, () => {
    const every = pick(EVERY);
    const code = ingredient(random, pick);
    return every === 1
      ? code
      : `mov edx, ecx\n and edx, ${every - 1}\n cmp edx, ${random(every)}\n jnz .z\n ${code}\n.z:`;
  });
  return apart(parts).replaceAll(/\.([a-z]\d+)\b/g, `.${where}_$1`);
}

const gateTo = (vector: string, handler: string, type: string) => ` mov eax, ${handler}
 mov [idt + ${vector} * 8], ax
 mov dword [idt + ${vector} * 8 + 2], KERNEL_CS | (${type} << 24)
 shr eax, 16
 mov [idt + ${vector} * 8 + 6], ax`;

const EXCHANGED_EVERY = [16, 64, 128];

/**
 * Which of both handlers a call leads to: exchanged by each of them, so by code that has been translated, and once both are
 * known nothing but what the gates hold tells the monitor.
 */
const exchangeGates = (every: number) => `.exchange:
 test ecx, ${every - 1}
 jnz .as_is
 mov edx, [idt + 0x80 * 8]
 xchg edx, [idt + 0x7f * 8]
 mov [idt + 0x80 * 8], edx
.as_is: ret`;

const FLAGS = [2, 2, 0x202, 0x202, 0x202, 0x202, 0x3202, 0x602];
const IF = 0x200;
/** Of the interrupt controller: the timer alone interrupts, or nothing does. */
const [TIMER_ONLY, NOTHING] = ['0xfe', '0xff'];

/** So many calls that most go the short way, when little enough changes. */
const LEAST_ROUNDS = 300;
const MORE_ROUNDS = 900;

/** User code that calls its kernel in a loop. */
export function callStep(random: Random): Step {
  const pick: Choose = (choices) => choices[random(choices.length)];
  const gateType = () => pick(['0xee', '0xee', '0xef']);
  const apartFrom = () => pick(['align 4096', 'align 4096', 'align 16', `times ${random(64)} nop`]);
  // Sometimes an INT n lies in two pages.
  const padding = random(24) === 0 ? 'align 4096\n times 4095 nop' : '';
  const flags = pick(FLAGS);
  // An interrupt that waits for user code to let it in keeps the monitor from short ways.
  const mask = pick((flags & IF) !== 0 ? [TIMER_ONLY] : [NOTHING, NOTHING, NOTHING, TIMER_ONLY]);
  const inKernel = some('call', 3, kernel, random, pick);
  const inOther = some('other', 1, kernel, random, pick);
  const inUser = some('user', 3, user, random, pick);
  const exchange = random(2) === 0 ? 'call .exchange' : '';
  const code = `${DATA_SEGMENTS}
 ${COPY_PAGES}
${gateTo('0x80', '.handler', gateType())}
${gateTo('0x7f', '.other', gateType())}
 mov dword [tss + 4], STACK${pick(['', ' - 0x40', ' - 0x200'])}
 mov dword [tss + 8], KERNEL_DS
 mov dword [gdt + 0x70], 0xffff
 mov dword [gdt + 0x74], 0x00cf9300
 mov ecx, ${LEAST_ROUNDS + random(MORE_ROUNDS)}
 mov al, ${mask}
 out 0x21, al
 to_user .user, ${flags}
 ${apartFrom()}
.handler:
 lea eax, [eax + ecx * 2]
 xor eax, esp
 ${inKernel}
 ${exchange}
 iret
 ${apartFrom()}
.other:
 xor eax, ecx
 sub eax, esp
 ${inOther}
 ${exchange}
 iret
.leaf: xor eax, 9
 ret
${exchangeGates(pick(EXCHANGED_EVERY))}
 ${apartFrom()}
.user:
.again:
.constant: mov al, ${random(256)}
 ${inUser}
 ${padding === '' ? '' : `jmp .vector\n ${padding}`}
.vector: int 0x80
 xor ebx, eax
 rol ebx, 3
 add ebx, esi
 add [SCRATCH + 0xff8], ebx
 dec ecx
 jnz .again
 int 0x81
 ${apartFrom()}
.elsewhere:
 add ebx, 3
 dec ecx
 jnz .again
 int 0x81
.far_call: int 0x80
 ret`;
  return { ring: 'kernel', code };
}
