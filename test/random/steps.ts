import type { Step } from './program.js';

/** An integer below `below`. */
export type Random = (below: number) => number;
type Pick = <T>(choices: readonly T[]) => T;
type Source = (random: Random, pick: Pick) => string;

const REGISTERS = ['eax', 'ebx', 'ecx', 'edx', 'esi', 'edi', 'ebp'] as const;
const FIRST_PAGE = 0x310;
const PAGES = 16;
const hex = (value: number) => `0x${value.toString(16)}`;

function register(pick: Pick): string {
  return pick(REGISTERS);
}

function immediate(random: Random): string {
  return hex(random(2) ? random(0x100) : random(0x1_0000_0000));
}

/** An address in the play pages, sometimes in their mirror, sometimes across two pages. */
function play(random: Random, pick: Pick): string {
  const page = FIRST_PAGE + random(PAGES) + pick([0, 0, 0, 0x400]);
  return hex((page << 12) + pick([0, 4, 0x124, 0xffc, 0xffe]));
}

const arithmetic: Source = (random, pick) =>
  Array.from({ length: 1 + random(6) }, () => {
    const [a, b] = [register(pick), register(pick)];
    return pick([
      () => `${pick(['add', 'adc', 'sub', 'sbb', 'xor', 'and', 'or', 'cmp', 'imul'])} ${a}, ${b}`,
      () =>
        `${pick(['add', 'adc', 'sub', 'sbb', 'xor', 'and', 'or', 'cmp', 'mov'])} ${a}, ${immediate(random)}`,
      () => `${pick(['rol', 'ror', 'rcl', 'rcr', 'shl', 'shr', 'sar'])} ${a}, ${random(32)}`,
      () => `${pick(['inc', 'dec', 'neg', 'not', 'bswap'])} ${a}`,
      () => `${pick(['shld', 'shrd'])} ${a}, ${b}, ${1 + random(31)}`,
      () => `${pick(['bt', 'bts', 'btr', 'btc'])} ${a}, ${random(32)}`,
      () =>
        `${pick(['seto', 'setc', 'setz', 'sets', 'setp', 'setl', 'setle'])} ${pick(['al', 'bl', 'ch', 'dh'])}`,
      () => `${pick(['cmovc', 'cmovz', 'cmovs', 'cmovle'])} ${a}, ${b}`,
      () => `lea ${a}, [${b} + ${register(pick)} * ${pick([1, 2, 4, 8])} + ${immediate(random)}]`,
      () => 'cdq\n lahf\n aaa\n das',
      () => 'mul ebx',
      () => 'xchg al, dh\n movzx esi, dl\n movsx edi, ax',
    ])();
  }).join('\n ');

/** Loads and stores that may fault, by the page tables as steps have made them. */
const memory: Source = (random, pick) => {
  const at = play(random, pick);
  return pick([
    `mov ${register(pick)}, [${at}]`,
    `mov [${at}], ${register(pick)}`,
    `add ${register(pick)}, [${at}]`,
    `add [${at}], ${register(pick)}`,
    `lock xadd [${at}], ebx`,
    `mov byte [${at}], ${random(256)}\n xchg [${at}], cx`,
    `mov esi, ${at}\n mov edi, ${play(random, pick)}\n mov ecx, ${random(40)}\n rep movsb`,
    `mov edi, ${at}\n mov ecx, ${random(20)}\n rep stosd`,
    `mov esi, ${at}\n mov ecx, 9\n repe scasb\n lodsd`,
    `push dword [${at}]\n pop dword [${play(random, pick)}]`,
    `cmpxchg [${at}], edx`,
    `mov ebx, ${at}\n xlatb`,
  ]);
};

const branches: Source = (random, pick) =>
  pick([
    `mov ecx, ${1 + random(9)}\n.a: add eax, ecx\n ror eax, 3\n loop .a`,
    `test eax, ${immediate(random)}\n j${pick(['z', 'nz', 's', 'p', 'c', 'o', 'l', 'g'])} .a\n inc edx\n.a: dec ebx`,
    `call .f\n jmp .e\n.f: imul eax, eax, 77\n ret\n.e: nop`,
    `mov edx, .t\n jmp edx\n ud2\n.t: inc esi`,
    `push dword .t\n ret\n ud2\n.t: inc edi`,
    `call .f\n.f: pop eax\n and eax, 0xfff`,
    `mov ecx, ${1 + random(4)}\n.a: call .f\n dec ecx\n jnz .a\n jmp .e\n.f: xor ebx, ecx\n ret 0\n.e: nop`,
    `jecxz .a\n inc ecx\n.a: nop`,
  ]);

