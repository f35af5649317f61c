import t from 'tap';
import { CR0_PG, CR0_WP, CR4_PGE, CR4_PSE } from '../../emulator/arch/control.js';
import { PTE_A, PTE_D, PTE_G, PTE_P, PTE_PS, PTE_U, PTE_W } from '../../emulator/arch/paging.js';
import { bareMachine } from './bare.js';

const DIRECTORY = 0x200000;
const TABLE = 0x201000;
/** Maps 4 MB from 0 one to one by a large page, and `WINDOW` by whatever entry a row says. */
const WINDOW = 0x40_0000;
const FRAME = 0x300000;

interface Row {
  what: string;
  directoryEntry?: number;
  entry: number;
  access: 'read' | 'write';
  user?: boolean;
  cr0?: number;
  /** Error code of the page fault; null: none. */
  fault: number | null;
  /** Entry after the access; as before when left out. */
  after?: number;
}

const USED = PTE_P | PTE_A;
const rows: Row[] = [
  { what: 'not present', entry: 0, access: 'read', fault: 0 },
  { what: 'not present, write', entry: 0, access: 'write', fault: 2 },
  { what: 'not present, user', entry: 0, access: 'read', user: true, fault: 4 },
  { what: 'table not present', directoryEntry: 0, entry: PTE_P, access: 'write', user: true, fault: 6 },
  { what: 'read sets A alone', entry: PTE_P | PTE_W, access: 'read', fault: null, after: USED | PTE_W },
  {
    what: 'write sets A and D',
    entry: PTE_P | PTE_W,
    access: 'write',
    fault: null,
    after: USED | PTE_W | PTE_D,
  },
  { what: 'supervisor page, user', entry: PTE_P | PTE_W, access: 'read', user: true, fault: 5 },
  {
    what: 'user page, supervisor directory entry',
    directoryEntry: PTE_P | PTE_W,
    entry: PTE_P | PTE_U,
    access: 'read',
    user: true,
    fault: 5,
  },
  { what: 'read-only, supervisor, WP set', entry: PTE_P, access: 'write', cr0: CR0_WP, fault: 3 },
  {
    what: 'read-only, supervisor, WP clear',
    entry: PTE_P,
    access: 'write',
    fault: null,
    after: USED | PTE_D,
  },
  { what: 'read-only, user, WP clear', entry: PTE_P | PTE_U, access: 'write', user: true, fault: 7 },
  {
    what: 'read-only directory entry',
    directoryEntry: PTE_P | PTE_U,
    entry: PTE_P | PTE_W | PTE_U,
    access: 'write',
    user: true,
    fault: 7,
  },
];

for (const {
  what,
  directoryEntry = PTE_P | PTE_W | PTE_U,
  entry,
  access,
  user = false,
  cr0 = 0,
  fault,
  after,
} of rows) {
  t.test(what, async (t) => {
    const machine = bareMachine(
      access === 'read' ? `mov eax, [${WINDOW}]\njmp $` : `mov [${WINDOW}], eax\njmp $`,
    );
    const { cpu, memory } = machine;
    memory.write32(DIRECTORY, PTE_P | PTE_W | PTE_U | PTE_PS);
    memory.write32(DIRECTORY + 4, directoryEntry === 0 ? 0 : TABLE | directoryEntry);
    memory.write32(TABLE, entry === 0 ? 0 : FRAME | entry);
    cpu.cr3 = DIRECTORY;
    cpu.cr4 = CR4_PSE;
    cpu.cr0 |= CR0_PG | cr0;
    if (user) cpu.cpl = 3;
    const stop = machine.runMonitored(0, { instructions: 2 });
    if (fault === null) t.equal(stop.kind, 'budget', 'no fault');
    else t.match(stop, { kind: 'trap', event: { vector: 14, errorCode: fault, cr2: WINDOW } });
    const expected = after === undefined ? entry : after;
    t.equal(memory.read32(TABLE), expected === 0 ? 0 : FRAME | expected, 'entry afterwards');
    t.equal(memory.read32(DIRECTORY + 4) & PTE_A, fault === null ? PTE_A : 0, 'A of the directory entry');
  });
}

t.test('a reserved bit of a 4 MB entry: address bit 36', async (t) => {
  const machine = bareMachine(`mov [${WINDOW}], eax`);
  machine.memory.write32(DIRECTORY, PTE_P | PTE_W | PTE_PS);
  machine.memory.write32(DIRECTORY + 4, PTE_P | PTE_W | PTE_PS | 0x2_0000);
  machine.cpu.cr3 = DIRECTORY;
  machine.cpu.cr4 = CR4_PSE;
  machine.cpu.cr0 |= CR0_PG;
  t.match(machine.runMonitored(0), { kind: 'trap', event: { vector: 14, errorCode: 0xb, cr2: WINDOW } });
});

t.test('a store across two pages is checked in both before a byte is written', async (t) => {
  const machine = bareMachine(`mov dword [${WINDOW + 0xffe}], -1`);
  const { memory, cpu } = machine;
  memory.write32(DIRECTORY, PTE_P | PTE_W | PTE_PS);
  memory.write32(DIRECTORY + 4, TABLE | PTE_P | PTE_W);
  memory.write32(TABLE, FRAME | PTE_P | PTE_W);
  cpu.cr3 = DIRECTORY;
  cpu.cr4 = CR4_PSE;
  cpu.cr0 |= CR0_PG;
  t.match(machine.runMonitored(0), {
    kind: 'trap',
    event: { vector: 14, errorCode: 2, cr2: WINDOW + 0x1000 },
  });
  t.equal(memory.read16(FRAME + 0xffe), 0);
});

t.test('stale entries stay until they are flushed', async (t) => {
  const global = `mov ecx, cr4\nor ecx, ${CR4_PGE}\nmov cr4, ecx`;
  const reload = 'mov ecx, cr3\nmov cr3, ecx';
  const rows: [what: string, before: string, flush: string, stale: boolean][] = [
    ['nothing', '', '', true],
    ['invlpg', '', `invlpg [${WINDOW}]`, false],
    ['cr3 write', '', reload, false],
    ['cr3 write, global page', global, reload, true],
    ['invlpg, global page', global, `invlpg [${WINDOW}]`, false],
    ['cr4.pge write', global, `xor ecx, ${CR4_PGE}\nmov cr4, ecx`, false],
  ];
  for (const [what, before, flush, stale] of rows) {
    const moved = (FRAME + 0x1000) | PTE_P | PTE_W | PTE_G;
    const machine = bareMachine(
      `${before}\nmov eax, [${WINDOW}]\nmov dword [${TABLE}], ${moved}\n${flush}\nmov eax, [${WINDOW}]\nhlt`,
    );
    const { memory, cpu } = machine;
    memory.write32(DIRECTORY, PTE_P | PTE_W | PTE_PS);
    memory.write32(DIRECTORY + 4, TABLE | PTE_P | PTE_W);
    memory.write32(TABLE, FRAME | PTE_P | PTE_W | PTE_G);
    memory.write32(FRAME, 1);
    memory.write32(FRAME + 0x1000, 2);
    cpu.cr3 = DIRECTORY;
    cpu.cr4 = CR4_PSE;
    cpu.cr0 |= CR0_PG;
    t.equal(machine.run().kind, 'halted', what);
    t.equal(cpu.gpr(0), stale ? 1 : 2, what);
  }
});
