import t from 'tap';
import { CR0_PG, CR0_WP, CR4_PAE, CR4_PSE, EFER_NXE } from '../../emulator/arch/control.js';
import {
  PTE_A,
  PTE_D,
  PTE_FRAME,
  PTE_P,
  PTE_PS,
  PTE_U,
  PTE_W,
  pagingFormats,
} from '../../emulator/arch/paging.js';
import { PF_PRESENT, PF_RESERVED, PF_USER, PF_WRITE } from '../../emulator/arch/vectors.js';
import { findProfile } from '../../emulator/cost/catalog.js';
import { Ledger } from '../../emulator/cost/ledger.js';
import { shadowStanding } from '../../emulator/debug/translation-views.js';
import type { Machine } from '../../emulator/machine.js';
import { PhysicalMemory } from '../../emulator/platform/memory.js';
import { TraceRecorder } from '../../emulator/trace/recorder.js';
import { FrameAllocator } from '../../emulator/vmm/frames.js';
import { walkGuest } from '../../emulator/vmm/guest-walk.js';
import { pagingMode } from '../../emulator/vmm/paging-state.js';
import type { PagingState } from '../../emulator/vmm/paging-state.js';
import {
  FIRST_MONITOR_FRAME_HPA,
  GUEST_HPA,
  MONITOR_BYTES,
  UNBACKED_HPA,
} from '../../emulator/vmm/layout.js';
import { ShadowMmu } from '../../emulator/vmm/shadow-mmu.js';
import type { ShadowPolicy } from '../../emulator/vmm/shadow-types.js';
import { OPEN_MASK } from '../../emulator/platform/a20.js';
import { PageWalk, pageFaultCode, permits, walkTables } from '../../emulator/platform/page-walk.js';
import type { PageAccess } from '../../emulator/platform/page-walk.js';
import { generator } from './random-guests.js';

const profile = findProfile('pentium4-672');
const GUEST_BYTES = 1 << 20;
const DIRECTORY = 0x10000;
const TABLE = 0x11000;
const SECOND_DIRECTORY = 0x12000;
const LARGE_GVA = 0x0080_0000;
const RW = PTE_P | PTE_W | PTE_U;

const ALL_FRAMES = (MONITOR_BYTES - FIRST_MONITOR_FRAME_HPA) / 4096;
const USUAL: ShadowPolicy = { traces: 'eager', shadowCache: 64, prevalidation: false };

type Access = PageAccess;
const READ: Access = { write: false, user: false, fetch: false };
const WRITE: Access = { write: true, user: false, fetch: false };
const USER_READ: Access = { write: false, user: true, fetch: false };
const USER_WRITE: Access = { write: true, user: true, fetch: false };
const FETCH: Access = { write: false, user: false, fetch: true };
const USER_FETCH: Access = { write: false, user: true, fetch: true };
const FORMATS = pagingFormats(profile);

function gpaText(gpa: number): string {
  return `gpa 0x${gpa.toString(16)}`;
}

/** What the page-directory-pointer table at `cr3` names. */
function pointersAt(memory: PhysicalMemory, cr3: number): (number | null)[] {
  return [0, 8, 16, 24].map((at) => {
    const entry = memory.read32((cr3 & ~31) + at);
    return entry & PTE_P ? (entry & PTE_FRAME) >>> 0 : null;
  });
}

/** A guest without a processor: control registers, memory, and a host MMU that walks the shadow tables. */
class Bench {
  readonly hostMemory: PhysicalMemory;
  readonly memory: PhysicalMemory;
  readonly registers = { cr0: 0, cr3: 0, cr4: 0, efer: 0, addressMask: OPEN_MASK };
  /** As a processor has them since CR3 was loaded. */
  private pageDirectories: (number | null)[] = [];
  private readonly tlbHistory = { flushes: 0, invalidations: 0, lastInvalidated: 0 };
  readonly shadow: ShadowMmu;
  readonly charges = new Map<string, number>();
  readonly outcomes: string[] = [];

