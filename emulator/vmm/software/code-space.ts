import { CR0_PE, CR4_PAE, CR4_PSE } from '../../arch/control.js';
import { ATTR_CODE, ATTR_DB, ATTR_DC, ATTR_P, ATTR_RW, ATTR_S } from '../../arch/descriptors.js';
import type { SegmentState } from '../../arch/descriptors.js';
import { CS, DS, GS, SS } from '../../arch/registers.js';
import { PF_FETCH, PF_USER } from '../../arch/vectors.js';
import type { Machine, Processor } from '../../machine.js';
import type { ShadowMmu } from '../shadow-mmu.js';
import type { TargetTable } from './target-table.js';
import type { CodeMode } from './unit.js';

/** Where the code segment and the page tables put guest code. */
export type CodeAddress =
  | { kind: 'code'; gpa: number }
  /** Only the virtual CPU can execute, or fault, there. */
  | { kind: 'elsewhere' };

/**
 * What a translation depends on beside the guest's bytes, and which guest pages are known to be code of the
 * current address space. Translated code moves between pages only through the target table, whose entries hold
 * only while the mapping of guest code does; so a change of address space or of one mapping empties it, and each
 * page is looked up again when control first reaches it. That sets the accessed bits of the guest's page table
 * entries when a processor's fetch would.
 */
export class CodeSpace {
  private readonly keys = new Map<string, number>();
  private key = -1;
  private nextKey = 0;
  private segment: CodeSegment = { base: 0, limit: 0, cpl: 0, bits: 32, real: false, stack32: true };
  /** What {@link follow} saw last. */
  private seen: Seen | null = null;
  /** Translations depend on GS, DS and the rights of CS too, since code that names GS or CS has been met. */
  private dataMatters = false;
  private reach: Pick<CodeMode, 'gsThroughDs' | 'csThroughDs'> = { gsThroughDs: null, csThroughDs: null };
  /** Guest-physical page of each linear page of code. */
  private readonly pages = new Map<number, number>();
  /** Counts changes: control may stay in a fragment only while it stands still. */
  epoch = 0;

  constructor(
    private readonly guest: Machine,
    private readonly shadow: ShadowMmu,
    private readonly targets: TargetTable,
  ) {}

  get mode(): CodeMode {
    const { cpl, limit, bits, real, stack32 } = this.segment;
    return { bits, real, cpl, codeLimit: limit, stack32, ...this.reach };
  }

  /** Follows the guest's mode and segments. @returns the key of translations made for them. */
  follow(cpu: Processor): number {
    if (this.seen !== null && !this.dataMatters && isUnchanged(cpu, this.seen)) return this.key;
    const now = codeSegmentOf(cpu);
    this.seen = { cs: cpu.segment(CS), ss: cpu.segment(SS), cpl: cpu.cpl, real: now.real };
    const reach = this.dataMatters ? reachThroughDs(cpu, now.real) : this.reach;
    const sameReach =
      reach.gsThroughDs === this.reach.gsThroughDs && reach.csThroughDs === this.reach.csThroughDs;
    if (this.key >= 0 && sameReach && isSame(now, this.segment)) return this.key;
    this.segment = now;
    this.reach = reach;
    const name = [...Object.values(now), reach.gsThroughDs, reach.csThroughDs].join();
    this.key = this.keys.get(name) ?? this.nextKey++;
    // A guest that makes more is served, but remembered no more: what was translated for them leaves with the next flush.
    if (this.keys.size >= MAX_KEYS) this.keys.clear();
    this.keys.set(name, this.key);
    this.changed();
    return this.key;
  }

  /** Code has been met whose translation depends on more segments. @returns whether that is news: then the key is another. */
  needData(): boolean {
    const { dataMatters } = this;
    this.dataMatters = true;
    return !dataMatters;
  }

  /** Guest mappings or the code segment have changed. */
  changed(): void {
    this.epoch++;
    this.pages.clear();
    this.targets.clear();
  }

