import { CR0_WP, CR4_PGE, CR4_PSE } from '../../arch/control.js';
import { PTE_A, PTE_D, PTE_FRAME, PTE_G, PTE_P, PTE_PS, PTE_U, PTE_W } from '../../arch/paging.js';
import { CPL_I32, CR0_I32, CR3_I32, CR4_I32 } from '../../arch/state.js';
import { PF_PRESENT, PF_USER, PF_WRITE } from '../../arch/vectors.js';
import { COST_KEY_INDEX } from '../../cost/keys.js';
import * as tlb from '../tlb.js';
import { MAX_FAST_PAGES } from '../tlb-area.js';
import {
  add,
  above,
  and,
  call,
  choose,
  differ,
  equal,
  get,
  isZero,
  load,
  mul,
  or,
  put,
  shl,
  shr,
  sub,
} from './expressions.js';
import type { Value } from './expressions.js';
import { ALLOWED, CONTROL } from './layout.js';
import type { CompiledLayout } from './layout.js';
import type { ImportedFunction } from './module-writer.js';
import * as op from './opcodes.js';
import { Routine } from './routine.js';

/*
 * The modelled TLB (cpu/tlb.ts) and walks of two-level tables (cpu/mmu.ts) once more, for compiled code: the usual
 * case. All is looked at first; where anything is unusual nothing has changed and the processor's own does it.
 */

const WORD = 4;
const WORD_SHIFT = 2;
const DOUBLE_SHIFT = 3;
const USER = 3;
/** A page-directory entry's index and a page-table entry's, times the size of an entry. */
const TABLE_INDEX = 0xffc;
const SLOW = 0;

/** More ways than that are not written out one by one: the processor's own looks through them. */
export const MOST_WAYS = 16;

export const FILL_IMPORTS: readonly ImportedFunction[] = [{ name: 'slow', parameters: 2, results: 1 }];
export const INVALIDATE_IMPORTS: readonly ImportedFunction[] = [{ name: 'slow', parameters: 1, results: 1 }];

class TlbRoutine extends Routine {
  constructor(
    parameters: number,
    protected readonly layout: CompiledLayout,
  ) {
    super(parameters);
  }

  state(index: number): Value {
    return load(0, this.layout.stateBytes + index * WORD);
  }
  control(offset: number): Value {
    return load(0, this.layout.arenaBytes + offset);
  }
  setControl(offset: number, value: Value): void {
    this.store(0, this.layout.arenaBytes + offset, value);
  }
  isForbidden(what: number): Value {
    return isZero(and(this.control(CONTROL.allowed), what));
  }

  /** Locals with the number of the page of `1 << shift` bytes at `linear`, and the first word of its set. */
  private setOf(linear: number, shift: number): { tag: number; first: number } {
    const { entries, ways } = this.layout.tlbShape;
    const tag = this.local(shr(get(linear), shift));
    return { tag, first: this.local(mul(and(get(tag), entries / ways - 1), ways * WORD)) };
  }

  /** For each way of the set of the 4 KB page at `linear`. `word`: where its entry is in the tables of words by entry. */
  smallWays(linear: number, visit: (way: { tag: Value; word: Value; offset: number }) => void): void {
    const { tag, first } = this.setOf(linear, 12);
    for (let way = 0; way < this.layout.tlbShape.ways; way++)
      visit({ tag: get(tag), word: get(first), offset: way * WORD });
  }

  /** Whether an entry may map the page of `1 << shift` bytes: there is none if none has its number. */
  mayHave(linear: number, shift: number): Value {
    const { tag, first } = this.setOf(linear, shift);
    const matches = Array.from({ length: this.layout.tlbShape.ways }, (_, way) =>
      equal(load(get(first), this.layout.tlb.tags + way * WORD), get(tag)),
    );
    return or(matches[0], ...matches.slice(1));
  }

  setFast(page: Value, value: Value): void {
    this.store(shl(page, WORD_SHIFT), this.layout.tlb.fast, value);
  }
}

/**
 * `run(linear, write)` gives the fast entry that allows the access, or 0, with `CONTROL.fault` set when that is a page
 * fault. What it charges stands in `CONTROL.helperTicks`.
 */