  constructor(frameCount = ALL_FRAMES, policy: Partial<ShadowPolicy> = {}) {
    const bytes = MONITOR_BYTES + GUEST_BYTES;
    this.hostMemory = PhysicalMemory.over(new WebAssembly.Memory({ initial: bytes >> 16 }), 0, bytes);
    this.memory = this.hostMemory.window(GUEST_HPA, GUEST_BYTES);
    const host = {
      memory: this.hostMemory,
      ledger: new Ledger(profile),
      trace: new TraceRecorder(),
    } as unknown as Machine;
    const cpu = this.state;
    const guest = { memory: this.memory, cpu, profile } as unknown as Machine;
    const frames = new FrameAllocator(FIRST_MONITOR_FRAME_HPA, FIRST_MONITOR_FRAME_HPA + frameCount * 4096);
    const charge = (key: string, count = 1) => this.charges.set(key, (this.charges.get(key) ?? 0) + count);
    this.shadow = new ShadowMmu({ host, guest, frames, charge, policy: { ...USUAL, ...policy } });
  }

  control(registers: Partial<Bench['registers']>): void {
    Object.assign(this.registers, registers);
    this.tlbHistory.flushes++;
    const { cr0, cr3, cr4 } = this.registers;
    this.pageDirectories = cr0 & CR0_PG && cr4 & CR4_PAE ? pointersAt(this.memory, cr3) : [];
    this.follow();
  }

  invlpg(gva: number): void {
    this.tlbHistory.invalidations++;
    this.tlbHistory.lastInvalidated = gva;
    this.follow();
  }

  private follow(): void {
    this.shadow.follow(this.state);
  }

  get state(): PagingState {
    return { ...this.registers, pageDirectories: this.pageDirectories, tlbHistory: this.tlbHistory };
  }

  /** What the host's MMU makes of an access, with CR0.WP set. @returns the host-physical address or an error code. */
  hostWalk(gva: number, access: Access): { hpa: number } | { errorCode: number } {
    const { rootHpa, hostCr4, hostEfer } = this.shadow;
    const noExecute = hostEfer !== 0;
    const format = noExecute ? FORMATS.paeNx : hostCr4 ? FORMATS.pae : FORMATS.twoLevel;
    const walk = new PageWalk();
    const tables = { memory: this.hostMemory, locate: (hpa: number) => hpa };
    const found = walkTables(walk, format, 0, rootHpa, gva, tables);
    if (found && permits(walk, access, true)) return { hpa: walk.frame + (gva & 0xfff) };
    return { errorCode: pageFaultCode(found ? PF_PRESENT : walk.cause, access, noExecute) };
  }

  /**
   * One access of the guest, faults of the shadow handled as a monitor does.
   * @returns the guest-physical address, or the guest's own error code. A traced write is left to the caller.
   */
  access(gva: number, access: Access): string {
    for (let attempt = 0; attempt < 4; attempt++) {
      const walk = this.hostWalk(gva, access);
      if ('hpa' in walk) return walk.hpa < UNBACKED_HPA ? gpaText(walk.hpa - GUEST_HPA) : 'no memory';
      const outcome = this.shadow.resolve(gva, walk.errorCode);
      this.outcomes.push(outcome.kind);
      if (outcome.kind === 'true') return `#PF(${outcome.errorCode})`;
      if (outcome.kind !== 'hidden') return outcome.kind;
    }
    return 'the shadow never lets it through';
  }

  /** Paging on: `entries` of the table for linear 0 to 4 MB, then the rest of the directory. */
  paging(pdes: Record<number, number>, ptes: Record<number, number>, cr0 = CR0_PG | CR0_WP): void {
    for (const [index, pde] of Object.entries(pdes)) this.memory.write32(DIRECTORY + Number(index) * 4, pde);
    for (const [index, pte] of Object.entries(ptes)) this.memory.write32(TABLE + Number(index) * 4, pte);
    this.control({ cr0, cr3: DIRECTORY });
  }

  pte(index: number): number {
    return this.memory.read32(TABLE + index * 4);
  }

  pde(index: number): number {
    return this.memory.read32(DIRECTORY + index * 4);
  }
}

t.test('paging off: linear is guest-physical', (t) => {
  const bench = new Bench();
  t.equal(bench.access(0x1234, WRITE), 'gpa 0x1234');
  t.equal(bench.access(0x1238, USER_READ), 'gpa 0x1238');
  t.same(bench.outcomes, ['hidden'], 'one fill serves the whole page');
  t.equal(bench.access(GUEST_BYTES, READ), 'no memory', 'outside the guest');
  t.end();
});

