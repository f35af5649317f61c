import { generator, tables } from '../bare.js';

/** Pages from here on are random data; every fourth of them is absent until the first fault. */
const DATA = 0x300000;
const TABLE = 0x201000;
const ROUNDS = 150;

/** Software interrupts that programs use. */
const SERVICE = 0x20;
const UNMAP = 0x21;
const END = 0x22;
const EDIT = 0x23;
/** Vector of the first interrupt line. */
const TIMER = 0x28;
const HANDLERS: Readonly<Record<number, string>> = {
  14: 'jmp page_fault',
  [SERVICE]: 'jmp service',
  [UNMAP]: 'jmp unmap',
  [END]: 'cli\nhlt',
  [EDIT]: 'jmp edit',
  [TIMER]: 'jmp timer',
};

/** Interrupt controllers, and the timer every so many of its cycles. */
function startTimer(reload: number): string {
  const writes = [
    [0x20, 0x11],
    [0x21, TIMER],
    [0x21, 4],
    [0x21, 1],
    [0x21, 0xfe],
    [0x43, 0x34],
    [0x40, reload],
    [0x40, 0],
  ];
  return `${writes.map(([port, value]) => `mov al, ${value}\nout ${port}, al`).join('\n')}\nsti`;
}

/** To the instruction behind it, in ring 3; the machine's task-state segment is at 0. */
const ENTER_USER = `
        mov ax, 0x23
        mov ds, ax
        mov es, ax
        push dword 0x23
        push dword 0x90000
        push dword 0x202
        push dword 0x1b
        push dword user
        iret
user:`;

const WIDE = ['eax', 'ebx', 'ecx', 'edx', 'edi'];
const WORDS = ['ax', 'bx', 'cx', 'dx', 'di'];
const BYTES = ['al', 'ah', 'bl', 'bh', 'cl', 'ch', 'dl', 'dh'];
const CONDITIONS = ['o', 'no', 'b', 'ae', 'e', 'ne', 'be', 'a', 's', 'ns', 'p', 'np', 'l', 'ge', 'le', 'g'];
const BINARY = ['add', 'or', 'adc', 'sbb', 'and', 'sub', 'xor', 'cmp', 'test', 'mov'];
const UNARY = ['inc', 'dec', 'neg', 'not'];
const SHIFTS = ['shl', 'shr', 'sar', 'rol', 'ror', 'rcl', 'rcr'];

const NAMES: Readonly<Record<number, readonly string[]>> = { 1: BYTES, 2: WORDS, 4: WIDE };
const SIZES: Readonly<Record<number, string>> = { 1: 'byte', 2: 'word', 4: 'dword' };

/** Random programs of what compiled code holds and of what makes it leave: faults, split accesses, stores to its own page. */
export class ProgramSource {
  private readonly next: () => number;
  private labels = 0;
  /** It changes its own instructions. */
  private readonly changesItself: boolean;
  /** Its rounds run in ring 3. */
  private readonly inUserMode: boolean;
  /** What it calls, by whatever way, lies on pages of its own. */
  private readonly isSpread: boolean;

  constructor(seed: number) {
    this.next = generator(seed);
    this.changesItself = this.oneIn(5);
    this.inUserMode = this.oneIn(2);
    this.isSpread = this.oneIn(2);
  }

  /** Source for `bareMachine`, ended by HLT with interrupts off. */
  program(): string {
    const page = this.isSpread ? 'align 4096' : '';
    const blocks = Array.from({ length: 3 + this.below(6) }, (_, number) => this.block(number));
    return `
        mov esp, 0x90000
        lgdt [gdtr]
        lidt [idtr]
        mov edi, ${TABLE}
        mov eax, 7
.map:   mov [edi], eax
        add edi, 4
        add eax, 0x1000
        cmp edi, ${TABLE + 0x1000}
        jb .map
${[0, 4, 8, 12].map((page) => `and dword [${TABLE + (DATA >> 12) * 4 + page * 4}], ~1`).join('\n')}
        mov dword [0x200000], ${TABLE + 7}
        mov eax, 0x200000
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80010000
        mov cr0, eax
        mov dword [4], 0x8f000
        mov dword [8], 0x10
        mov dword [counter], ${ROUNDS}
${this.oneIn(2) ? startTimer(2 + this.below(12)) : ''}
${this.inUserMode ? ENTER_USER : ''}
        mov esi, ${DATA}
${WIDE.map((register) => `mov ${register}, ${this.next()}`).join('\n')}
        mov ebp, ${this.below(0x1000)}
round:
${blocks.join('\n')}
        int ${UNMAP}
        int ${EDIT}
        dec dword [counter]
        jnz near round
        int ${END}
${page}
unmap:  and dword [${TABLE + (DATA >> 12) * 4}], ~1
        invlpg [${DATA}]
        iret
edit:   push ecx
        mov ecx, [counter]
        and ecx, 7
        ${this.oneIn(2) ? '' : `xor dword [${TABLE + (DATA >> 12) * 4} + ecx * 4], ${this.pick([0x1000, 0x2000])}`}
        and dword [${TABLE + (DATA >> 12) * 4 + 4} + ecx * 4], ~${this.pick([1, 2, 4, 0x20, 0x40])}
        ${this.oneIn(3) ? '' : `shl ecx, 12\ninvlpg [${DATA + 0x1000} + ecx]`}
        ${this.oneIn(3) ? 'invlpg [edit]' : ''}
        pop ecx
        iret
timer:  push eax
        inc dword [fixed + 4]
        mov al, 0x20
        out 0x20, al
        pop eax
        iret
${page}
service:
        inc dword [fixed]
        ${this.straight()}
        iret
${page}
function:
        push ebx
        ${this.straight()}
        pop ebx
        ret ${this.oneIn(3) ? '4' : ''}
align 16
counter: dd 0
fixed:  dd 0, 0
spare:  times 17 dd 0x12345678
${page}
page_fault:
        push eax
        mov eax, [esp + 4]
        rol dword [fixed], 3
        xor [fixed], eax
        mov eax, cr2
        xor [fixed], eax
        shr eax, 12
        or dword [${TABLE} + eax * 4], 7
        pop eax
        add esp, 4
        iret
${tables((vector) => HANDLERS[vector] ?? 'iret')}`;
  }

