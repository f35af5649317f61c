import { PAGE_BYTES } from '../../arch/paging.js';
import type { Ledger } from '../../cost/ledger.js';
import type { PhysicalMemory } from '../../platform/memory.js';
import type { Trace, TraceListener } from '../traces.js';
import { CACHE_LINEAR } from './area.js';
import { Versions } from './adaptation.js';
import {
  COLD_UNIT_BYTES,
  coldCallout,
  continuationStub,
  crossPageLink,
  targetPrologue,
  targetSlot,
} from './cold.js';
import type { ColdBlock } from './cold.js';
import { emitUnit, MAX_INSTRUCTION_BYTES } from './emit.js';
import { Emitter, JUMP_BYTES } from './emitter.js';
import type { Callout, Continuation, Site } from './fragment.js';
import { Fragment } from './fragment.js';
import type { GuestPoint } from './point.js';
import { exact, findPoint } from './point.js';
import type { TargetTable } from './target-table.js';
import type { GuestInstruction, TranslationUnit } from './unit.js';

/** The most cold code that one instruction can ask for: two exits of two units each. */
const MAX_COLD_BYTES = 4 * COLD_UNIT_BYTES;

/** At least as many bytes as the translation of a unit takes, with its cold code and its final jump. */
function roomFor({ instructions }: TranslationUnit): number {
  return (instructions.length + 1) * (MAX_INSTRUCTION_BYTES + MAX_COLD_BYTES);
}

export interface CacheStatistics {
  /** Fragments made. */
  fragments: number;
  /** Guest instructions translated. */
  instructions: number;
  /** Jumps out of fragments that had no translation to lead to when they were made. */
  continuations: number;
  /** Jumps patched to lead directly to their target. */
  chains: number;
  /** Final jumps given up because the target was placed behind. */
  elided: number;
  /** Fragments dropped because their guest code was written. */
  invalidated: number;
  /** The same by guest-physical page number. */
  invalidatedByPage: Map<number, number>;
  /** Times the whole cache was emptied. */
  flushes: number;
}

/** Where the guest stands, and in which fragment; null in cold code. */
export interface CachePlace {
  point: GuestPoint;
  fragment: Fragment | null;
}

export interface CacheOptions {
  memory: PhysicalMemory;
  ledger: Ledger;
  targets: TargetTable;
  /** Jumps lead to translated code directly where there is some. */
  chaining: boolean;
  /** The target table is in use. */
  returnCache: boolean;
  /** Where the cache's bytes lie, contiguous. */
  hpa: number;
  sizeBytes: number;
  /** Asks to be told of writes to a guest page, before what was translated from it runs again. */
  trace: (page: number, listener: TraceListener) => Trace;
}

/**
 * The translation cache: real code in host-physical memory, seen by translated code at CACHE_LINEAR. Fragments
 * grow from its start in the order in which they were first needed (so hot paths are contiguous), cold code
 * grows down from its end. When they meet, everything is dropped.
 */
export class TranslationCache {
  readonly statistics: CacheStatistics = {
    fragments: 0,
    instructions: 0,
    continuations: 0,
    chains: 0,
    elided: 0,
    invalidated: 0,
    invalidatedByPage: new Map(),
    flushes: 0,
  };
  /** In ascending order of address. */
  private fragmentList: Fragment[] = [];
  private readonly byKey = new Map<number, Map<number, Fragment>>();
  private readonly byPage = new Map<number, { fragments: Set<Fragment>; trace: Trace }>();
  private sites: Site[] = [];
  /** Cold code by unit, so that an address there finds its points. */
  private cold: (ColdBlock | undefined)[] = [];
  private readonly crossLinks = new Map<number, number>();
  private endLinear = CACHE_LINEAR;
  private coldLinear: number;
  /** The final jump of the fragment placed last, while nothing has replaced it. */
  private tail: Continuation | null = null;

  constructor(private readonly options: CacheOptions) {
    this.coldLinear = CACHE_LINEAR + options.sizeBytes;
  }

  /** All fragments since the last flush, in cache order, dropped ones included. */
  get fragments(): readonly Fragment[] {
    return this.fragmentList;
  }

  /** Bytes in use, hot and cold. */
  get usedBytes(): number {
    const { sizeBytes } = this.options;
    return this.endLinear - CACHE_LINEAR + (CACHE_LINEAR + sizeBytes - this.coldLinear);
  }

  get sizeBytes(): number {
    return this.options.sizeBytes;
  }

  site(id: number): Site | undefined {
    return this.sites[id];
  }

