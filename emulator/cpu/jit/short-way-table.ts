import { MOST_SHORT_WAYS } from '../processor.js';
import type { ShortCall, ShortReturn, ShortWay, ShortWayEnd, ShortWays, Word } from '../processor.js';
import { SHORT_WAY, SHORT_WAYS, SHORT_WAY_BYTES, SHORT_WAY_GROUP } from './layout.js';
import type { CompiledLayout } from './layout.js';

const WORD = 4;
const SIDES = ['user', 'kernel'] as const;

/** In groups, rounded up. */
function whole(pairs: number): number {
  return Math.ceil(pairs / SHORT_WAY_GROUP) * SHORT_WAY_GROUP;
}

/** A monitor's short ways where compiled code finds them. */
export class ShortWayTable {
  private readonly words: Int32Array;
  private readonly recordsBytes: number;
  /** What was written last. */
  private calls: readonly ShortCall[] = [];
  private returns: readonly ShortReturn[] = [];

  constructor(layout: CompiledLayout) {
    const { buffer } = layout.memory;
    this.words = new Int32Array(buffer, layout.arenaBytes);
    this.recordsBytes = layout.arenaBytes + SHORT_WAYS.records;
  }

  /** The memory may hold what it held at another time. */
  forget(): void {
    this.calls = [];
    this.returns = [];
  }

  /** Compiled code is about to be entered. @param isFar see {@link SHORT_WAYS}. @returns whether it may go short ways. */
  open(ways: ShortWays, isFar: boolean): boolean {
    const { isOpen } = ways;
    this.set(SHORT_WAYS.isOpen, isOpen ? 1 : 0);
    if (!isOpen) return false;
    if (ways.calls !== this.calls || ways.returns !== this.returns) this.write(ways);
    const { side, left, indirectJumps } = ways.end;
    this.set(SHORT_WAYS.side, SIDES.indexOf(side));
    this.set(SHORT_WAYS.left, left);
    this.set(SHORT_WAYS.isFar, isFar ? 1 : 0);
    this.set(SHORT_WAYS.jumpsBefore, indirectJumps);
    this.set(SHORT_WAYS.jumps, 0);
    return true;
  }

  /** What compiled code has called has changed something: it goes no more of them until it is entered again. */
  shut(): void {
    this.set(SHORT_WAYS.isOpen, 0);
  }

  /** Compiled code has been left. @returns how many short ways it has gone. */
  close(ways: ShortWays): number {
    const taken = this.get(SHORT_WAYS.taken);
    if (taken === 0) return 0;
    this.set(SHORT_WAYS.taken, 0);
    const { calls, returns } = this;
    calls.forEach((way, at) => this.takeTimes(way, at));
    returns.forEach((way, at) => this.takeTimes(way, MOST_SHORT_WAYS.each + at));
    const number = (this.get(SHORT_WAYS.last) - this.recordsBytes) / SHORT_WAY_BYTES;
    const last = number < MOST_SHORT_WAYS.each ? calls[number] : returns[number - MOST_SHORT_WAYS.each];
    const end: ShortWayEnd = {
      side: SIDES[this.get(SHORT_WAYS.side)],
      left: this.get(SHORT_WAYS.left),
      indirectJumps: this.get(SHORT_WAYS.jumpsBefore) >>> 0,
    };
    ways.follow(last, end, this.get(SHORT_WAYS.jumps) >>> 0);
    return taken;
  }

  private write({ calls, returns }: ShortWays): void {
    this.calls = calls;
    this.returns = returns;
    this.set(SHORT_WAYS.calls, calls.length);
    this.set(SHORT_WAYS.returns, returns.length);
    calls.forEach((way, at) => {
      this.writeRecord(at, way, {
        key: way.vector,
        place: way.codePage,
        eip: way.eip,
        keptFlags: way.keptFlags,
        setFlags: way.setFlags,
      });
    });
    returns.forEach((way, at) => {
      const [site, place] = way.site;
      this.writeRecord(MOST_SHORT_WAYS.each + at, way, {
        key: way.entryOffset,
        place,
        site,
        eip: way.codeLimit,
      });
    });
  }

  private writeRecord(
    number: number,
    way: ShortWay,
    own: Partial<Record<'key' | 'place' | 'site' | 'eip' | 'keptFlags' | 'setFlags', number>>,
  ): void {
    const { ticks, userFlags, esp, frame, codeSelector, stackSelector, left, when, then } = way;
    const common = { ticks, userFlags, esp, frame, codeSelector, stackSelector, left };
    const counts = { whenCount: whole(when.length), thenCount: whole(then.length) };
    const fields = { ...common, times: 0, ...counts, ...own };
    const at = SHORT_WAYS.records + number * SHORT_WAY_BYTES;
    for (const [name, value] of Object.entries(fields))
      this.set(at + SHORT_WAY[name as keyof typeof SHORT_WAY], value);
    this.writePairs(at + SHORT_WAY.when, when);
    this.writePairs(at + SHORT_WAY.then, then);
  }

  private writePairs(at: number, pairs: readonly Word[]): void {
    for (let index = 0; index < whole(pairs.length); index++) {
      const [place, value] = pairs[Math.min(index, pairs.length - 1)];
      this.set(at + 2 * WORD * index, place);
      this.set(at + 2 * WORD * index + WORD, value);
    }
  }

  private takeTimes(way: ShortWay, number: number): void {
    const at = SHORT_WAYS.records + number * SHORT_WAY_BYTES + SHORT_WAY.times;
    way.times += this.get(at);
    this.set(at, 0);
  }

  /** @param offset in the arena. */
  private get(offset: number): number {
    return this.words[offset / WORD];
  }
  private set(offset: number, value: number): void {
    this.words[offset / WORD] = value;
  }
}