  /** The guest executed INVLPG: where there is code near the page, mappings count as changed. */
  invalidated(linear: number): void {
    // The page may be, or have been, a large one: of 2 MB under PAE, of 4 MB with CR4.PSE.
    const { cr4 } = this.guest.cpu;
    const shift = cr4 & CR4_PAE ? 21 - 12 : cr4 & CR4_PSE ? 22 - 12 : 0;
    for (const page of this.pages.keys()) {
      if (page >>> shift !== (linear >>> 12) >>> shift) continue;
      this.changed();
      return;
    }
  }

  /** Finds the guest-physical address of the code at `eip`, as a fetch by the guest's kernel would. */
  locate(eip: number): CodeAddress {
    const { base, limit } = this.segment;
    if (eip > limit) return { kind: 'elsewhere' };
    const linear = (base + eip) >>> 0;
    let page = this.pages.get(linear >>> 12);
    if (page === undefined) {
      const user = this.segment.cpl === 3;
      if (this.shadow.reach(linear, PF_FETCH | (user ? PF_USER : 0)).kind !== 'hidden')
        return { kind: 'elsewhere' };
      const gpa = this.guest.cpu.translate(linear, { write: false, user, fetch: true });
      if (gpa === null || gpa >= this.guest.memory.sizeBytes) return { kind: 'elsewhere' };
      page = gpa >>> 12;
      this.pages.set(linear >>> 12, page);
    }
    return { kind: 'code', gpa: page * 4096 + (linear & 0xfff) };
  }
}

/** Combinations of mode and segments that translations are kept for; an ordinary guest has a handful. */
const MAX_KEYS = 1024;

/** Of the guest's mode, code and stack segments, what translations depend on. */
interface CodeSegment extends Pick<CodeMode, 'bits' | 'real' | 'cpl' | 'stack32'> {
  base: number;
  limit: number;
}

interface Seen {
  cs: SegmentState;
  ss: SegmentState;
  cpl: number;
  real: boolean;
}

function isUnchanged(cpu: Processor, { cs, ss, cpl, real }: Seen): boolean {
  return (
    cpu.holdsSegment(CS, cs) &&
    cpu.holdsSegment(SS, ss) &&
    cpu.cpl === cpl &&
    ((cpu.cr0 & CR0_PE) === 0) === real
  );
}

function codeSegmentOf(cpu: Processor): CodeSegment {
  const { base, limit, attributes } = cpu.segment(CS);
  return {
    base,
    limit,
    cpl: cpu.cpl,
    bits: attributes & ATTR_DB ? 32 : 16,
    real: (cpu.cr0 & CR0_PE) === 0,
    stack32: (cpu.segment(SS).attributes & ATTR_DB) !== 0,
  };
}

function isSame(a: CodeSegment, b: CodeSegment): boolean {
  return (
    a.base === b.base &&
    a.limit === b.limit &&
    a.cpl === b.cpl &&
    a.bits === b.bits &&
    a.real === b.real &&
    a.stack32 === b.stack32
  );
}

const WHOLE = 0xffff_ffff;
const DATA = ATTR_P | ATTR_S | ATTR_RW;
const READABLE_CODE = ATTR_P | ATTR_S | ATTR_CODE | ATTR_RW;

function reachThroughDs(cpu: Processor, real: boolean): Pick<CodeMode, 'gsThroughDs' | 'csThroughDs'> {
  const [ds, gs, cs] = [cpu.segment(DS), cpu.segment(GS), cpu.segment(CS)];
  if (!isData(ds)) return { gsThroughDs: null, csThroughDs: null };
  // In real mode code can be written, and is data.
  const readable = real ? isData(cs) : (cs.attributes & READABLE_CODE) === READABLE_CODE;
  return {
    gsThroughDs: isData(gs) ? distance(gs, ds) : null,
    csThroughDs: readable ? distance(cs, ds) : null,
  };
}

/** Data that can be written, from offset 0 up to the limit. */
function isData({ attributes }: SegmentState): boolean {
  return (attributes & (DATA | ATTR_CODE | ATTR_DC)) === DATA;
}

/** What to add to an offset in one segment to reach the same byte through the other; null when that has other limits. */
function distance(segment: SegmentState, ds: SegmentState): number | null {
  if (segment.limit === WHOLE && ds.limit === WHOLE) return ds.base === 0 ? segment.base : null;
  return segment.limit === ds.limit && segment.base === ds.base ? 0 : null;
}
