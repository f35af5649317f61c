import t from 'tap';
import { CR0_PG, CR4_PAE, CR4_PSE, EFER_NXE } from '../../emulator/arch/control.js';
import { PTE_A, PTE_D, PTE_P, PTE_PS, PTE_U, PTE_W } from '../../emulator/arch/paging.js';
import type { Machine } from '../../emulator/machine.js';
import { bareMachine, everything } from './bare.js';

// What the suite `pae` of test/conformance/oracle leaves out: its oracles have no such memory, or do not check it.

const POINTERS = 0x20_0000;
const DIRECTORY = 0x20_1000;
const TABLE = 0x20_2000;
/** Linear addresses: of page 0 of TABLE, and of what a 2 MB entry maps. */
const WINDOW = 0x40_0000;
const FRAME = 0x30_0000;
const RW = PTE_P | PTE_W;
const GP = { kind: 'trap', event: { vector: 13, errorCode: 0 } };

function write64(machine: Machine, address: number, low: number, high = 0): void {
  machine.memory.write32(address, low);
  machine.memory.write32(address + 4, high);
}

/** PAE paging: the first 4 MB one to one, WINDOW through TABLE. */
function paeMachine(source: string): Machine {
  const machine = bareMachine(source);
  write64(machine, POINTERS, DIRECTORY | PTE_P);
  write64(machine, DIRECTORY, RW | PTE_U | PTE_PS);
  write64(machine, DIRECTORY + 8, 0x20_0000 | RW | PTE_U | PTE_PS);
  write64(machine, DIRECTORY + 16, TABLE | RW | PTE_U);
  write64(machine, TABLE, FRAME | RW);
  const { cpu } = machine;
  cpu.cr3 = POINTERS;
  cpu.cr4 = CR4_PAE;
  cpu.cr0 |= CR0_PG;
  return machine;
}

t.test('PDPTE registers: loaded by moves to CR3, CR0 and CR4, checked then', async (t) => {
  const bad = { low: DIRECTORY | PTE_P | PTE_W, high: 0 };
  const beyond = { low: DIRECTORY | PTE_P, high: 0x10 };
  const absent = { low: PTE_W, high: -1 };
  const reload = 'mov eax, cr3\nmov cr3, eax';
  const rows: [what: string, source: string, entry: { low: number; high: number }, refused: boolean][] = [
    ['reserved bit 1, mov cr3', reload, bad, true],
    ['address bit 36, mov cr3', reload, beyond, true],
    ['not present: its other bits do not count', reload, absent, false],
    ['CR4.PGE changes', 'mov eax, cr4\nxor al, 0x80\nmov cr4, eax', bad, true],
    ['CR0.CD changes', 'mov eax, cr0\nbts eax, 30\nmov cr0, eax', bad, true],
    ['CR0.TS changes: not loaded', 'mov eax, cr0\nxor al, 8\nmov cr0, eax', bad, false],
  ];
  for (const [what, source, { low, high }, refused] of rows) {
    const machine = paeMachine(`${source}\njmp $`);
    write64(machine, POINTERS + 24, low, high);
    const { cr0, cr3, cr4 } = machine.cpu;
    const stop = machine.runMonitored(0, { instructions: 4 });
    if (refused) {
      t.match(stop, GP, what);
      t.same({ cr0, cr3, cr4 }, { cr0: machine.cpu.cr0, cr3: machine.cpu.cr3, cr4: machine.cpu.cr4 }, what);
    } else {
      t.equal(stop.kind, 'budget', what);
    }
  }
});

t.test('PDPTE registers keep what memory no longer has, until CR3 is written', async (t) => {
  const machine = paeMachine(`
        mov dword [${POINTERS}], 0
        invlpg [${WINDOW}]
        mov eax, [${WINDOW}]
        mov ecx, cr3
        mov cr3, ecx
        hlt`);
  const stop = machine.runMonitored(0, { instructions: 10 });
  t.match(stop, { kind: 'trap', event: { vector: 14, errorCode: 0 } }, 'the fetch after the reload');
  t.equal(machine.cpu.cr2, 0, 'CR2 waits for the delivery');
});