t.test('rights and error codes', (t) => {
  const supervisor = PTE_P | PTE_W;
  const readOnly = PTE_P | PTE_U;
  const rows: [name: string, pde: number, pte: number, access: Access, expected: string, wp?: boolean][] = [
    ['user write allowed', RW, RW, USER_WRITE, 'gpa 0x3000'],
    ['entry not present', RW, 0, USER_WRITE, '#PF(6)'],
    ['directory entry not present', 0, RW, READ, '#PF(0)'],
    ['user at a supervisor page', RW, supervisor, USER_READ, '#PF(5)'],
    ['user at a supervisor directory entry', supervisor, RW, USER_READ, '#PF(5)'],
    ['user write, read-only entry', RW, readOnly, USER_WRITE, '#PF(7)'],
    ['user write, read-only directory entry', readOnly, RW, USER_WRITE, '#PF(7)'],
    ['supervisor write, read-only, WP set', RW, readOnly, WRITE, '#PF(3)'],
    ['supervisor write, read-only user page, WP clear', RW, readOnly, WRITE, 'emulate', false],
    ['supervisor write, read-only supervisor page, WP clear', RW, PTE_P, WRITE, 'gpa 0x3000', false],
    ['user write, read-only, WP clear', RW, readOnly, USER_WRITE, '#PF(7)', false],
  ];
  for (const [name, pde, pte, access, expected, wp = true] of rows) {
    const bench = new Bench();
    bench.paging({ 0: pde && TABLE | pde }, { 5: pte && 0x3000 | pte }, CR0_PG | (wp ? CR0_WP : 0));
    t.equal(bench.access(0x5000, access), expected, name);
  }
  t.end();
});

t.test('accessed and dirty bits appear as a processor sets them', (t) => {
  const bench = new Bench();
  bench.paging({ 0: TABLE | RW }, { 5: 0x3000 | RW, 6: 0x4000 | PTE_P });
  bench.access(0x5000, READ);
  t.equal(bench.pde(0), TABLE | RW | PTE_A);
  t.equal(bench.pte(5), 0x3000 | RW | PTE_A, 'a read sets A');
  bench.access(0x5000, WRITE);
  t.equal(bench.pte(5), 0x3000 | RW | PTE_A | PTE_D, 'the first write sets D');
  t.same(bench.outcomes, ['hidden', 'hidden']);
  bench.access(0x6000, WRITE);
  t.equal(bench.pte(6), 0x4000 | PTE_P, 'a refused access sets nothing');
  t.end();
});

t.test('4 MB pages', (t) => {
  const bench = new Bench();
  const index = LARGE_GVA >>> 22;
  bench.control({ cr4: CR4_PSE });
  bench.paging({ [index]: RW | PTE_PS, [index + 1]: RW | PTE_PS | 0x1000 }, {});
  t.equal(bench.access(LARGE_GVA + 0x7008, READ), 'gpa 0x7008');
  t.equal(bench.pde(index), RW | PTE_PS | PTE_A);
  t.equal(bench.access(LARGE_GVA + 0x9000, WRITE), 'gpa 0x9000');
  t.equal(bench.pde(index), RW | PTE_PS | PTE_A | PTE_D, 'one D for the whole page');
  t.equal(bench.access(LARGE_GVA + 0x400000, READ), `#PF(${PF_PRESENT | PF_RESERVED})`, 'reserved bits');
  t.equal(bench.access(LARGE_GVA + DIRECTORY, WRITE), 'trace', 'the page directory is traced in it too');
  bench.control({ cr4: 0 });
  t.equal(
    bench.access(LARGE_GVA + 0x7008, READ),
    '#PF(0)',
    'without CR4.PSE the entry means a table, here at 0',
  );
  t.end();
});

