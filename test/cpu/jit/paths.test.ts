import t from 'tap';
import { tables } from '../bare.js';
import { compareEngines, profileWith } from './compare.js';

/** The page table of the first 4 MB, and entries in it. */
const TABLE = 0x201000;
const entry = (linear: number): number => TABLE + (linear >>> 12) * 4;
/** A page that is there to be mapped and unmapped. */
const WINDOW = 0x300000;
const KERNEL_STACK = 0x8f000;
const END = 0x2e;
const ROUNDS = 400;

interface Case {
  what: string;
  /** One round of ROUNDS; EBP counts them. Runs in ring 3 with `user`, else in ring 0. */
  round: string;
  /** Handlers by vector; what is not given ends the run. */
  handlers: Readonly<Record<number, string>>;
  /** Elsewhere, after the code. */
  more?: string;
  user?: true;
  /** Events that have to have happened, by cost key. */
  happened: Readonly<Record<string, number>>;
  /** The program has fewer TLB entries than pages. */
  tlbEntries?: number;
}

const REPAIR = `or dword [${entry(WINDOW)}], 7\nadd esp, 4\niret`;
const UNMAP = `and dword [${entry(WINDOW)}], ~1\ninvlpg [${WINDOW}]`;

const CASES: readonly Case[] = [
  {
    what: 'a page fault in the middle of a block, in ring 0',
    round: `${UNMAP}\nadd eax, 3\nadd [${WINDOW}], eax\nsbb edx, eax`,
    handlers: { 14: REPAIR },
    happened: { 'page.fault': 400 },
  },
  {
    what: 'a page fault in ring 3, its handler on another page',
    round: `add eax, 3\nadd [${WINDOW}], eax\nadc edx, eax\nint 0x20`,
    handlers: { 14: 'jmp repair', 0x20: 'jmp unmap' },
    more: `align 4096\nrepair: ${REPAIR}\nunmap: ${UNMAP}\niret`,
    user: true,
    happened: { 'page.fault': 399 },
  },
  {
    what: 'the same with a TLB that does not hold them all',
    round: `add eax, 3\nadd [${WINDOW}], eax\nmov [${WINDOW + 0x1000}], edx\nadd ecx, [${WINDOW + 0x4000}]\nint 0x20`,
    handlers: { 14: 'jmp repair', 0x20: 'jmp unmap' },
    more: `align 4096\nrepair: ${REPAIR}\nunmap: ${UNMAP}\niret`,
    user: true,
    happened: { 'page.fault': 399 },
    tlbEntries: 4,
  },
  {
    what: 'error codes and CR2: reads and writes of what is not there, read-only, the kernel alone',
    round: `
        mov ecx, ebp
        and ecx, 3
        mov eax, [.masks + ecx * 4]
        int 0x20
        test ebp, 4
        jz .read
        mov [${WINDOW + 8}], ebp
.read:  add edx, [${WINDOW + 12}]
        jmp .done
        align 4
.masks: dd ~1, ~2, ~4, ~6
.done:`,
    handlers: {
      14: 'jmp note',
      0x20: `and [${entry(WINDOW)}], eax\ninvlpg [${WINDOW}]\niret`,
    },
    more: `
note:   push eax
        mov eax, [esp + 4]
        rol dword [noted], 5
        xor [noted], eax
        mov eax, cr2
        add [noted], eax
        pop eax
        ${REPAIR}
noted:  dd 0`,
    user: true,
    happened: { 'page.fault': 300 },
  },
  {
    what: 'INVLPG of the running page',
    round: 'add eax, 5\ninvlpg [round]\nadc edx, eax',
    handlers: {},
    happened: { invlpg: 400 },
  },
  {
    what: 'a page of code that is another one since, and one that puts another in its own place',
    round: `
        mov ecx, ebp
        and ecx, 1
        mov ecx, [.frames + ecx * 4]
        mov edi, first
        shr edi, 12
        call first
        jmp .done
        align 4
.frames: dd first + 7, second + 7
.done:`,
    handlers: {},
    more: ['first', 'second']
      .map(
        (name, at) =>
          `align 4096\n${name}: mov [${TABLE} + edi * 4], ecx\ninvlpg [first]\nadd eax, ${at + 1}\nret`,
      )
      .join('\n'),
    happened: { invlpg: 400 },
  },
  {
    what: 'INVLPG in ring 3 is a general protection fault',
    round: `add eax, 5\ninvlpg [${WINDOW}]\nadc edx, eax`,
    handlers: { 13: 'add dword [esp + 4], 7\nadd esp, 4\niret' },
    user: true,
    happened: { exception: 400 },
  },
  {
    what: 'a page fault whose gate is not present is a double fault',
    round: `
        test ebp, 7
        jnz .go
        and byte [idt + 14 * 8 + 5], 0x7f
.go:    ${UNMAP}
        add [${WINDOW}], ebp`,
    handlers: { 8: 'or byte [idt + 14 * 8 + 5], 0x80\nadd esp, 4\niret', 14: REPAIR },
    happened: { 'page.fault': 400, exception: 50 },
  },
  {
    what: 'a page fault whose delivery finds the stack away is a triple fault',
    round: `
        cmp ebp, 100
        jne .go
        mov esp, ${WINDOW + 0x100}
.go:    ${UNMAP}
        add [${WINDOW}], ebp`,
    handlers: { 14: REPAIR },
    happened: { 'page.fault': 300, exception: 1 },
  },
  {
    what: 'INT n in ring 0',
    round: 'add eax, 7\nint 0x20\nrcl edx, 1',
    handlers: { 0x20: 'add eax, ebp\niret' },
    happened: { 'software.interrupt': 400 },
  },
  {
    what: 'page tables edited between, without INVLPG: what the TLB holds goes on to be used',
    round: `
        xor dword [${entry(WINDOW)}], 0x3000
        add [${WINDOW}], ebp
        test ebp, 7
        jnz .keep
        invlpg [${WINDOW}]
.keep:  add eax, [${WINDOW}]`,
    handlers: {},
    happened: {},
  },
  {
    what: 'accessed and dirty bits taken away',
    round: `
        and dword [${entry(WINDOW)}], ~0x60
        invlpg [${WINDOW}]
        mov eax, [${WINDOW}]
        add edx, [${entry(WINDOW)}]
        mov [${WINDOW}], ebp
        xor edx, [${entry(WINDOW)}]`,
    handlers: {},
    happened: { invlpg: 400 },
  },
];

