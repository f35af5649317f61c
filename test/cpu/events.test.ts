import t from 'tap';
import { FLAG_IF, FLAG_TF } from '../../emulator/arch/flags.js';
import { EAX, EBX, ECX, EDI, ESP } from '../../emulator/arch/registers.js';
import type { Machine } from '../../emulator/machine.js';
import { ORIGIN, balances, bareMachine, tables } from './bare.js';
import { timer } from '../timer.js';

/** Handlers that put their vector into EAX and halt. */
const STOP_IN_HANDLER = tables((vector) => `mov eax, ${vector}\nhlt`);
const LOAD_TABLES = 'lidt [idtr]\nlgdt [gdtr]\n';

function withHandlers(body: string): Machine {
  return bareMachine(`${LOAD_TABLES}${body}\n${STOP_IN_HANDLER}`);
}

t.test('exceptions reach their handlers', async (t) => {
  const rows: [what: string, body: string, vector: number, frame: number[]][] = [
    ['#DE', 'xor ecx, ecx\nhere: div ecx', 0, []],
    ['#UD', 'here: ud2', 6, []],
    ['#GP with a selector', 'mov cx, 0x33\nhere: mov ds, cx', 13, [0x30]],
    ['#BR', 'mov ecx, 9\nhere: bound ecx, [limits]\nlimits: dd 1, 5', 5, []],
    ['int n: the next eip', 'int 0x21\nhere:', 0x21, []],
    ['int3: the next eip', 'int3\nhere:', 3, []],
    ['gate beyond the IDT limit', 'here: int 0x80', 13, [0x80 * 8 + 2]],
  ];
  for (const [what, body, vector, code] of rows) {
    const machine = withHandlers(`jmp start\ndd here\nstart:\n${body}`);
    const here = machine.memory.read32(ORIGIN + 14 + 2);
    t.equal(machine.run().kind, 'halted', what);
    t.equal(machine.cpu.gpr(EAX), vector, what);
    const frame = [0, 4].map((offset) => machine.memory.read32(machine.cpu.gpr(ESP) + offset));
    t.same(frame, [...code, here, 8].slice(0, 2), `${what}: error code and eip pushed`);
    t.ok(balances(machine), 'the accounts sum to the clock');
  }
});

t.test('triple fault names the chain', async (t) => {
  const stop = bareMachine('lidt [none]\nud2\nnone: dw 0\ndd 0').run();
  t.same(stop, {
    kind: 'tripleFault',
    chain: ['#UD', '#GP(0x33)', '#DF(0x0)', '#GP(0x43)'],
    eip: ORIGIN + 7,
  });
});

t.test(
  'an alignment check that cannot be delivered for an alignment check ends the machine, in no time',
  async (t) => {
    // In ring 3, whose own handlers are given by the gates; the stack is misaligned and alignment is checked.
    const machine = bareMachine(`
        lgdt [gdtr]
        lidt [idtr]
        mov eax, cr0
        or eax, 0x40000
        mov cr0, eax
        push dword 0x23
        push dword 0x80001
        push dword 0x40002
        push dword 0x1b
        push dword user
        iret
user:   push eax
        align 8
idt:    times 17 dq 0
        dw user - $$, 0x1b, 0xee00, 0x10
idtr:   dw 18 * 8 - 1
        dd idt
gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff
gdtr:   dw gdtr - gdt - 1
        dd gdt
`);
    t.match(machine.run({ instructions: 1000 }), { kind: 'tripleFault', chain: ['#AC(0x0)'] });
    t.ok(balances(machine), 'the accounts sum to the clock');
  },
);

/** Waits for IRQ 0 of the timer at a rate of some 0.5 ms; the handler counts in EDI. */
const TIMER = `
        ${timer(0x250)}
`;
const COUNT_TICKS = `
${tables(() => 'jmp count')}
count:  inc edi
        push eax
        mov al, 0x20
        out 0x20, al
        pop eax
        iret
`;

t.test('hlt waits for the timer, and the wait is idle time', async (t) => {
  const machine = bareMachine(
    `${LOAD_TABLES}${TIMER}again: sti\nhlt\ncli\ncmp edi, 5\njb again\nhlt\n${COUNT_TICKS}`,
  );
  t.same(machine.run(), { kind: 'halted' });
  t.equal(machine.cpu.gpr(EDI), 5);
  t.ok(machine.ledger.accounts().idle > machine.ledger.accounts().guest);
  t.ok(balances(machine));
});

t.test('hlt that nothing can end', async (t) => {
  t.same(bareMachine('hlt').run(), { kind: 'halted' }, 'interrupts off');
  t.same(bareMachine('sti\nhlt').run(), { kind: 'halted' }, 'no deadline');
});