t.test('traced writes keep the shadow up to date', (t) => {
  const present = RW | PTE_A | PTE_D;
  const rows: [name: string, before: number, after: number, walk: object][] = [
    ['unchanged', 0x3000 | present, 0x3000 | present, { hpa: GUEST_HPA + 0x3000 }],
    ['present to not present', 0x3000 | present, 0, { errorCode: PF_WRITE | PF_USER }],
    ['remapped', 0x3000 | present, 0x4000 | present, { hpa: GUEST_HPA + 0x4000 }],
    ['made read-only', 0x3000 | present, 0x3000 | (present & ~PTE_W), { errorCode: 7 }],
    ['made supervisor', 0x3000 | present, 0x3000 | (present & ~PTE_U), { errorCode: 7 }],
    ['D cleared', 0x3000 | present, 0x3000 | (present & ~PTE_D), { errorCode: 7 }],
    ['A cleared', 0x3000 | present, 0x3000 | RW, { errorCode: PF_WRITE | PF_USER }],
    ['not present to present and used: eager', 0, 0x3000 | present, { hpa: GUEST_HPA + 0x3000 }],
    ['not present to present and new: lazy, for A', 0, 0x3000 | RW, { errorCode: PF_WRITE | PF_USER }],
  ];
  for (const [name, before, after, walk] of rows) {
    const bench = new Bench();
    bench.paging({ 0: TABLE | RW }, { 1: TABLE | RW, 5: before, 6: 0x6000 | RW });
    bench.access(0x6000, READ); // so that the table is in the shadow
    if (before) bench.access(0x5000, USER_WRITE);
    t.equal(bench.access(0x1000 + 20, WRITE), 'trace', `${name}: the table's own page is traced`);
    bench.memory.write32(TABLE + 20, after);
    t.same(bench.hostWalk(0x5000, USER_WRITE), walk, name);
  }
  t.end();
});

t.test('a directory that maps itself', (t) => {
  const bench = new Bench();
  bench.paging({ 0: TABLE | RW, 1023: DIRECTORY | RW }, { 5: 0x3000 | RW });
  t.equal(bench.access(0x5000, READ), 'gpa 0x3000');
  t.equal(bench.access(0xffff_f000, READ), `gpa 0x${DIRECTORY.toString(16)}`);
  t.equal(bench.access(0xffc0_0000, READ), `gpa 0x${TABLE.toString(16)}`);
  t.equal(bench.access(0xffc0_0000 + 20, WRITE), 'trace');
  t.equal(bench.access(0xffff_fffc, WRITE), 'trace');
  bench.memory.write32(DIRECTORY + 1023 * 4, 0);
  t.equal(bench.access(0xffff_f000, READ), '#PF(0)');
  t.end();
});

t.test('address spaces keep their shadows', (t) => {
  const bench = new Bench();
  bench.paging({ 0: TABLE | RW }, { 5: 0x3000 | RW });
  bench.memory.write32(SECOND_DIRECTORY, TABLE | RW);
  bench.access(0x5000, WRITE);
  const first = bench.shadow.rootHpa;
  bench.control({ cr3: SECOND_DIRECTORY });
  t.equal(bench.access(0x5000, WRITE), 'gpa 0x3000');
  t.not(bench.shadow.rootHpa, first);
  bench.outcomes.length = 0;
  for (const cr3 of [DIRECTORY, SECOND_DIRECTORY, DIRECTORY]) {
    bench.control({ cr3 });
    t.equal(bench.access(0x5000, WRITE), 'gpa 0x3000');
  }
  t.same(bench.outcomes, [], 'coming back costs no fill');
  bench.memory.write32(TABLE + 20, 0);
  bench.control({ cr3: SECOND_DIRECTORY });
  t.equal(bench.access(0x5000, READ), '#PF(0)', 'an edit reaches all that share the table');
  t.end();
});

t.test('tables out of use lose their trace when the guest writes over them', (t) => {
  const bench = new Bench();
  bench.paging({ 0: TABLE | RW }, { 5: 0x3000 | RW });
  bench.access(0x5000, READ);
  t.ok(bench.shadow.isTraced(TABLE >>> 12));
  bench.control({ cr3: SECOND_DIRECTORY });
  bench.access(0x5000, READ);
  for (let index = 0; index < 8; index++) bench.memory.write32(TABLE + index * 4, 0x1234_5678);
  for (let index = 0; index < 8; index++) bench.memory.write32(DIRECTORY + index * 4, 0x1234_5678);
  t.notOk(bench.shadow.isTraced(TABLE >>> 12));
  t.notOk(bench.shadow.isTraced(DIRECTORY >>> 12));
  t.end();
});