  /**
   * The valid translation of guest `eip`, whose byte is at `gpa`, in the code space `key`.
   * @param secondPage guest-physical number of the page that its only instruction goes on in, if it does.
   */
  find(key: number, eip: number, gpa: number, secondPage: number | null = null): Fragment | undefined {
    return this.byKey.get(spaceKey(key, secondPage))?.get(addressKey(eip, gpa));
  }

  /**
   * Places the translation of a unit.
   * @param secondPage as for {@link find}.
   * @param from the continuation that asked for it, if one did: when its jump ends the cache, the fragment takes that jump's place.
   */
  add(
    key: number,
    gpa: number,
    secondPage: number | null,
    unit: TranslationUnit,
    from: Continuation | null,
  ): Fragment {
    const versions = new Versions(unit);
    // Whether the second page is still where it was, is asked at the table: nothing falls through into its translation.
    const fragment = this.place(key, gpa, secondPage, unit, versions, secondPage === null ? from : null);
    versions.note(fragment);
    return fragment;
  }

  /** Places another translation of a unit whose guest code has not changed. */
  addVersion(of: Fragment, unit: TranslationUnit): Fragment {
    return this.place(of.key, of.gpa, of.secondPage, unit, of.versions, null);
  }

  private place(
    key: number,
    gpa: number,
    secondPage: number | null,
    unit: TranslationUnit,
    versions: Versions,
    from: Continuation | null,
  ): Fragment {
    if (this.endLinear + roomFor(unit) > this.coldLinear) {
      this.flush();
      from = null;
    }
    if (from !== null && from === this.tail) this.giveUpTail(from);
    const emitter = new Emitter(this.endLinear);
    const continuations: Continuation[] = [];
    const callouts: Callout[] = [];
    const starts = emitUnit(emitter, unit, {
      link: (eip, fieldLinear) => {
        const offset = (gpa & (PAGE_BYTES - 1)) + eip - unit.eip;
        const page = offset < PAGE_BYTES ? gpa >>> 12 : secondPage;
        if (offset < 0 || offset >= 2 * PAGE_BYTES || page === null)
          return this.crossLink(eip, targetSlot(eip));
        const targetGpa = page * PAGE_BYTES + (offset & (PAGE_BYTES - 1));
        const target = this.options.chaining ? this.find(key, eip, targetGpa) : undefined;
        if (target) return target.startLinear;
        const continuation = this.newContinuation(eip, fieldLinear);
        continuations.push(continuation);
        return continuation.stubLinear;
      },
      callout: (instruction) => this.newCallout(instruction, callouts).id,
      coldCallout: (instruction, held) => {
        const known = callouts.at(-1);
        if (known?.instruction === instruction) return known.stubLinear!;
        const callout = this.newCallout(instruction, callouts);
        callout.stubLinear = this.addCold(2, (linear) =>
          coldCallout(linear, callout.id, instruction.eip, held),
        );
        return callout.stubLinear;
      },
    });
    const bytes = Uint8Array.from(emitter.bytes);
    const { points } = emitter;
    const fragment = new Fragment(
      key,
      gpa,
      secondPage,
      unit,
      emitter.startLinear,
      bytes,
      points,
      starts,
      versions,
    );
    for (const callout of callouts) callout.fragment = fragment;
    this.write(fragment.startLinear, bytes);
    this.endLinear = fragment.endLinear;
    const last = continuations.at(-1);
    this.tail = this.options.chaining && last?.fieldLinear === fragment.endLinear - 4 ? last : null;
    if (this.tail) this.tail.lastOf = fragment;
    this.register(fragment);
    this.statistics.fragments++;
    this.statistics.instructions += unit.instructions.length;
    this.options.ledger.charge('translate', 'translate.instruction', unit.instructions.length);
    return fragment;
  }

  /**
   * Has control that leads to one version of a translation go on in another: a jump over the first bytes of the one,
   * and if the other began with such a jump itself, its own bytes again.
   */
  redirect(from: Fragment, to: Fragment): void {
    if (to.forward && to.beneathForward) {
      this.write(to.startLinear, to.beneathForward);
      to.forward = null;
      to.beneathForward = null;
    }
    this.byKey.get(spaceKey(to.key, to.secondPage))?.set(addressKey(to.unit.eip, to.gpa), to);
    this.options.ledger.charge('translate', 'translate.chain');
    if (!from.valid) return; // the cache was flushed to make room for the other
    if (this.tail?.lastOf === from) this.tail = null;
    from.beneathForward = this.read(from.startLinear, from.startLinear + JUMP_BYTES);
    from.forward = to;
    const jump = new Emitter(from.startLinear);
    jump.jump(exact(from.unit.eip), to.startLinear);
    this.write(from.startLinear, jump.bytes);
  }