export function fillModule(layout: CompiledLayout, prices: Float64Array): Uint8Array<ArrayBuffer> {
  const r = new TlbRoutine(2, layout);
  const [linear, write] = [0, 1];
  const { places, ram } = { places: layout.tlb, ram: layout.ram };
  const { entries, ways } = layout.tlbShape;
  const slowly = call(SLOW, get(linear), get(write));
  const slowIf = (condition: Value): void => r.if(condition, () => r.return(slowly));
  const isMarked = (host: number): Value => load(shr(get(host), 12), layout.marksBytes, op.I32_LOAD8_U);

  slowIf(r.isForbidden(ALLOWED.walks));
  // While two-level tables are in use, large pages have 4 MB. An entry that denies the access is walked for too.
  slowIf(or(r.mayHave(linear, 12), r.mayHave(linear, tlb.SHIFT_4MB)));
  const isUser = r.local(equal(r.state(CPL_I32), USER));

  const references = (count: number): void => {
    r.setControl(CONTROL.references, add(r.control(CONTROL.references), count));
    r.setControl(CONTROL.helperTicks, count * prices[COST_KEY_INDEX['walk.reference']]);
  };
  const faultIf = (condition: Value, cause: number, count: number): void =>
    r.if(condition, () => {
      references(count);
      const access = or(cause, choose(get(write), PF_WRITE, 0), choose(get(isUser), PF_USER, 0));
      r.setControl(CONTROL.fault, 1);
      r.setControl(CONTROL.faultCode, access);
      r.setControl(CONTROL.faultLinear, get(linear));
      r.setFast(shr(get(linear), 12), 0);
      r.return(0);
    });
  /** Reads an entry. @returns locals: its host address, and it. */
  const entryOf = (table: Value, index: Value): [number, number] => {
    const physical = r.local(add(and(table, PTE_FRAME), index));
    // The last byte of an aligned word is inside when the first one is.
    slowIf(above(get(physical), ram.sizeBytes - WORD));
    const host = r.local(add(get(physical), ram.hostBytes));
    return [host, r.local(load(get(host)))];
  };

  const [directoryHost, directory] = entryOf(r.state(CR3_I32), and(shr(get(linear), 20), TABLE_INDEX));
  faultIf(isZero(and(get(directory), PTE_P)), 0, 1);
  r.if(and(get(directory), PTE_PS), () => slowIf(and(r.state(CR4_I32), CR4_PSE)));
  const [pageHost, page] = entryOf(get(directory), and(shr(get(linear), 10), TABLE_INDEX));
  faultIf(isZero(and(get(page), PTE_P)), 0, 2);
  const rights = r.local(and(and(get(directory), get(page)), PTE_W | PTE_U));
  faultIf(and(get(isUser), isZero(and(get(rights), PTE_U))), PF_PRESENT, 2);
  r.if(and(get(write), isZero(and(get(rights), PTE_W))), () =>
    faultIf(or(get(isUser), and(r.state(CR0_I32), CR0_WP)), PF_PRESENT, 2),
  );

  // What has to be left to the processor, before anything changes.
  const usedDirectory = r.local(or(get(directory), PTE_A));
  const usedPage = r.local(or(get(page), PTE_A, choose(get(write), PTE_D, 0)));
  r.if(differ(get(usedDirectory), get(directory)), () => slowIf(isMarked(directoryHost)));
  r.if(differ(get(usedPage), get(page)), () => slowIf(isMarked(pageHost)));
  const frame = r.local(and(get(page), PTE_FRAME));
  slowIf(above(get(frame), ram.sizeBytes - 1));
  const tag = r.local(shr(get(linear), 12));
  const set = r.local(and(get(tag), entries / ways - 1));
  const nextWay = r.local(load(shl(get(set), WORD_SHIFT), places.nextWay));
  const entry = r.local(add(mul(get(set), ways), get(nextWay)));
  const words = r.local(shl(get(entry), WORD_SHIFT));
  const evicted = r.local(load(get(words), places.flags));
  slowIf(and(get(evicted), tlb.TLB_LARGE));
  const fastCount = r.local(load(0, places.fastCount));
  slowIf(equal(get(fastCount), MAX_FAST_PAGES));

  references(2);
  r.if(differ(get(usedDirectory), get(directory)), () => r.store(get(directoryHost), 0, get(usedDirectory)));
  r.if(differ(get(usedPage), get(page)), () => r.store(get(pageHost), 0, get(usedPage)));
  // The entry takes the place of the oldest of its set.
  r.store(
    shl(get(set), WORD_SHIFT),
    places.nextWay,
    choose(equal(get(nextWay), ways - 1), 0, add(get(nextWay), 1)),
  );
  const sameSpace = equal(load(get(words), places.asids), r.control(CONTROL.asid));
  r.if(and(differ(get(evicted), 0), sameSpace), () => r.setFast(load(get(words), places.tags), 0));
  const kept = choose(and(r.state(CR4_I32), CR4_PGE), PTE_D | PTE_G, PTE_D);
  const flags = r.local(or(get(rights), and(get(usedPage), kept), tlb.TLB_VALID));
  r.store(get(words), places.tags, get(tag));
  r.store(get(words), places.asids, r.control(CONTROL.asid));
  r.store(get(words), places.flags, get(flags));
  r.store(
    shl(get(entry), DOUBLE_SHIFT),
    places.frames,
    (w) => {
      put(w, get(frame));
      w.op(op.F64_CONVERT_I32_U);
    },
    op.F64_STORE,
  );
  const isListed = or(
    load(shl(get(tag), WORD_SHIFT), places.fast),
    and(
      differ(get(fastCount), 0),
      equal(load(shl(sub(get(fastCount), 1), WORD_SHIFT), places.fastPages), get(tag)),
    ),
  );
  r.if(isZero(isListed), () => {
    r.store(shl(get(fastCount), WORD_SHIFT), places.fastPages, get(tag));
    r.store(0, places.fastCount, add(get(fastCount), 1));
  });
  const result = r.local(or(add(get(frame), ram.hostBytes), fastBits(r, flags)));
  r.setFast(get(tag), get(result));
  return r.module(get(result), { imports: FILL_IMPORTS });
}

