import { ATTR_DB } from '../../arch/descriptors.js';
import { FLAG_RF } from '../../arch/flags.js';
import { CS } from '../../arch/registers.js';
import * as state from '../../arch/state.js';
import { VECTOR_PF } from '../../arch/vectors.js';
import { COST_KEY_INDEX } from '../../cost/keys.js';
import * as tlb from '../tlb.js';
import * as code from './code-directory.js';
import {
  add,
  above,
  and,
  atMost,
  below,
  choose,
  differ,
  equal,
  get,
  isZero,
  less,
  load,
  or,
  put,
  shl,
  shr,
  sub,
  call,
} from './expressions.js';
import type { Value } from './expressions.js';
import { ALLOWED, CONTROL, DIRECTORY_ENTRY_BYTES } from './layout.js';
import type { CompiledLayout } from './layout.js';
import * as local from './locals.js';
import { indirectType } from './module-writer.js';
import type { ImportedFunction } from './module-writer.js';
import * as op from './opcodes.js';
import { Routine } from './routine.js';

const WORD = 4;
const USER = 3;
const PAGE_BYTES = 4096;
const PAGE_MASK = PAGE_BYTES - 1;
const BASE = 16;
const ATTRIBUTES = 4;
/** No block has more operations (cpu/block-decoder.ts). */
const MOST_OPERATIONS = 64;

/** A unit gives the number of the exit it was left by, with this bit where the next unit may go on. */
export const EXIT_CHAINS = 1 << 30;
export const EXIT_MASK = 0xffff;
/** In place of an exit: it has been followed by the delivery of a page fault, or by a short way of a monitor. */
export const EXIT_DELIVERED = -1;

const DELIVER = 0;
const SHORT_RETURN = 1;
export const DISPATCH_IMPORTS: readonly ImportedFunction[] = [
  { name: 'deliver', parameters: 6, results: 1 },
  { name: 'shortReturn', parameters: 1, results: 1 },
];

/**
 * `run(slot, entry, eipBase)` enters a unit, and then those that control goes on to, until it comes to something that
 * is the run loop's: no unit there, the end of a budget, anything out of the ordinary.
 * @returns a module whose function gives the exit of the last unit, whose slot stands in `CONTROL.slot`; or EXIT_DELIVERED.
 */