  /**
   * Has the jump behind a continuation lead to `target` from now on: directly, or where an instruction lies in two pages
   * by a slot of its own, which holds while the mapping of guest code does.
   */
  chain(continuation: Continuation, target: Fragment): void {
    if (!this.options.chaining) return;
    if (this.sites[continuation.id] !== continuation) return; // given up, or flushed away
    const { unit, secondPage, startLinear } = target;
    if (secondPage === null) this.writeField(continuation.fieldLinear, startLinear);
    else {
      if (!this.hasColdRoom) return; // the next new unit flushes
      const link = this.crossLink(unit.eip, this.options.targets.edgeSlot(unit.eip));
      this.writeField(continuation.fieldLinear, link);
      this.enterTarget(target);
    }
    if (this.tail === continuation) this.tail = null;
    this.statistics.chains++;
    this.options.ledger.charge('translate', 'translate.chain');
  }

  /** Has the target table lead to `fragment` for its eip. */
  enterTarget(fragment: Fragment): void {
    if (!this.options.returnCache) return;
    if (fragment.prologueLinear === null) {
      if (!this.hasColdRoom) return; // the next new unit flushes
      const { unit, startLinear } = fragment;
      fragment.prologueLinear = this.addCold(2, (linear) => targetPrologue(linear, unit.eip, startLinear));
    }
    this.options.targets.set(fragment.unit.eip, fragment.prologueLinear);
    this.options.ledger.charge('translate', 'translate.chain');
  }

  /** Where the guest stands when the processor stands at `linear`; undefined outside all code. */
  locate(linear: number): CachePlace | undefined {
    if (linear >= this.coldLinear) {
      const block = this.cold[(linear - CACHE_LINEAR) >> 4];
      const point = block && findPoint(block.points, linear);
      return point && { point, fragment: null };
    }
    const fragment = this.fragmentAt(linear);
    const point = fragment?.pointAt(linear);
    return fragment && point && { point, fragment };
  }

  /** The code at [fromLinear, toLinear) as it is now, jumps chained. */
  read(fromLinear: number, toLinear: number): Uint8Array {
    const from = this.options.hpa + fromLinear - CACHE_LINEAR;
    return this.options.memory.u8.slice(from, from + toLinear - fromLinear);
  }

  /** What a jump within the cache leads to, in words; null for the inside of a fragment. */
  describe(linear: number): string | null {
    const fragment = this.fragmentAt(linear);
    if (fragment?.startLinear === linear) return `ccf ${hex(fragment.unit.eip)}`;
    return this.cold[(linear - CACHE_LINEAR) >> 4]?.what ?? null;
  }

  /** Drops everything. */
  flush(): void {
    for (const fragment of this.fragmentList) fragment.valid = false;
    this.fragmentList = [];
    this.byKey.clear();
    for (const { trace } of this.byPage.values()) trace.release();
    this.byPage.clear();
    this.sites = [];
    this.cold = [];
    this.crossLinks.clear();
    this.tail = null;
    this.endLinear = CACHE_LINEAR;
    this.coldLinear = CACHE_LINEAR + this.options.sizeBytes;
    this.options.targets.releaseEdges();
    this.statistics.flushes++;
  }

  /**
   * Drops the translations of guest code in [byteOffset, byteOffset + byteCount) of a guest-physical page. Jumps
   * to them stay: their first bytes become a jump to a continuation, so it takes constant time for each.
   */
  private invalidate(page: number, byteOffset: number, byteCount: number): void {
    const onPage = this.byPage.get(page);
    if (!onPage) return;
    for (const fragment of onPage.fragments) {
      if (!fragment.valid) return; // the cache was flushed for want of room
      if (!fragment.isFrom(page, byteOffset, byteCount)) continue;
      for (const each of fragment.pages) this.byPage.get(each)?.fragments.delete(fragment);
      this.drop(fragment, page);
      for (const each of fragment.pages) if (each !== page) this.releaseUnused(each);
    }
    if (this.byPage.get(page) === onPage) this.releaseUnused(page);
  }

  /** Ends the trace of a page that nothing is translated from any more. */
  private releaseUnused(page: number): void {
    const onPage = this.byPage.get(page);
    if (!onPage || onPage.fragments.size > 0) return;
    onPage.trace.release();
    this.byPage.delete(page);
  }

