import t from 'tap';
import { PAGE_BYTES } from '../../emulator/arch/paging.js';
import { EAX, ECX } from '../../emulator/arch/registers.js';
import { ORIGIN, bareMachine } from './bare.js';

const ENTRY_PAGE = 0x300;

t.test('every event stops with a trap, nothing pushed', async (t) => {
  const rows: [what: string, source: string, event: object, instructions: number, offset: number][] = [
    ['fault: at the instruction', 'nop\nud2', { vector: 6, kind: 'exception', errorCode: null }, 1, 1],
    ['privileged instruction', 'nop\nhlt', { vector: 13, kind: 'exception', errorCode: 0 }, 1, 1],
    ['int n: behind the instruction', 'nop\nint 0x80', { vector: 0x80, kind: 'int', errorCode: null }, 2, 3],
    ['int3', 'int3', { vector: 3, kind: 'int3', errorCode: null }, 1, 1],
  ];
  for (const [what, source, event, instructions, offset] of rows) {
    const machine = bareMachine(source);
    const { cpu } = machine;
    cpu.cpl = 1;
    const { esp } = machine.state().gprs;
    t.match(machine.runMonitored(ENTRY_PAGE), { kind: 'trap', event }, what);
    t.equal(cpu.eip, ORIGIN + offset, what);
    t.equal(cpu.instructions, instructions, what);
    t.equal(machine.state().gprs.esp, esp, what);
    t.equal(machine.ledger.snapshot().transition['trap.enter'], 1, what);
  }
});

t.test('a physical interrupt traps whatever IF is, and the line stays up', async (t) => {
  const machine = bareMachine('inc ecx\njmp next\nnext: inc ecx\njmp $');
  machine.cpu.interruptLine = true;
  t.match(machine.runMonitored(ENTRY_PAGE), { kind: 'trap', event: { kind: 'external' } });
  t.equal(machine.cpu.gpr(ECX), 1);
  t.ok(machine.cpu.interruptLine);
});

t.test('a transfer into the entry page stops there', async (t) => {
  const machine = bareMachine(`mov eax, 5\njmp ${ENTRY_PAGE * PAGE_BYTES + 0x24}`);
  t.same(machine.runMonitored(ENTRY_PAGE), { kind: 'entry', offset: 0x24 });
  t.same(
    machine.runMonitored(ENTRY_PAGE),
    { kind: 'entry', offset: 0x24 },
    'and again, until the monitor moves eip',
  );
  t.equal(machine.cpu.gpr(EAX), 5);
  t.equal(machine.ledger.accounts().transition, 0, 'at no charge');
});

t.test('a virtual machine: a window of memory, the host clock, no cost', async (t) => {
  const host = bareMachine('nop');
  const guest = host.virtualMachine(0x10_0000, 0x10_0000);
  guest.memory.write32(0, 0x1234);
  t.equal(host.memory.read32(0x10_0000), 0x1234);
  host.memory.writeBytes(0x10_0000, Uint8Array.from([0x0f, 0x31, 0xf4]));
  guest.resetFlat(0);
  host.ledger.charge('vmm', 'idle', 12345);
  const before = host.ledger.ticks;
  t.same(guest.cpu.step(), { kind: 'done' });
  t.equal(guest.cpu.gpr(EAX), host.ledger.cycles, 'rdtsc reads the host clock');
  t.same(guest.cpu.step(), { kind: 'halted' });
  t.equal(host.ledger.ticks, before);
  t.equal(guest.cpu.instructions, 2);
});

t.test('step: one instruction, as the bytes are now', async (t) => {
  const machine = bareMachine('inc eax\njmp $-1');
  machine.run({ instructions: 10 });
  machine.cpu.eip = ORIGIN;
  machine.memory.u8[ORIGIN] = 0x48;
  t.same(machine.cpu.step(), { kind: 'done' });
  t.equal(machine.cpu.gpr(EAX), 4, 'dec in place of inc, though nobody was told');
});

t.test('step and deliver say what became of an event', async (t) => {
  const rows: [what: string, source: string, result: object][] = [
    ['int n', 'int 0x20', { kind: 'delivered', event: { vector: 0x20, kind: 'int' } }],
    ['a fault', 'ud2', { kind: 'delivered', event: { vector: 6, kind: 'exception' } }],
  ];
  const tables = (source: string) => `${source}\nlimit: dw 0x1ff\ndd gates\ngdtr: dw 31\ndd gdt
    gdt: dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
    gates: times 64 dd 0x00080000, 0x00108e00`;
  for (const [what, source, result] of rows) {
    const machine = bareMachine(`lidt [limit]\nlgdt [gdtr]\n${tables(source)}`);
    machine.cpu.step();
    machine.cpu.step();
    t.match(machine.cpu.step(), result, what);
  }
  const bare = bareMachine('ud2');
  bare.cpu.idtr = { base: 0, limit: 0 };
  t.match(bare.cpu.step(), { kind: 'shutdown', chain: ['#UD', '#GP(0x33)', '#DF(0x0)', '#GP(0x43)'] });
});