/** Faults of all kinds, and software interrupts. */
const faults: Source = (_random, pick) =>
  pick([
    'xor ecx, ecx\n div ecx',
    'ud2',
    'int3',
    'mov al, 0x7f\n inc al\n into',
    'int 0x80',
    'int 0x80\n int 0x80',
    'int 0x30',
    'mov eax, [0x7fffff00]',
    'mov [0x7fffff00], eax',
    'jmp 0x7fff0000',
    'mov eax, 5\n bound eax, [bounds]\n mov eax, 50\n bound eax, [bounds]\n jmp .e\n.e: nop',
    'db 0xf0, 0x90',
    'aam 0',
  ]).replaceAll('bounds', '0x62100');

/** Code that writes code: its own next instruction, another function, one in two pages. */
const selfModifying = (stub: string): Source => {
  return (random, pick) =>
    pick([
      `mov dword [${stub} + 1], ${immediate(random)}\n call ${stub}`,
      `mov ecx, 3\n.a: mov byte [${stub} + ${1 + random(4)}], cl\n push ecx\n call ${stub}\n mov eax, ecx\n pop ecx\n loop .a`,
      `mov byte [.n + 1], ${random(256)}\n.n: mov dl, 0`,
      `mov dword [straddling + 1], ${immediate(random)}\n call straddling`,
      `mov word [straddling + 5], ${pick(['0xd129', '0xd131', '0xd101'])}\n call straddling`,
      `mov esi, .s\n mov edi, .d\n mov ecx, 2\n rep movsb\n.d: inc eax\n inc eax\n jmp .e\n.s: dec ebx\n dec ebx\n.e: nop`,
      `call ${stub}\n mov byte [${stub} + 5], 0x29\n call ${stub}\n mov byte [${stub} + 5], 1`,
    ]);
};

const RIGHTS = ['P|W', 'P|W|U', 'P|W|U', 'P', 'P|U', '0', 'P|W|A', 'P|W|U|A|D', 'P|A|D'] as const;
const RELOAD = 'mov eax, cr3\n mov cr3, eax';

/** Page tables, each change with the invalidation that the manual asks for. */
const paging: Source = (random, pick) => {
  const page = FIRST_PAGE + random(PAGES);
  const target = `${hex(0x300 + random(32))}000 | ${pick(RIGHTS)}`;
  return pick([
    `mov dword [TABLE + 4 * ${page}], ${target}\n invlpg [${hex(page << 12)}]`,
    `mov dword [TABLE + 4 * ${page}], ${target}\n invlpg [${hex(page << 12)}]`,
    `mov dword [TABLE2 + 4 * ${page & 0x3ff}], ${target}\n ${RELOAD}`,
    `mov dword [DIRECTORY + 4], ${pick(['TABLE', 'TABLE2'])} | ${pick(RIGHTS)}\n ${RELOAD}`,
    `and dword [TABLE + 4 * ${page}], ~(A | D)\n ${RELOAD}`,
    `add ebx, [TABLE + 4 * ${page}]\n rol ebx, 3`,
    `mov eax, ${pick(['DIRECTORY', 'DIRECTORY2'])}\n mov cr3, eax`,
    `mov eax, cr4\n xor eax, 0x10\n mov cr4, eax`,
    `mov dword [DIRECTORY + 4], 0 | PS | ${pick(RIGHTS)}\n ${RELOAD}`,
    `mov edi, TABLE + 4 * ${FIRST_PAGE}\n mov ecx, ${PAGES}\n mov eax, 0x310000 | P | W | U\n.a: stosd\n add eax, 0x1000\n loop .a\n ${RELOAD}`,
    `mov eax, cr0\n xor eax, 0x10000\n mov cr0, eax\n ${RELOAD}`,
  ]);
};