t.test('other traces', (t) => {
  const bench = new Bench();
  bench.paging({ 0: TABLE | RW }, { 5: 0x3000 | RW });
  bench.access(0x5000, WRITE);
  bench.shadow.takeFlush();
  const seen: number[][] = [];
  const trace = bench.shadow.trace(3, (offset, bytes) => seen.push([offset, bytes]));
  t.same(bench.shadow.takeFlush(), { all: true, pages: [] }, 'a writable entry may be in the TLB');
  t.equal(bench.access(0x5010, WRITE), 'trace');
  bench.memory.write16(0x3010, 1);
  t.same(seen, [[0x10, 2]]);
  trace.release();
  t.equal(bench.access(0x5010, WRITE), 'gpa 0x3010');
  bench.memory.write16(0x3010, 2);
  t.same(seen.length, 1);
  t.end();
});

t.test('a reserved range belongs to the monitor', (t) => {
  const bench = new Bench();
  const entry = (0x9000 | PTE_P | PTE_W | PTE_A) >>> 0;
  bench.shadow.reserve({ linear: 0xffc0_0000, entries: () => [entry] });
  bench.paging({ 0: TABLE | RW, 1023: TABLE | RW }, { 5: 0x3000 | RW });
  t.equal(bench.hostMemory.read32(bench.shadow.rootHpa + 1023 * 4), entry);
  t.equal(bench.access(0xffc0_5000, USER_READ), 'emulate', 'what the guest has there is emulated');
  t.equal(bench.access(0xffc0_6000, USER_READ), '#PF(4)', 'and what it has not is its own fault');
  bench.memory.write32(DIRECTORY + 1023 * 4, 0);
  t.equal(bench.hostMemory.read32(bench.shadow.rootHpa + 1023 * 4), entry);
  t.end();
});

/** What bare hardware without a TLB does: walk, set A and D, answer. */
function nativeAccess(memory: PhysicalMemory, state: PagingState, gva: number, access: Access): string {
  const walk = walkGuest(memory, pagingMode(state, FORMATS), gva, access, () => {});
  if (walk.kind === 'fault') return `#PF(${walk.errorCode})`;
  const used = access.write ? PTE_A | PTE_D : PTE_A;
  if (walk.pdeGpa !== null) memory.write32(walk.pdeGpa, walk.pde.low | (walk.pteGpa === null ? used : PTE_A));
  // Read again: directory and table may be one page.
  if (walk.pteGpa !== null) memory.write32(walk.pteGpa, memory.read32(walk.pteGpa) | used);
  return walk.gpa < GUEST_BYTES ? gpaText(walk.gpa) : 'no memory';
}

function samePage(a: PhysicalMemory, b: PhysicalMemory, gpa: number): boolean {
  for (let at = gpa; at < gpa + 4096; at += 4) if (a.read32(at) !== b.read32(at)) return false;
  return true;
}