  private below(limit: number): number {
    return this.next() % limit;
  }

  private oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  private pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)];
  }

  private block(number: number): string {
    const lines = Array.from({ length: 1 + this.below(10) }, () => this.instruction());
    const label = `block${number}_end`;
    switch (this.below(8)) {
      case 0:
        lines.push('push eax', 'call function', 'mov esp, 0x90000');
        break;
      case 1:
        lines.push('and ecx, 7', 'inc ecx', `.again${number}:`, this.straight(), `loop .again${number}`);
        break;
      case 2:
        lines.push(`mov edi, ${label}`, 'jmp edi');
        break;
      case 3:
        lines.push(`jecxz ${label}`, this.straight());
        break;
      default:
        lines.push(`j${this.pick(CONDITIONS)} near ${label}`, this.straight());
    }
    return `${lines.join('\n')}\n${label}:`;
  }

  /** Leaves ECX alone. */
  private straight(): string {
    return `${this.pick(['add', 'xor', 'cmp', 'sbb'])} ${this.pick(['eax', 'ebx', 'edx'])}, ${this.pick(WIDE)}`;
  }

  private memory(bytes: number): string {
    const size = SIZES[bytes];
    switch (this.below(4)) {
      case 0:
        return `${size} [esi + ${this.below(0x10000)}]`;
      case 1:
        return `${size} [${DATA + this.below(0x4000)}]`;
      case 2:
        return `${size} [spare + ${this.below(64)}]`;
      default:
        return `${size} [esi + ebp * ${this.pick([1, 2, 4, 8])} + ${this.below(0x2000)}]`;
    }
  }

  private register(bytes: number): string {
    return this.pick(NAMES[bytes]);
  }

  private place(bytes: number): string {
    return this.oneIn(3) ? this.memory(bytes) : this.register(bytes);
  }

  private immediate(bytes: number): string {
    const value = this.oneIn(3) ? this.below(4) : this.next();
    return String(bytes === 1 ? value & 0xff : bytes === 2 ? value & 0xffff : value);
  }

  private instruction(): string {
    const bytes = this.pick([1, 2, 4, 4, 4, 4]);
    const wide = this.pick(WIDE);
    switch (this.below(20)) {
      case 0:
      case 1:
      case 2:
        return `${this.pick(BINARY)} ${this.place(bytes)}, ${this.register(bytes)}`;
      case 3:
      case 4:
        return `${this.pick(BINARY.filter((name) => name !== 'test'))} ${this.register(bytes)}, ${this.memory(bytes)}`;
      case 5:
        return `${this.pick(BINARY)} ${this.place(bytes)}, ${this.immediate(bytes)}`;
      case 6:
        return `${this.pick(UNARY)} ${this.place(bytes)}`;
      case 7:
        return `${this.pick(SHIFTS)} ${this.place(bytes)}, ${this.oneIn(4) ? 'cl' : this.below(34)}`;
      case 8:
        return `set${this.pick(CONDITIONS)} ${this.place(1)}`;
      case 9:
        return `cmov${this.pick(CONDITIONS)} ${wide}, ${this.place(4)}`;
      case 10:
        return `imul ${wide}, ${this.place(4)}${this.oneIn(2) ? `, ${this.immediate(4)}` : ''}`;
      case 11:
        return `${this.pick(['mul', 'imul'])} ${this.place(bytes)}`;
      case 12:
        return `or ebx, 1\nxor edx, edx\n${this.pick(['div', 'idiv'])} ebx`;
      case 13:
        return `${this.pick(['movzx', 'movsx'])} ${wide}, ${this.place(this.pick([1, 2]))}`;
      case 14:
        return this.pick([
          `lea ${wide}, [esi + ebx * 4 + ${this.below(999)}]`,
          'cdq',
          'cwde',
          'cbw',
          'cwd',
          `bswap ${wide}`,
        ]);
      case 15:
        return `and ebp, ${this.pick([0x3ff, 0xfff, 0x7ff])}\n${this.pick(['bsf', 'bsr'])} ${wide}, ${this.place(4)}`;
      case 16:
        if (this.oneIn(3)) return `int ${SERVICE}`;
        return `${this.pick(['bt', 'bts', 'btr', 'btc'])} ${this.oneIn(2) ? `${wide}, ${this.pick(WIDE)}` : `${this.place(4)}, ${this.below(40)}`}`;
      case 17:
        return this.pick([
          `xchg ${this.place(bytes)}, ${this.register(bytes)}`,
          `xchg eax, ${wide}`,
          'pushfd\npop eax',
          'clc',
          'cmc',
          'lahf',
        ]);
      case 18:
        return `push ${wide}\npush ${this.immediate(4)}\npop ${this.pick(WIDE)}\npop ebp\nand ebp, 0xffc`;
      default: {
        // An instruction that the program itself changes.
        const label = `own${this.labels++}`;
        return this.changesItself && this.oneIn(4)
          ? `inc byte [${label} + 1]\n${label}: mov eax, ${this.next()}`
          : 'nop';
      }
    }
  }
}