/** Privileged registers and the interrupt flag, by instructions that trap when deprivileged. */
const system: Source = (random, pick) =>
  pick([
    'cli',
    'sti',
    'sti\n nop\n cli',
    'sti\n mov ecx, 200\n.a: loop .a\n cli',
    'mov al, 0xfe\n out 0x21, al\n sti\n hlt\n cli',
    'cli\n sti\n sti\n nop',
    'mov eax, cr0\n mov ebx, cr4',
    'mov eax, cr2\n mov cr2, eax',
    'mov eax, cr3\n and eax, ~0xfff',
    'clts',
    'mov eax, cr0\n or eax, 8\n mov cr0, eax\n clts',
    'mov ecx, 0x175\n rdmsr\n inc eax\n wrmsr\n rdmsr',
    'mov ecx, 0x9999\n rdmsr',
    'mov eax, dr6\n mov ebx, dr7',
    'lgdt [gdtr]\n lidt [idtr]',
    'wbinvd',
    'mov eax, 0xffffffff\n mov cr0, eax',
    `in al, 0x80\n out 0x80, al`,
    `in al, 0x21\n xor ebx, eax`,
    `mov al, ${random(256)}\n out 0xe9, al`,
    `mov dx, 0x3f8\n mov al, ${32 + random(90)}\n out dx, al`,
    `mov esi, 0x310000\n mov ecx, 5\n mov edx, 0xe9\n rep outsb`,
    'mov edx, 0x80\n mov edi, 0x312000\n mov ecx, 3\n rep insb',
  ]);

/** Loads of data segments that behave alike in every ring. */
const segments: Source = (_random, pick) => {
  const segment = pick(['ds', 'es', 'fs', 'gs']);
  const selector = pick([
    '0',
    'KERNEL_DS',
    'USER_DS',
    '0x3b',
    '0x48',
    '0x53',
    '0x58',
    '0x28',
    '0x1000',
    '0xfff8',
  ]);
  return pick([
    `mov ax, ${selector}\n mov ${segment}, ax\n mov ebx, [${segment}:${pick(['0x310000', '0x62000', '0x10', '0x200', '0x1000'])}]`,
    `mov ax, 0x3b\n mov fs, ax\n mov [fs:0x10], ecx\n mov edx, [fs:0xffe]`,
    `mov ax, 0x53\n mov gs, ax\n mov eax, [gs:0x100]\n mov eax, [gs:0x40]`,
    `mov dword [.p + 4], ${selector}\n les edi, [.p]\n jmp .e\n.p: dd 0x1234, 0\n.e: nop`,
  ]);
};

/** Edits of the descriptor table. */
const descriptors: Source = (random, pick) =>
  pick([
    `mov dword [gdt + 0x70], ${hex((random(0x100) << 16) | random(0x1_0000))}\n mov ax, 0x70\n mov fs, ax\n mov eax, [fs:${hex(random(0x2000))}]`,
    `mov byte [gdt + 0x75], ${pick(['0x92', '0x90', '0x12', '0xf3', '0x98'])}\n mov ax, 0x70\n mov gs, ax`,
    `and byte [gdt + 0x3d], ~1\n mov ax, 0x3b\n mov fs, ax\n mov bl, [gdt + 0x3d]`,
    `mov ax, 0x68\n lldt ax\n mov ax, ${pick(['4', '15', '7', '12'])}\n mov fs, ax\n mov eax, [fs:${pick(['0x10', '0x100000'])}]`,
    'xor eax, eax\n lldt ax\n mov ax, 15\n mov fs, ax',
  ]);

/** Instructions that are sensitive and do not trap. */
const sensitive: Source = (random, pick) =>
  pick([
    'pushf\n pop eax',
    `push dword ${hex((random(0x1000) & 0x0ed7) | 2)}\n popf\n pushf\n pop ebx`,
    'push dword 0x202\n popf\n mov ecx, 100\n.a: loop .a\n cli',
    'push dword 0x3202\n popf\n pushf\n pop edx\n push dword 2\n popf',
    'push dword 0x102\n popf\n inc eax\n inc eax',
    'pushfd\n or dword [esp], 0x200000\n popfd\n pushfd\n pop esi',
    'mov ax, cs\n mov bx, ss\n mov cx, ds',
    'push cs\n pop eax\n push ss\n pop ebx',
    'sgdt [0x62200]\n sidt [0x62210]\n sldt [0x62220]\n str [0x62224]\n smsw [0x62228]',
    'smsw eax\n sldt ebx\n str ecx',
    `mov ecx, ${pick(['KERNEL_CS', 'KERNEL_DS', 'USER_CS', '0x48', '0x60', '0x28', '0x1000', '0x11', '0x30'])}\n lar eax, ecx\n lsl ebx, ecx\n verr cx\n setz dl\n verw cx\n setz dh`,
    'jmp KERNEL_CS:.a\n.a: nop',
    'call KERNEL_CS:.f\n jmp .e\n.f: mov eax, [esp + 4]\n retf\n.e: nop',
    'jmp 0x30:.a\n.a: mov ax, cs\n jmp KERNEL_CS:.b\n.b: nop',
    'jmp 0x40:.a\n.a: mov ax, cs\n jmp KERNEL_CS:.b\n.b: nop',
    'pushf\n push cs\n push dword .a\n iret\n.a: nop',
    'pushf\n or dword [esp], 0x200\n push dword KERNEL_CS\n push dword .a\n iret\n.a: nop\n cli',
    'mov ax, 0x11\n mov ds, ax',
    'push ds\n push es\n pop ds\n pop es',
    'mov ax, KERNEL_DS\n mov ss, ax\n mov esp, STACK',
    'lss esp, [.p]\n jmp .e\n.p: dd STACK, KERNEL_DS\n.e: nop',
    'mov ax, USER_DS\n mov ss, ax',
  ]);

