import { FLAGS_ARITHMETIC, FLAGS_DEFINED, FLAG_ONE } from '../../arch/flags.js';
import { CS, ESP } from '../../arch/registers.js';
import * as state from '../../arch/state.js';
import { MOST_SHORT_WAYS } from '../processor.js';
import * as e from './expressions.js';
import type { Value } from './expressions.js';
import { CONTROL, DONE_SHORT, SHORT_WAY, SHORT_WAYS, SHORT_WAY_BYTES, SHORT_WAY_GROUP } from './layout.js';
import type { CompiledLayout } from './layout.js';
import { TransferRoutine } from './transfer-routine.js';

/*
 * The short ways of a monitor (ShortWays in cpu/processor.ts) in compiled code, by records that short-way-table.ts writes. All is
 * looked at first; a routine that fails has changed nothing.
 */

const WORD = 4;
const PAIR_BYTES = 8;
/** Where the pairs of a group are, which are taken in one go. */
const IN_GROUP = Array.from({ length: SHORT_WAY_GROUP }, (_, at) => at * PAIR_BYTES);
const USER_SIDE = 0;
const KERNEL_SIDE = 1;
/** With fewer instructions left the monitor is asked itself: more than any block has, and a crossing counts. */
const LEAST_INSTRUCTIONS = 128;
const SYSTEM = FLAGS_DEFINED & ~FLAGS_ARITHMETIC;
const BASE = 16;
const ESP_OFFSET = ESP * 2 * WORD;
const EFLAGS = state.EFLAGS_I32 * WORD;
const EIP = state.EIP_I32 * WORD;
const INDIRECT_JUMPS = state.INDIRECT_JUMPS_I32 * WORD;

const { add, and, differ, equal, get, isZero, load, or, shr, sub } = e;

class Records {
  /** Local: address of the record in use. */
  readonly at: number;

  constructor(private readonly r: TransferRoutine) {
    this.at = r.local();
  }

  word(place: number): Value {
    return load(0, this.r.layout.arenaBytes + place);
  }
  setWord(place: number, value: Value): void {
    this.r.store(0, this.r.layout.arenaBytes + place, value);
  }
  field(offset: number): Value {
    return load(get(this.at), offset);
  }

  /** Finds the first of `count` records from number `first` on that fits. */
  find(first: number, count: Value, fits: Value): void {
    const { r, at } = this;
    const start = r.layout.arenaBytes + SHORT_WAYS.records + first * SHORT_WAY_BYTES;
    r.set(at, start);
    const end = r.local(add(start, e.mul(count, SHORT_WAY_BYTES)));
    r.block((found) =>
      r.loop((next) => {
        r.failIf(equal(get(at), get(end)));
        r.leaveIf(found, fits);
        r.set(at, add(get(at), SHORT_WAY_BYTES));
        r.leaveIf(next, 1);
      }),
    );
  }

  /** Guest code is on this side, and neither instructions nor time run out. */
  requireRoom(side: number, instructions: Value): void {
    const { r } = this;
    r.failIf(or(isZero(this.word(SHORT_WAYS.isOpen)), differ(this.word(SHORT_WAYS.side), side)));
    const isNear = isZero(this.word(SHORT_WAYS.isFar));
    r.failIf(and(isNear, e.less(instructions, LEAST_INSTRUCTIONS)));
  }

  requireWords(ticks: Value): void {
    const { r } = this;
    const isNear = isZero(this.word(SHORT_WAYS.isFar));
    r.failIf(and(isNear, e.atMost(ticks, this.field(SHORT_WAY.ticks))));
    this.eachGroup(SHORT_WAY.when, SHORT_WAY.whenCount, (pair) => {
      const [first, ...others] = IN_GROUP.map((at) =>
        e.xor(load(load(get(pair), at)), load(get(pair), at + WORD)),
      );
      r.failIf(or(first, ...others));
    });
  }

  /** Nothing can fail any more. */
  take(side: number): void {
    const { r, at } = this;
    this.eachGroup(SHORT_WAY.then, SHORT_WAY.thenCount, (pair) => {
      for (const at of IN_GROUP) r.store(load(get(pair), at), 0, load(get(pair), at + WORD));
    });
    r.store(get(at), SHORT_WAY.times, add(this.field(SHORT_WAY.times), 1));
    this.setWord(SHORT_WAYS.last, get(at));
    this.setWord(SHORT_WAYS.taken, add(this.word(SHORT_WAYS.taken), 1));
    this.setWord(SHORT_WAYS.side, side);
    this.setWord(CONTROL.refetch, 1);
  }

  private eachGroup(list: number, count: number, write: (pair: number) => void): void {
    const { r, at } = this;
    const pair = r.local(add(get(at), list));
    const end = r.local(add(get(pair), e.mul(this.field(count), PAIR_BYTES)));
    r.block((done) =>
      r.loop((next) => {
        r.leaveIf(done, equal(get(pair), get(end)));
        write(pair);
        r.set(pair, add(get(pair), PAIR_BYTES * IN_GROUP.length));
        r.leaveIf(next, 1);
      }),
    );
  }
}