function program({ round, handlers, more = '', user }: Case): string {
  const enterUser = `
        mov ax, 0x23
        mov ds, ax
        mov es, ax
        push dword 0x23
        push dword 0x80000
        push dword 0x202
        push dword 0x1b
        push dword begin
        iret`;
  return `
        mov esp, ${KERNEL_STACK}
        lgdt [gdtr]
        lidt [idtr]
        mov edi, ${TABLE}
        mov eax, 7
.map:   mov [edi], eax
        add edi, 4
        add eax, 0x1000
        cmp edi, ${TABLE + 0x1000}
        jb .map
        mov dword [0x200000], ${TABLE + 7}
        mov eax, 0x200000
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80010000
        mov cr0, eax
        mov dword [4], ${KERNEL_STACK}
        mov dword [8], 0x10
        mov ebp, ${ROUNDS}
        ${user ? enterUser : ''}
begin:  jmp round
        align 4096
round:  ${round}
        dec ebp
        jnz near round
        int ${END}
${more}
        align 4096
${tables((vector) => handlers[vector] ?? 'cli\nhlt')}`;
}

for (const row of CASES) {
  t.test(row.what, async (t) => {
    const profile = profileWith(row.tlbEntries ?? null);
    const { ledger } = compareEngines(t, 'both engines', program(row), { profile });
    const { guest } = ledger.snapshot() as { guest: Readonly<Record<string, number>> };
    for (const [key, least] of Object.entries(row.happened))
      t.ok((guest[key] ?? 0) >= least, `${key}: ${guest[key]}`);
  });
}