/** What 16-bit code does wherever it runs, without a fault but for a division. */
const shortCode: Source = (random, pick) =>
  pick([
    `add ax, ${random(0x1_0000)}\n rol bx, 3\n sbb cx, ax`,
    `imul ecx, edx, ${random(0x1_0000)}\n movzx esi, cl`,
    'push ax\n push ebx\n pop ecx\n pop dx',
    'pushf\n pop cx\n and cx, 0xed7',
    `push word ${hex((random(0x1000) & 0x0cd7) | 2)}\n popf\n adc dx, 0`,
    'call .f\n jmp .e\n.f: inc dx\n ret\n.e: nop',
    'push word 5\n call .f\n jmp .e\n.f: inc dx\n ret 2\n.e: nop',
    'o32 call .f\n jmp .e\n.f: inc edx\n o32 ret\n.e: nop',
    `mov cx, ${1 + random(9)}\n.a: add ax, cx\n loop .a`,
    `mov ecx, ${1 + random(9)}\n.a: add ax, cx\n a32 loop .a`,
    `test al, ${random(256)}\n jz .a\n inc si\n.a: dec di`,
    'cmp ax, bx\n jg near .a\n not bp\n.a: setc dl',
    'mov ax, cs\n mov bx, ds\n and bx, 0\n mov dx, ss',
    'mov eax, cr0\n smsw bx\n and bx, 7',
    'pusha\n popa',
    'mov ebp, esp\n enter 8, 0\n leave',
    'xchg al, ah\n cbw\n cwd\n das',
  ]);

/** In 16-bit protected mode faults are as elsewhere, and interrupts may come. */
const protected16: Source = (random, pick) =>
  pick([
    () => shortCode(random, pick),
    () => `mov ecx, ${play(random, pick)}\n mov [ecx], ax\n add ebx, [ecx]`,
    () => 'sti\n nop\n mov cx, 100\n.a: loop .a\n cli',
    () => 'mov bx, .t - PROGRAM\n jmp bx\n ud2\n.t: inc si',
    () => 'mov bx, .t - PROGRAM\n call bx\n jmp .e\n.t: inc di\n ret\n.e: nop',
    () => 'xor cx, cx\n div cx',
    () => 'mov bx, 0xffff\n mov ax, [cs:bx]',
    () => 'int3',
    () => 'int 0x80',
    () => `mov esi, 0x310000\n mov edi, 0x311ff0\n mov ecx, ${random(40)}\n a32 rep movsb`,
    () => 'str ax\n sldt bx\n lar ecx, eax',
    () => 'mov byte [cs:0], 1',
  ])();

/** One after the other, with labels of their own. */
export const apart = (parts: readonly string[]) =>
  parts.map((part, index) => part.replace(/\.([a-z])\b/g, `.$1${index}`)).join('\n ');

/** Out of 32-bit code and back. */
const sixteen: Source = (random, pick) => {
  const parts = Array.from({ length: 1 + random(3) }, () => protected16(random, pick));
  return `jmp 0x78:.in - PROGRAM
 bits 16
.in: ${apart(parts)}
 jmp dword KERNEL_CS:.out
 bits 32
.out: nop`;
};

export const DATA_SEGMENTS = ` mov ax, KERNEL_DS
 mov ds, ax
 mov es, ax
 mov fs, ax
 mov gs, ax
 mov ss, ax
 mov esp, STACK`;