t.test('PAE: three levels, 2 MB pages, NX', (t) => {
  const bench = new Bench();
  const NX = 0x8000_0000 | 0;
  const write64 = (gpa: number, low: number, high = 0) => {
    bench.memory.write32(gpa, low);
    bench.memory.write32(gpa + 4, high);
  };
  const POINTERS = 0x15000;
  write64(POINTERS, DIRECTORY | PTE_P);
  write64(POINTERS + 24, SECOND_DIRECTORY | PTE_P);
  write64(DIRECTORY, TABLE | RW);
  write64(DIRECTORY + 8, RW | PTE_PS, NX); // 0x20_0000
  write64(SECOND_DIRECTORY + 511 * 8, TABLE | RW); // 0xffe0_0000
  write64(TABLE + 5 * 8, 0x3000 | RW);
  write64(TABLE + 6 * 8, 0x4000 | RW, NX);
  write64(TABLE + 7 * 8, 0x5000 | RW, 1); // above the memory there is
  write64(TABLE + 8 * 8, 0x5000 | RW, 0x4000_0000); // reserved
  bench.control({ cr0: CR0_PG | CR0_WP, cr3: POINTERS, cr4: CR4_PAE, efer: EFER_NXE });
  const rows: [gva: number, access: Access, expected: string][] = [
    [0x5010, READ, 'gpa 0x3010'],
    [0x5010, USER_WRITE, 'gpa 0x3010'],
    [0x5010, USER_FETCH, 'gpa 0x3010'],
    [0x6010, READ, 'gpa 0x4010'],
    [0x6010, FETCH, '#PF(17)'],
    [0x6010, USER_FETCH, '#PF(21)'],
    [0x7010, READ, 'no memory'],
    [0x8010, READ, `#PF(${PF_PRESENT | PF_RESERVED})`],
    [0x9000, WRITE, '#PF(2)'],
    [0x20_9000, WRITE, 'gpa 0x9000'],
    [0x20_9000, FETCH, '#PF(17)'],
    [0xffe0_5000, READ, 'gpa 0x3000'],
    [0x4000_0000, READ, '#PF(0)'],
  ];
  for (const [gva, access, expected] of rows)
    t.equal(bench.access(gva, access), expected, `0x${gva.toString(16)} ${JSON.stringify(access)}`);
  t.equal(bench.memory.read32(TABLE + 5 * 8), 0x3000 | RW | PTE_A | PTE_D);
  t.equal(bench.memory.read32(DIRECTORY + 8), RW | PTE_PS | PTE_A | PTE_D);
  t.equal(bench.access(0x20_0000 + TABLE, WRITE), 'trace');
  bench.memory.write32(TABLE + 6 * 8 + 4, 0); // the high half alone
  t.equal(bench.access(0x6010, FETCH), 'gpa 0x4010');
  write64(POINTERS + 8, DIRECTORY | PTE_P);
  t.equal(bench.access(0x4000_5000, READ), '#PF(0)', 'the pointers are read when CR3 is loaded');
  bench.control({});
  t.equal(bench.access(0x4000_5000, READ), 'gpa 0x3000', 'one directory in two places');
  bench.control({ efer: 0 });
  t.equal(
    bench.access(0x20_9000, READ),
    `#PF(${PF_PRESENT | PF_RESERVED})`,
    'without EFER.NXE the bit is reserved',
  );
  bench.control({ cr0: 0 });
  t.equal(bench.access(0x1234, FETCH), 'gpa 0x1234', 'paging off, in the tables of PAE');
  t.end();
});

t.test('a look at an entry of 64 bits sees that NX differs', async (t) => {
  const bench = new Bench(ALL_FRAMES, { traces: 'lazy' });
  const POINTERS = 0x15000;
  const entry = TABLE + 5 * 8;
  bench.memory.write32(POINTERS, DIRECTORY | PTE_P);
  bench.memory.write32(DIRECTORY, TABLE | RW);
  bench.memory.write32(entry, 0x3000 | RW);
  bench.memory.write32(TABLE + (TABLE >>> 12) * 8, TABLE | RW);
  bench.control({ cr0: CR0_PG | CR0_WP, cr3: POINTERS, cr4: CR4_PAE, efer: EFER_NXE });
  const standing = () => shadowStanding(bench.shadow.look(0x5000), null);
  t.equal(bench.access(0x5010, READ), 'gpa 0x3010');
  t.match(standing(), { agreement: 'agrees', bits: ['P', 'U', 'A', 'D'] });
  t.equal(bench.access(TABLE, WRITE), `gpa 0x${TABLE.toString(16)}`, 'the table loses its trace');
  bench.memory.write32(entry + 4, 0x8000_0000);
  t.match(standing(), { agreement: 'stale', why: 'the guest now forbids fetches (NX)' });
  bench.invlpg(0x5000);
  t.equal(bench.access(0x5010, READ), 'gpa 0x3010');
  t.match(standing(), { agreement: 'agrees', bits: ['P', 'U', 'A', 'D', 'NX'] });
  bench.access(TABLE, WRITE);
  bench.memory.write32(entry + 4, 0);
  t.match(standing(), { agreement: 'stale', why: 'the guest no longer forbids fetches (NX)' });
});

