import t from 'tap';
import { displaySymbol } from '../../kernel/session/display.js';
import { asm, guest, machine } from '../../kernel/session/index.js';

const COUNT = asm`
        mov ecx, 3
again:  dec ecx
        jnz again
        mov dword [0x200000], ecx
        hlt
`;

t.test('a cell steps forward and back', async (t) => {
  const vm = machine({ memoryBytes: 4 << 20 });
  t.match(String(vm.load(COUNT)), /mov ecx,0x3/);
  t.match(vm.step(2), { position: 2 });
  t.match(String(vm.registers), /ecx +0x00000002/);
  t.match(vm.stepBack(), { position: 1 });
  t.match(String(vm.registers), /ecx +0x00000003/);
  t.match(String(vm.disassemble()), /→ +0x00100005 +again .*dec ecx/);
  t.match(String(vm.disassemble('again', 2)), /jne again/);
});

t.test('a finished run can be gone back through', async (t) => {
  const vm = machine({ memoryBytes: 4 << 20 });
  await vm.run(COUNT);
  const end = 1 + 3 * 2 + 2;
  t.match(vm.stepBack(1), { position: end - 1 });
  t.match(vm.step(1), { position: end });
});

t.test('a run stops at a breakpoint, and goes on from it', async (t) => {
  const vm = machine({ technique: 'svm-shadow', memoryBytes: 4 << 20 });
  const id = vm.breakOn({ exit: 'IOIO_OUT' });
  await vm.run(guest('first-exits'));
  t.match(vm.step(0), { why: /asked for/ });
  t.match(vm.continue(), { why: /exit IOIO_OUT of the guest at eip 0x/ });
  vm.removeBreakpoint(id);
  t.match(vm.continue(), { stop: { kind: 'exit' } });
  t.throws(() => vm.breakOn({ exit: 'NONE' as 'HLT' }), { name: 'RangeError' });
});

t.test('what there is to see', async (t) => {
  const vm = machine({ memoryBytes: 8 << 20 });
  await vm.run(guest('page-faults'));
  t.match(String(vm.descriptors), /GDT +0x00000008 +code +0 +yes/);
  t.match(String(vm.descriptors), /IDT +0x0000000e +32-bit/);
  t.match(String(vm.tlb), /TLB entries/);
  t.match(String(vm.pageTable(0x100000)), /paging: physical 0x100000/);
  for (const name of ['nowhere', 'toString']) {
    t.throws(() => vm.pageTable(name), { message: new RegExp(`no label '${name}'`) });
    t.throws(() => machine().addressOf(name), { message: /it has none: give an address/ });
  }
  t.equal(vm.trace[displaySymbol]()['text/plain'], String(vm.trace.last(50)));
  t.match(String(vm.trace.last(1e9)), `last ${vm.trace.events.length} events`);
  t.throws(() => vm.pageTables(0x2000, 0x1000), {
    name: 'RangeError',
    message: /an end above the beginning/,
  });
  for (const count of [-1, 0.5, NaN, Infinity])
    t.throws(() => vm.disassemble(0, count), {
      name: 'RangeError',
      message: /expected a whole number from 0/,
    });
  const off = machine({ memoryBytes: 4 << 20 });
  await off.run(COUNT);
  t.match(String(off.pageTable(0)), /paging is off/);
});