export function dispatchModule(layout: CompiledLayout, prices: Float64Array): Uint8Array<ArrayBuffer> {
  const r = new Routine(3);
  const [slot, entry, eipBase] = [0, 1, 2];
  const control = (offset: number): Value => load(0, layout.arenaBytes + offset);
  const setControl = (offset: number, value: Value): void => r.store(0, layout.arenaBytes + offset, value);
  const word = (offset: number): Value => load(0, layout.stateBytes + offset);
  const segment = (field: number): Value => word(state.SEGMENT_OFFSET + CS * state.SEGMENT_STRIDE + field);
  const allowed = r.local(control(CONTROL.allowed));
  const linearPage = r.local(control(CONTROL.linearPage));
  const hostPage = r.local(control(CONTROL.hostPage));
  // What only the short way of a monitor changes.
  const codeBase = r.local();
  const lastPage = r.local();
  const wordOfSize = r.local();
  const readCodeSegment = (): void => {
    r.set(codeBase, segment(BASE));
    r.set(lastPage, sub(word(state.CODE_LIMIT_I32 * WORD), PAGE_MASK));
    r.set(wordOfSize, choose(and(segment(ATTRIBUTES), ATTR_DB), WORD, 0));
  };
  const isAllowed = (what: number): Value => and(get(allowed), what);

  const exit = r.local();
  const isUser = r.local();
  const eip = r.local();
  const linear = r.local();
  const offset = r.local();
  const host = r.local();
  const table = r.local();
  const found = r.local();
  const returnExit = (condition: Value): void => r.if(condition, () => r.return(get(exit)));
  const isDue = atMost(control(CONTROL.ticks), 0);
  const setUser = (): void => r.set(isUser, equal(word(state.CPL_I32 * WORD), USER));

  const eflags = state.EFLAGS_I32 * WORD;
  const setFlags = (value: Value): void => r.store(0, layout.stateBytes + eflags, value);
  const resumes = r.local();
  const before = r.local();
  readCodeSegment();
  setUser();
  r.loop((again) => {
    setControl(CONTROL.slot, get(slot));
    // RF, from an IRET, is cleared by the instruction after it, if that completes.
    r.set(resumes, and(word(eflags), FLAG_RF));
    r.if(get(resumes), () => setFlags(and(word(eflags), ~FLAG_RF)));
    r.set(before, control(CONTROL.instructions));
    r.set(exit, (w) => {
      put(w, get(entry));
      put(w, get(eipBase));
      put(w, control(CONTROL.instructions));
      put(w, control(CONTROL.ticks));
      put(w, choose(get(isUser), tlb.FAST_READ_USER, tlb.FAST_READ_SUPERVISOR));
      put(w, choose(get(isUser), tlb.FAST_WRITE_USER, tlb.FAST_WRITE_SUPERVISOR));
      put(w, get(slot));
      w.callIndirect(indirectType(DISPATCH_IMPORTS));
    });
    r.if(and(get(resumes), shl(equal(control(CONTROL.instructions), get(before)), Math.log2(FLAG_RF))), () =>
      setFlags(or(word(eflags), FLAG_RF)),
    );
    r.if(isZero(and(get(exit), EXIT_CHAINS)), () => {
      returnExit(or(isZero(control(CONTROL.fault)), isZero(isAllowed(ALLOWED.faults))));
      const isDone = call(
        DELIVER,
        VECTOR_PF,
        word(state.EIP_I32 * WORD),
        1,
        control(CONTROL.faultCode),
        0,
        0,
      );
      returnExit(isZero(isDone));
      setControl(CONTROL.fault, 0);
      r.store(0, layout.stateBytes + state.CR2_I32 * WORD, control(CONTROL.faultLinear));
      setControl(CONTROL.faultsDelivered, add(control(CONTROL.faultsDelivered), 1));
      setControl(CONTROL.ticks, sub(control(CONTROL.ticks), prices[COST_KEY_INDEX['page.fault']]));
      r.set(exit, EXIT_DELIVERED);
      r.if(isDue, () => setControl(CONTROL.poll, 1));
    });
    returnExit(or(isDue, less(control(CONTROL.instructions), MOST_OPERATIONS)));
    returnExit(isZero(isAllowed(ALLOWED.chains)));

    // Where the next instruction comes from, by the fetcher's page or the fast TLB entry as it is.
    r.if(isAllowed(ALLOWED.shortWays), readCodeSegment);
    const moves = or(control(CONTROL.refetch), differ(shr(get(linear), 12), get(linearPage)));
    r.loop((elsewhere) => {
      setUser();
      r.set(eip, word(state.EIP_I32 * WORD));
      r.set(linear, add(get(eip), get(codeBase)));
      r.set(offset, and(get(linear), PAGE_MASK));
      r.set(host, get(hostPage));
      r.if(moves, () => {
        r.set(host, load(shl(shr(get(linear), 12), 2), layout.tlb.fast));
        const bit = choose(get(isUser), tlb.FAST_FETCH_USER, tlb.FAST_FETCH_SUPERVISOR);
        returnExit(isZero(and(get(host), bit)));
        r.set(host, and(get(host), ~PAGE_MASK));
        r.if(equal(get(host), control(CONTROL.entryPage)), () => {
          returnExit(isZero(isAllowed(ALLOWED.shortWays)));
          returnExit(isZero(call(SHORT_RETURN, get(offset))));
          r.set(exit, EXIT_DELIVERED);
          readCodeSegment();
          r.leaveIf(elsewhere, 1);
        });
      });
    });
    const directory = shl(shr(get(host), 12), Math.log2(DIRECTORY_ENTRY_BYTES));
    r.set(table, load(add(directory, get(wordOfSize)), layout.directoryBytes));
    returnExit(isZero(get(table)));
    r.set(found, load(add(get(table), shl(get(offset), 1)), 0, op.I32_LOAD16_U));
    returnExit(isZero(get(found)));
    // All of the page must lie within the segment, as that of the first unit does.
    r.set(eipBase, sub(get(eip), get(offset)));
    returnExit(or(below(get(eip), get(offset)), above(get(eipBase), get(lastPage))));
    r.if(moves, () => {
      r.set(linearPage, shr(get(linear), 12));
      r.set(hostPage, get(host));
      setControl(CONTROL.linearPage, get(linearPage));
      setControl(CONTROL.hostPage, get(hostPage));
      setControl(CONTROL.refetch, 0);
    });
    r.set(slot, shr(get(found), code.SLOT_SHIFT));
    r.set(entry, and(get(found), code.INDEX_MASK));
    r.leaveIf(again, 1);
  });
  return r.module(get(exit), { imports: DISPATCH_IMPORTS, indirectParameters: local.PARAMETERS });
}