/**
 * `run(vector, eip, instructions, ticks)`: INT n, in place of its delivery. @param eip of the next instruction; then what is left.
 * @returns a module whose function gives DONE_SHORT when it has gone on.
 */
export function shortCallModule(layout: CompiledLayout): Uint8Array<ArrayBuffer> {
  const r = new TransferRoutine(layout, 4);
  const [vector, eip, instructions, ticks] = [0, 1, 2, 3];
  const records = new Records(r);
  const of = (offset: number): Value => records.field(offset);
  records.requireRoom(USER_SIDE, get(instructions));
  const end = r.local(add(get(eip), r.segment(CS, BASE)));
  const page = r.local(shr(sub(get(end), 1), 12));
  r.failIf(differ(shr(sub(get(end), 2), 12), get(page)));
  records.find(
    0,
    records.word(SHORT_WAYS.calls),
    and(
      and(equal(of(SHORT_WAY.key), get(vector)), equal(of(SHORT_WAY.place), get(page))),
      equal(of(SHORT_WAY.left), records.word(SHORT_WAYS.left)),
    ),
  );
  r.failIf(differ(and(r.state(EFLAGS), SYSTEM), of(SHORT_WAY.userFlags)));
  const frame = r.local(of(SHORT_WAY.frame));
  r.failIf(r.isMarked(frame));
  records.requireWords(get(ticks));

  r.store(get(frame), 0, get(eip));
  r.store(get(frame), WORD, of(SHORT_WAY.codeSelector));
  r.store(get(frame), 2 * WORD, r.flagsImage());
  r.store(get(frame), 3 * WORD, r.state(ESP_OFFSET));
  r.store(get(frame), 4 * WORD, of(SHORT_WAY.stackSelector));
  r.setState(ESP_OFFSET, of(SHORT_WAY.esp));
  r.setState(EIP, of(SHORT_WAY.eip));
  r.setState(EFLAGS, or(and(r.state(EFLAGS), of(SHORT_WAY.keptFlags)), of(SHORT_WAY.setFlags)));
  records.setWord(SHORT_WAYS.jumpsBefore, r.state(INDIRECT_JUMPS));
  records.setWord(SHORT_WAYS.ticks, of(SHORT_WAY.ticks));
  records.take(KERNEL_SIDE);
  r.return(DONE_SHORT);
  return r.finish();
}

/** `run(offset)`: control has come there in the entry page. @returns a module whose function gives 1 when it has gone on. */
export function shortReturnModule(layout: CompiledLayout): Uint8Array<ArrayBuffer> {
  const r = new TransferRoutine(layout, 1);
  const offset = 0;
  const records = new Records(r);
  const of = (place: number): Value => records.field(place);
  records.requireRoom(KERNEL_SIDE, records.word(CONTROL.instructions));
  records.find(
    MOST_SHORT_WAYS.each,
    records.word(SHORT_WAYS.returns),
    and(equal(of(SHORT_WAY.key), get(offset)), equal(load(of(SHORT_WAY.site)), of(SHORT_WAY.place))),
  );
  r.failIf(differ(r.state(ESP_OFFSET), of(SHORT_WAY.esp)));
  const frame = r.local(of(SHORT_WAY.frame));
  const eip = r.local(load(get(frame)));
  const flags = r.local(load(get(frame), 2 * WORD));
  r.failIf(
    or(
      differ(and(get(flags), SYSTEM), of(SHORT_WAY.userFlags)),
      differ(load(get(frame), WORD), of(SHORT_WAY.codeSelector)),
      differ(load(get(frame), 4 * WORD), of(SHORT_WAY.stackSelector)),
      e.above(get(eip), of(SHORT_WAY.eip)),
    ),
  );
  records.requireWords(records.word(CONTROL.ticks));

  r.setState(ESP_OFFSET, load(get(frame), 3 * WORD));
  r.setState(EIP, get(eip));
  r.setState(EFLAGS, or(and(get(flags), SYSTEM), FLAG_ONE));
  r.setArithmeticFlags(get(flags));
  const jumps = sub(r.state(INDIRECT_JUMPS), records.word(SHORT_WAYS.jumpsBefore));
  records.setWord(SHORT_WAYS.jumps, add(records.word(SHORT_WAYS.jumps), jumps));
  records.setWord(SHORT_WAYS.left, of(SHORT_WAY.left));
  records.setWord(CONTROL.ticks, sub(records.word(CONTROL.ticks), of(SHORT_WAY.ticks)));
  records.setWord(CONTROL.instructions, sub(records.word(CONTROL.instructions), 1));
  records.take(USER_SIDE);
  r.return(1);
  return r.finish();
}