/** Out of protected mode and back. Interrupts are off, and nothing faults: there is no vector table. */
const realMode: Source = (random, pick) => {
  const parts = Array.from({ length: 1 + random(3) }, () =>
    random(4) === 0
      ? pick([
          'mov ax, 0x3100\n mov es, ax\n mov fs, ax\n mov [fs:0x10], bx',
          'push ds\n pop gs\n mov cx, gs',
          'sgdt [0x7e00]\n sidt [0x7e10]',
          'jmp 0xffff:.t - 0xffff0\n.t: inc si',
          'call 0xffff:.f - 0xffff0\n jmp .e\n.f: inc di\n retf\n.e: nop',
        ])
      : shortCode(random, pick),
  );
  return `cli
${DATA_SEGMENTS}
 jmp 0x78:.in - PROGRAM
 bits 16
.in: mov eax, cr0
 push eax
 and eax, 0x7ffffffe
 mov cr0, eax
 jmp 0xffff:.real - 0xffff0
.real: ${apart(parts)}
 cli
 pop eax
 mov cr0, eax
 jmp dword KERNEL_CS:.out
 bits 32
.out:
${DATA_SEGMENTS}`;
};

/** What user code does beside what any code does. */
const user: Source = (random, pick) =>
  pick([
    'cli',
    'hlt',
    'mov eax, cr0',
    'in al, 0x80',
    'lgdt [gdtr]',
    'invlpg [0x310000]',
    'mov eax, [0x61004]',
    'mov [TABLE], eax',
    'push dword [STACK - 4]',
    'pushf\n pop eax',
    `push dword ${hex((random(0x1000) & 0x0cd7) | 2)}\n popf\n pushf\n pop ebx`,
    'push dword 0x102\n popf\n inc eax\n inc eax',
    'push dword 0x40002\n popf\n mov eax, [0x310001]',
    'mov ax, KERNEL_DS\n mov ds, ax',
    'mov ax, USER_DS\n mov fs, ax\n mov eax, [fs:0x310000]',
    'call 0x63:0\n inc eax',
    'call 0x63:0\n call 0x63:0',
    'jmp KERNEL_CS:0x100000',
    'push dword USER_CS\n push dword .a\n retf\n.a: inc ebx',
    'iret',
    'mov eax, 1\n int 0x80\n int 0x80\n xor ebx, eax',
    'int 0x20',
    'mov esp, 0x310ffc\n push eax\n push ebx\n int 0x80',
    'sysenter',
    'mov esp, 0x61800\n push eax',
  ]);

interface Group {
  source: Source;
  weight: number;
  ring: Step['ring'];
  /** Sensitive without trapping: trap-and-emulate gets it wrong. */
  sensitive?: boolean;
}

const GROUPS: readonly Group[] = [
  { source: arithmetic, weight: 2, ring: 'kernel' },
  { source: memory, weight: 6, ring: 'kernel' },
  { source: branches, weight: 3, ring: 'kernel' },
  { source: faults, weight: 2, ring: 'kernel' },
  { source: selfModifying('kernel_stub'), weight: 3, ring: 'kernel' },
  { source: paging, weight: 8, ring: 'kernel' },
  { source: system, weight: 5, ring: 'kernel' },
  { source: segments, weight: 2, ring: 'kernel' },
  { source: descriptors, weight: 2, ring: 'kernel' },
  { source: sensitive, weight: 7, ring: 'kernel', sensitive: true },
  { source: sixteen, weight: 3, ring: 'kernel', sensitive: true },
  { source: realMode, weight: 2, ring: 'kernel', sensitive: true },
  { source: arithmetic, weight: 1, ring: 'user' },
  { source: memory, weight: 5, ring: 'user' },
  { source: branches, weight: 2, ring: 'user' },
  { source: faults, weight: 2, ring: 'user' },
  { source: selfModifying('user_stub'), weight: 2, ring: 'user' },
  { source: segments, weight: 1, ring: 'user' },
  { source: user, weight: 6, ring: 'user' },
];

/** A step at random. @param withSensitive may be sensitive and not trap. */
export function randomStep(random: Random, withSensitive: boolean): Step {
  const pick: Pick = (choices) => choices[random(choices.length)];
  const groups = GROUPS.filter((group) => withSensitive || !group.sensitive);
  let left = random(groups.reduce((sum, { weight }) => sum + weight, 0));
  const { source, ring } = groups.find(({ weight }) => (left -= weight) < 0)!;
  const code = ring === 'kernel' ? source(random, pick) : userCode(source, random, pick);
  return ring === 'kernel'
    ? { ring, code }
    : { ring, code, flags: pick([2, 2, 0x202, 0x202, 0x3202, 0x602]) };
}

/** User code does several things before it returns, if it comes so far. */
function userCode(source: Source, random: Random, pick: Pick): string {
  const parts = Array.from({ length: 1 + random(2) }, () => source(random, pick));
  return apart(parts);
}