t.test('frames above 4 GB: no memory there, reads are ones and writes go nowhere', async (t) => {
  const rows: [what: string, make: (source: string) => Machine][] = [
    [
      'PAE, 4 KB',
      (source) => {
        const machine = paeMachine(source);
        write64(machine, TABLE, FRAME | RW, 1);
        write64(machine, TABLE + 8, RW, 1);
        return machine;
      },
    ],
    [
      'PAE, 2 MB',
      (source) => {
        const machine = paeMachine(source);
        write64(machine, DIRECTORY + 16, RW | PTE_PS, 0xf);
        return machine;
      },
    ],
    [
      'PSE-36',
      (source) => {
        const machine = bareMachine(source);
        machine.memory.write32(DIRECTORY, RW | PTE_PS);
        machine.memory.write32(DIRECTORY + 4, RW | PTE_PS | (1 << 13));
        machine.cpu.cr3 = DIRECTORY;
        machine.cpu.cr4 = CR4_PSE;
        machine.cpu.cr0 |= CR0_PG;
        return machine;
      },
    ],
  ];
  for (const [what, make] of rows) {
    const machine = make(
      `mov dword [${WINDOW}], 5\nmov eax, [${WINDOW}]\nmov ebx, [${WINDOW + 0xffe}]\nmov ecx, [0]\nhlt`,
    );
    machine.memory.write32(0, 0x1234);
    machine.memory.write32(FRAME, 0x5678);
    t.equal(machine.run().kind, 'halted', what);
    t.equal(machine.cpu.gpr(0), 0xffff_ffff, what);
    t.equal(machine.cpu.gpr(1), 0x1234, 'page 0 is another one');
    t.equal(machine.memory.read32(FRAME), 0x5678, 'nor does the address wrap');
    const [entry] = machine.tlbEntries().filter(({ linear }) => linear >= WINDOW);
    t.ok(entry.physical >= 2 ** 32, 'the TLB holds the whole address');
  }
});

t.test('code above 4 GB is all ones, which is no instruction', async (t) => {
  const machine = paeMachine(`jmp ${WINDOW}`);
  write64(machine, TABLE, RW, 1);
  t.match(machine.runMonitored(0), { kind: 'trap', event: { vector: 6 } });
});

t.test('no-execute', async (t) => {
  const rows: [what: string, efer: number, high: number, fault: number | null][] = [
    ['fetch of a no-execute page', EFER_NXE, 0x8000_0000, 0x11],
    ['fetch of another', EFER_NXE, 0, null],
    ['without NXE the bit is reserved', 0, 0x8000_0000, 0x9],
  ];
  for (const [what, efer, high, fault] of rows) {
    const machine = paeMachine(`mov eax, [${FRAME}]\njmp ${WINDOW}`);
    machine.memory.write8(FRAME, 0xf4);
    write64(machine, TABLE, FRAME | RW, high);
    machine.cpu.efer = efer;
    const stop = machine.runMonitored(0, { instructions: 10 });
    if (fault === null) t.equal(stop.kind, 'halted', what);
    else t.match(stop, { kind: 'trap', event: { vector: 14, errorCode: fault, cr2: WINDOW } }, what);
  }
});

t.test('a page that has been read is not thereby one to fetch from', async (t) => {
  const machine = paeMachine(`mov eax, [${WINDOW}]\njmp ${WINDOW}`);
  write64(machine, TABLE, FRAME | RW, 0x8000_0000);
  machine.cpu.efer = EFER_NXE;
  t.match(machine.runMonitored(0), { kind: 'trap', event: { vector: 14, errorCode: 0x11 } });
});

t.test('a page fault takes the stale TLB entry with it', async (t) => {
  // The entry is held read-only; in memory it is not present any more. The read after the fault must see that.
  const machine = paeMachine(`
        mov eax, [${WINDOW}]
        mov dword [${TABLE}], 0
        mov ebx, [${WINDOW}]
        mov [${WINDOW}], eax
        mov ecx, [${WINDOW}]`);
  write64(machine, TABLE, FRAME | PTE_P);
  t.match(
    machine.runMonitored(0),
    { event: { vector: 14, errorCode: 2, cr2: WINDOW } },
    'stale until the write',
  );
  machine.cpu.eip += 5;
  t.match(
    machine.runMonitored(0),
    { event: { vector: 14, errorCode: 0, cr2: WINDOW } },
    'gone with the fault',
  );
});

t.test('accessed and dirty bits of a 2 MB page and of a walk that ends in a fault', async (t) => {
  const read = paeMachine(`mov eax, [${WINDOW}]\nhlt`);
  write64(read, DIRECTORY + 16, RW | PTE_PS);
  read.run();
  t.equal(read.memory.read32(DIRECTORY + 16), RW | PTE_PS | PTE_A);
  const write = paeMachine(`mov [${WINDOW}], eax\nhlt`);
  write64(write, DIRECTORY + 16, RW | PTE_PS);
  write.run();
  t.equal(write.memory.read32(DIRECTORY + 16), RW | PTE_PS | PTE_A | PTE_D);
  const refused = paeMachine(`mov [${WINDOW}], eax`);
  write64(refused, TABLE, 0);
  refused.runMonitored(0);
  t.equal(refused.memory.read32(DIRECTORY + 16) & PTE_A, 0, 'nothing is marked on the way to a fault');
});

t.test('a run under PAE is the same in pieces', async (t) => {
  const source = `mov ecx, 200\nagain: mov eax, [${WINDOW}+ecx*8]\ninc dword [${WINDOW}+ecx*4]\nloop again\nhlt`;
  const whole = paeMachine(source);
  whole.run();
  const pieces = paeMachine(source);
  while (pieces.run({ instructions: 7 }).kind === 'budget');
  t.same(everything(pieces), everything(whole));
});