const POLICIES: [frames: number, rounds: number, policy: Partial<ShadowPolicy>, cr4?: number][] = [
  [4000, 10_000, {}, CR4_PAE],
  [12, 5_000, {}, CR4_PAE],
  [4000, 10_000, { traces: 'lazy', prevalidation: true }, CR4_PAE],
  [4000, 10_000, {}],
  [5, 10_000, {}],
  [4000, 6_000, { traces: 'lazy' }],
  [7, 6_000, { traces: 'lazy', shadowCache: 2 }],
  [4000, 5_000, { traces: 'lazy', prevalidation: true }],
  [4000, 5_000, { shadowCache: 1, prevalidation: true }],
  [4000, 5_000, { shadowCache: 0 }],
  [5, 5_000, { traces: 'lazy', shadowCache: 0, prevalidation: true }],
];

/** Of 64-bit entries: NX, an address above the memory, a reserved bit. */
const HIGH_HALVES = [0x8000_0000 | 0, 1, 0x0010_0000];

for (const [frames, rounds, policy, cr4 = 0] of POLICIES) {
  const title = `random tables and accesses, ${cr4 ? 'PAE, ' : ''}${frames} frames, ${JSON.stringify(policy)}`;
  t.test(`${title}: as bare hardware`, (t) => {
    const random = generator(frames);
    const bench = new Bench(frames, policy);
    /** What an edit asks for. */
    const flush = () => {
      if (random(2)) bench.control({});
      else for (const gva of gvas) bench.invlpg(gva);
    };
    const plain = PhysicalMemory.over(new WebAssembly.Memory({ initial: GUEST_BYTES >> 16 }), 0, GUEST_BYTES);
    const pages = [DIRECTORY, SECOND_DIRECTORY, TABLE, 0x13000, 0x14000];
    const pae = cr4 === CR4_PAE;
    const entryBytes = pae ? 8 : 4;
    const accesses = [READ, WRITE, USER_READ, USER_WRITE, FETCH, USER_FETCH];
    const indices = [0, 1, 2, 3, pae ? 511 : 1023];
    const gvas = (pae ? [0, 1, 3] : [0]).flatMap((number) =>
      indices.flatMap((high) =>
        indices.map((low) => ((number << 30) | (high << (pae ? 21 : 22)) | (low << 12)) >>> 0),
      ),
    );
    const differences: string[] = [];
    for (let round = 0; round < rounds && differences.length === 0; round++) {
      const choice = random(100);
      if (choice < 15) {
        const page = pages[random(pages.length)];
        const target = random(3) ? pages[random(pages.length)] : random(GUEST_BYTES >> 12) << 12;
        const entry = (target | random(512)) & ~(random(2) ? PTE_PS : 0);
        const gpa = page + indices[random(indices.length)] * entryBytes;
        const bytes = random(4) ? 4 : 2;
        const high = random(3) ? 0 : HIGH_HALVES[random(HIGH_HALVES.length)];
        for (const memory of [bench.memory, plain]) {
          if (bytes === 4) memory.write32(gpa, entry);
          else memory.write16(gpa, entry & 0xffff);
          if (pae) memory.write32(gpa + 4, high);
        }
        if (policy.traces === 'lazy') flush();
      } else if (choice < 18) {
        const cr0 = (random(8) ? CR0_PG : 0) | (random(2) ? CR0_WP : 0);
        const own = random(8) ? cr4 : 0;
        const efer = random(4) ? EFER_NXE : 0;
        bench.control({ cr0, cr4: own | (random(2) ? CR4_PSE : 0), cr3: pages[random(2)], efer });
      } else if (choice < 22) {
        bench.control({ cr3: pages[random(2)] });
      } else {
        const gva = (gvas[random(gvas.length)] | random(4096)) >>> 0;
        const access = accesses[random(accesses.length)];
        const expected = nativeAccess(plain, bench.state, gva, access);
        let got = bench.access(gva, access);
        // The virtual processor would do it on the guest's own tables.
        if (got === 'trace' || got === 'emulate') got = nativeAccess(bench.memory, bench.state, gva, access);
        if (got !== expected) differences.push(`${round}: 0x${gva.toString(16)}: ${got}, not ${expected}`);
      }
      if (pages.some((page) => !samePage(bench.memory, plain, page)))
        differences.push(`${round}: tables differ`);
    }
    t.ok(Buffer.from(bench.memory.u8).equals(Buffer.from(plain.u8)));
    t.same(differences, []);
    t.ok(
      bench.outcomes.includes('trace') &&
        bench.outcomes.includes('hidden') &&
        bench.outcomes.includes('true'),
    );
    t.end();
  });
}