  /** @param page that was written. */
  private drop(fragment: Fragment, page: number): void {
    fragment.valid = false;
    const { key, secondPage, unit } = fragment;
    this.byKey.get(spaceKey(key, secondPage))?.delete(addressKey(unit.eip, fragment.gpa));
    // Else its own jump, led to the slot, would come back to it.
    if (secondPage !== null) this.options.targets.forget(unit.eip);
    const { statistics } = this;
    statistics.invalidated++;
    statistics.invalidatedByPage.set(page, (statistics.invalidatedByPage.get(page) ?? 0) + 1);
    if (!this.hasColdRoom) {
      this.flush();
      return;
    }
    if (this.tail?.lastOf === fragment) this.tail = null;
    const { stubLinear } = this.newContinuation(unit.eip, fragment.startLinear + 1);
    const forward = new Emitter(fragment.startLinear);
    forward.jump(exact(unit.eip), stubLinear);
    this.write(fragment.startLinear, forward.bytes);
  }

  private register(fragment: Fragment): void {
    this.fragmentList.push(fragment);
    const inSpace = spaceKey(fragment.key, fragment.secondPage);
    const space = this.byKey.get(inSpace) ?? new Map<number, Fragment>();
    this.byKey.set(inSpace, space);
    space.set(addressKey(fragment.unit.eip, fragment.gpa), fragment);
    for (const page of fragment.pages) {
      let onPage = this.byPage.get(page);
      if (!onPage) {
        const trace = this.options.trace(page, (byteOffset, byteCount) =>
          this.invalidate(page, byteOffset, byteCount),
        );
        onPage = { fragments: new Set(), trace };
        this.byPage.set(page, onPage);
      }
      onPage.fragments.add(fragment);
    }
  }

  /** There is room for cold code until a new unit flushes. */
  private get hasColdRoom(): boolean {
    return this.endLinear + MAX_COLD_BYTES <= this.coldLinear;
  }

  /** A fragment keeps at least a jump's length, so that it can be turned into one. */
  private giveUpTail(tail: Continuation): void {
    const fragment = tail.lastOf;
    if (!fragment || fragment.endLinear - fragment.startLinear < 2 * JUMP_BYTES) return;
    fragment.endLinear -= JUMP_BYTES;
    this.endLinear = fragment.endLinear;
    delete this.sites[tail.id];
    this.tail = null;
    this.statistics.elided++;
  }

  private newContinuation(eip: number, fieldLinear: number): Continuation {
    const id = this.sites.length;
    const stubLinear = this.addCold(1, (linear) => continuationStub(linear, id, eip));
    const continuation: Continuation = {
      kind: 'continuation',
      id,
      eip,
      fieldLinear,
      stubLinear,
      lastOf: null,
    };
    this.sites.push(continuation);
    this.statistics.continuations++;
    return continuation;
  }

  private newCallout(instruction: GuestInstruction, callouts: Callout[]): Callout {
    const callout: Callout = {
      kind: 'callout',
      id: this.sites.length,
      instruction,
      fragment: null,
      stubLinear: null,
    };
    this.sites.push(callout);
    callouts.push(callout);
    return callout;
  }

  /** A jump to guest `eip` by a slot of the target table. */
  private crossLink(eip: number, slot: number): number {
    const name = slot * 2 ** 32 + eip;
    const known = this.crossLinks.get(name);
    if (known !== undefined) return known;
    const linear = this.addCold(2, (at) => crossPageLink(at, eip, slot));
    this.crossLinks.set(name, linear);
    return linear;
  }

  private addCold(units: number, make: (linear: number) => ColdBlock): number {
    this.coldLinear -= units * COLD_UNIT_BYTES;
    const block = make(this.coldLinear);
    for (let unit = 0; unit < units; unit++)
      this.cold[((this.coldLinear - CACHE_LINEAR) >> 4) + unit] = block;
    this.write(this.coldLinear, Uint8Array.from(block.bytes));
    return this.coldLinear;
  }

  private fragmentAt(linear: number): Fragment | undefined {
    let low = 0;
    let high = this.fragmentList.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const fragment = this.fragmentList[middle];
      if (linear < fragment.startLinear) high = middle - 1;
      else if (linear >= fragment.endLinear) low = middle + 1;
      else return fragment;
    }
    return undefined;
  }

  private write(linear: number, bytes: Uint8Array | readonly number[]): void {
    this.options.memory.writeBytes(this.options.hpa + linear - CACHE_LINEAR, Uint8Array.from(bytes));
  }

  private writeField(fieldLinear: number, targetLinear: number): void {
    this.options.memory.write32(
      this.options.hpa + fieldLinear - CACHE_LINEAR,
      targetLinear - (fieldLinear + 4),
    );
  }
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** One number for a code space and the page that instructions go on in. Pages have 20 bits. */
function spaceKey(key: number, secondPage: number | null): number {
  return key * 2 ** 21 + (secondPage === null ? 0 : secondPage + 1);
}

/** One number for a guest eip at a guest-physical address: exact, since a physical page number has 20 bits. */
function addressKey(eip: number, gpa: number): number {
  return (gpa >>> 12) * 2 ** 32 + eip;
}