t.test('interrupts are taken where rule 5 says, and nowhere else', async (t) => {
  /** ECX counts the instructions executed before the interrupt is taken. */
  const rows: [what: string, body: string, ecx: number][] = [
    ['straight line: not before the branch', 'inc ecx\ninc ecx\njmp next\nnext: inc ecx\nhlt', 2],
    ['a branch not taken', 'inc ecx\ntest ecx, ecx\njz next\nnext: inc ecx\nhlt', 1],
    [
      'in and out are no poll points',
      'in al, 0x80\ninc ecx\nout 0x80, al\ninc ecx\ncall next\nnext: inc ecx\nhlt',
      2,
    ],
    ['popf', 'pushf\ninc ecx\npopf\ninc ecx\nhlt', 1],
    ['sti with IF set', 'inc ecx\nsti\ninc ecx\nhlt', 1],
    ['sti with IF clear: after the next instruction', 'cli\ninc ecx\nsti\ninc ecx\ninc ecx\nhlt', 2],
    ['mov ss: after the next instruction', 'mov ax, ss\nmov ss, ax\ninc ecx\ninc ecx\nhlt', 1],
    ['the shadow covers a branch', 'cli\nsti\njmp next\nnext: inc ecx\nhlt', 0],
    ['a page crossing', 'jmp near line\nalign 4096\ntimes 4095 nop\nline: inc ecx\ninc ecx\nhlt', 0],
  ];
  for (const [what, body, ecx] of rows) {
    const machine = withHandlers(`mov ecx, 0\nhlt\n${body}`);
    machine.run();
    machine.cpu.halted = false;
    machine.cpu.eflags |= FLAG_IF;
    machine.cpu.interruptLine = true;
    t.equal(machine.run().kind, 'halted', what);
    t.equal(machine.cpu.gpr(ECX), ecx, what);
    t.equal(machine.cpu.eflags & FLAG_IF, 0, `${what}: in the handler`);
  }
});

t.test('between the iterations of a repeated string instruction', async (t) => {
  const machine = withHandlers('hlt\nmov ecx, 100\nmov edi, 0x200000\ninstruction: rep stosd\nhlt');
  machine.run();
  machine.cpu.halted = false;
  machine.cpu.eflags |= FLAG_IF;
  machine.cpu.interruptLine = true;
  machine.run();
  t.equal(machine.cpu.gpr(ECX), 99, 'after the first');
  t.equal(machine.cpu.gpr(EDI), 0x200004);
  t.equal(
    machine.memory.read8(machine.memory.read32(machine.cpu.gpr(ESP))),
    0xf3,
    'eip is that of the instruction',
  );
});

t.test('single step: #DB after each instruction while TF is set', async (t) => {
  const machine = bareMachine(
    `${LOAD_TABLES}pushf\nor dword [esp], ${FLAG_TF}\npopf\nnop\nnop\ninc ebx\npushf\nand dword [esp], ${~FLAG_TF}\npopf\nnop\nhlt\n${COUNT_TICKS}`,
  );
  t.same(machine.run(), { kind: 'halted' });
  t.equal(machine.cpu.gpr(EBX), 1);
  t.equal(machine.cpu.gpr(EDI), 6, 'nop nop inc pushf and popf');
});

t.test('code that writes itself', async (t) => {
  const rows: [what: string, body: string, eax: number][] = [
    ['the next instruction', 'mov byte [next + 1], 7\nnext: mov eax, 1\nhlt', 7],
    ['the instruction after the next', 'mov byte [next + 1], 7\nnop\nnext: mov eax, 1\nhlt', 7],
    ['one that has run before', 'call f\nmov byte [f + 1], 9\ncall f\nhlt\nf: mov eax, 1\nret', 9],
    ['by a string instruction', 'mov edi, next + 1\nmov al, 5\nstosb\nnext: mov eax, 1\nhlt', 5],
    ['data next to code', 'mov dword [data], 3\nmov eax, [data]\nhlt\ndata: dd 0', 3],
  ];
  for (const [what, body, eax] of rows) {
    const machine = bareMachine(body);
    t.equal(machine.run().kind, 'halted', what);
    t.equal(machine.cpu.gpr(EAX), eax, what);
    t.ok(balances(machine), what);
  }
});

t.test('an instruction in two pages', async (t) => {
  const at = (distance: number, body: string): string =>
    `jmp near page\nalign 4096\ntimes ${4096 - distance} nop\npage: ${body}`;
  const rows: [what: string, body: string, eax: number][] = [
    [
      'each way to divide it',
      [1, 2, 3, 4].map((bytes) => at(bytes, 'mov ebx, 0x12345678\nadd eax, ebx')).join('\n') + '\nhlt',
      Math.imul(4, 0x12345678) >>> 0,
    ],
    [
      'its second part rewritten between two executions',
      at(1, 'mov ebx, 5\nadd eax, ebx\nmov byte [page + 1], 7\ninc ecx\ncmp ecx, 2\njb page\nhlt'),
      12,
    ],
    [
      'its first part rewritten into an instruction of its own',
      at(
        1,
        'mov ebx, 5\nadd eax, ebx\nmov byte [page], 0x90\nmov dword [page + 1], 0x90909090\ninc ecx\ncmp ecx, 2\njb page\nhlt',
      ),
      10,
    ],
  ];
  for (const [what, body, eax] of rows) {
    const source = body.replace(
      /page/g,
      (_, offset: number) => `page${body.slice(0, offset).split('jmp near').length - 1}`,
    );
    const machine = bareMachine(source);
    t.equal(machine.run({ instructions: 100_000 }).kind, 'halted', what);
    t.equal(machine.cpu.gpr(EAX), eax, what);
    t.ok(balances(machine), what);
  }
});