/** What a fast entry may answer, as the MMU has it; without PAE every page can be executed. */
function fastBits(r: TlbRoutine, flags: number): Value {
  const has = (bit: number): Value => differ(and(get(flags), bit), 0);
  const isUser = r.local(has(PTE_U));
  const isDirty = r.local(has(PTE_D));
  const isWritable = r.local(and(get(isDirty), has(PTE_W)));
  const protects = r.local(differ(and(r.state(CR0_I32), CR0_WP), 0));
  const writes = or(get(isWritable), and(get(isDirty), isZero(get(protects))));
  return or(
    tlb.FAST_READ_SUPERVISOR | tlb.FAST_FETCH_SUPERVISOR,
    choose(get(isUser), tlb.FAST_READ_USER | tlb.FAST_FETCH_USER, 0),
    choose(writes, tlb.FAST_WRITE_SUPERVISOR, 0),
    choose(and(get(isWritable), get(isUser)), tlb.FAST_WRITE_USER, 0),
  );
}

/** `run(linear)` does what INVLPG does to the TLB. It gives nothing of use. @param fewWays see {@link MOST_WAYS}. */
export function invalidateModule(layout: CompiledLayout, fewWays: boolean): Uint8Array<ArrayBuffer> {
  const r = new TlbRoutine(1, layout);
  const linear = 0;
  const { flags, tags, asids } = layout.tlb;
  const slowly = call(SLOW, get(linear));
  r.setControl(CONTROL.refetch, 1);
  r.setControl(CONTROL.invalidations, add(r.control(CONTROL.invalidations), 1));
  r.setControl(CONTROL.lastInvalidated, get(linear));
  if (!fewWays) return r.module(slowly, { imports: INVALIDATE_IMPORTS });
  // Else pages may have other sizes.
  r.if(r.isForbidden(ALLOWED.walks), () => r.return(slowly));
  r.if(r.mayHave(linear, tlb.SHIFT_4MB), () => r.return(slowly));
  r.smallWays(linear, ({ tag, word, offset }) =>
    r.if(equal(load(word, tags + offset), tag), () => {
      const isSmall = isZero(and(load(word, flags + offset), tlb.TLB_SIZE));
      const isOfSpace = equal(load(word, asids + offset), r.control(CONTROL.asid));
      r.if(and(isSmall, isOfSpace), () => {
        r.store(word, flags + offset, 0);
        r.store(word, tags + offset, tlb.NO_TAG);
      });
    }),
  );
  r.setFast(shr(get(linear), 12), 0);
  return r.module(0, { imports: INVALIDATE_IMPORTS });
}
