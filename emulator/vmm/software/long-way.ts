import { PAGE_BYTES } from '../../arch/paging.js';
import { ESP } from '../../arch/registers.js';
import { ACCOUNT_INDEX, COST_KEY_COUNT, COST_KEY_INDEX } from '../../cost/keys.js';
import type { Account, CostKey } from '../../cost/keys.js';
import type { TransferPlaces } from '../../machine.js';
import type { ShadowMonitor } from '../shadow-monitor.js';
import { CrossingCounts } from './crossing-counts.js';
import type { Dispatcher } from './dispatcher.js';
import type { Callout, Fragment } from './fragment.js';
import { FRAME_WORDS, SYSTEM, UNUSUAL, WORD, linearPage } from './known-crossing.js';
import type { KnownCall, KnownReturn } from './known-crossing.js';
import type { RegisterCarrier } from './registers.js';
import { sideOf } from './side.js';
import type { Side } from './side.js';
import { WatchedWords } from './watched-words.js';

const DESCRIPTOR_WORDS = 2;
const WALKS = ACCOUNT_INDEX.walk * COST_KEY_COUNT + COST_KEY_INDEX['walk.reference'];

/** What is charged on the way (exit-handlers.ts, emulate.ts, crossing.ts); that it was no more and no less, the clock tells. */
const CALL: readonly (readonly [Account, CostKey, number])[] = [
  ['transition', 'trap.enter', 1],
  ['vmm', 'vmm.dispatch', 1],
  ['vmm', 'vmm.emulate', 1],
  ['vmm', 'vmm.guest.access', 10],
  ['transition', 'trap.resume', 1],
];
const LOOKUP: readonly (readonly [Account, CostKey, number])[] = [['translate', 'translate.lookup', 1]];
const RETURN: readonly (readonly [Account, CostKey, number])[] = [
  ['vmm', 'vmm.emulate', 1],
  ['transition', 'callout', 1],
];

/** How things stood before. */
interface Before {
  readonly side: Side;
  readonly ticks: number;
  readonly instructions: number;
  readonly walks: number;
  readonly lookups: number;
  readonly hits: number;
  readonly left: Fragment | null;
  readonly flags: number;
  readonly eip: number;
  readonly esp: number;
}

/** A crossing that is known, and what it goes from and to. */
export interface Lesson<K> {
  readonly known: K;
  readonly from: Side;
  readonly to: Side;
}

export interface LongWayParts {
  monitor: ShadowMonitor;
  registers: RegisterCarrier;
  dispatcher: Dispatcher;
}

/** Watches the monitor on its long way through one system call or return, to learn what the short way has to do. */
export class LongWay {
  private before: Before | null = null;
  private readonly memory: Int32Array;
  private readonly call: CrossingCounts;
  private readonly callWithLookup: CrossingCounts;
  private readonly back: CrossingCounts;
  private readonly trapTicks: number;

  constructor(private readonly parts: LongWayParts) {
    const { memory, ledger } = parts.monitor.host;
    this.memory = new Int32Array(memory.u8.buffer);
    this.call = new CrossingCounts(ledger, CALL);
    this.callWithLookup = new CrossingCounts(ledger, [...CALL, ...LOOKUP]);
    this.back = new CrossingCounts(ledger, RETURN);
    this.trapTicks = ledger.prices[COST_KEY_INDEX['trap.enter']];
  }

  /** The guest's registers are in the virtual CPU, behind an INT n or at an IRET, which has not been emulated. */
  begin(): void {
    const { monitor, dispatcher } = this.parts;
    const { host, guest } = monitor;
    guest.cpu.takeTransfer();
    this.before = {
      side: this.side(),
      ticks: host.ledger.ticks,
      instructions: guest.cpu.instructions,
      walks: guest.ledger.rows[WALKS],
      lookups: dispatcher.lookups,
      hits: dispatcher.hits,
      left: dispatcher.lastFragment,
      flags: guest.cpu.eflags,
      eip: guest.cpu.eip,
      esp: guest.cpu.gpr(ESP),
    };
  }

  /** Something else happens. */
  cancel(): void {
    this.before = null;
  }

  /** The host is about to run translated code at `linear`, after INT n. */
  endCall(vector: number, linear: number): Lesson<KnownCall> | null {
    const { before } = this;
    const { monitor, dispatcher } = this.parts;
    const { host, guest } = monitor;
    const places = this.end();
    const fragment = dispatcher.lastFragment;
    if (before === null || places === null || before.left === null || fragment === null) return null;
    const to = this.side();
    const lookups = dispatcher.lookups - before.lookups;
    const counts = lookups === 0 ? this.call : this.callWithLookup;
    const { frame } = places;
    const { guestCs, guestSs } = before.side;
    const pushed = [before.eip, guestCs.selector, before.flags, before.esp, guestSs.selector];
    const words = new WatchedWords(this.memory);
    const codePage = linearPage(guestCs.base, before.eip - 1);
    const isUsual =
      places.gate >= 0 &&
      before.side.guestCpl === 3 &&
      to.guestCpl === 0 &&
      lookups <= 1 &&
      host.ledger.ticks - before.ticks === counts.ticks - this.trapTicks &&
      codePage === linearPage(guestCs.base, before.eip - 2) &&
      (before.flags & UNUSUAL) === 0 &&
      this.holds(frame, pushed) &&
      words.watch(places.gate, DESCRIPTOR_WORDS) &&
      words.watch(places.code, DESCRIPTOR_WORDS) &&
      words.watch(places.tss, DESCRIPTOR_WORDS) &&
      words.watch(places.stack, DESCRIPTOR_WORDS);
    if (!isUsual) return null;
    const known: KnownCall = {
      ticks: counts.ticks,
      exitTicks: this.call.ticks,
      instructions: 1,
      counts,
      times: 0,
      words,
      userFlags: before.flags & SYSTEM,
      kernelFlags: guest.cpu.eflags & SYSTEM,
      esp: guest.cpu.gpr(ESP),
      frame: frame / WORD,
      fragment,
      vector,
      codePage,
      from: before.left,
      linear,
      lookups,
      hits: dispatcher.hits - before.hits,
    };
    return { known, from: before.side, to };
  }

  /** The host is about to run user code directly, after the callout of an IRET. */
  endReturn(site: Callout): Lesson<KnownReturn> | null {
    const { before } = this;
    const { monitor, dispatcher } = this.parts;
    const { host, guest } = monitor;
    const places = this.end();
    const fragment = dispatcher.lastFragment;
    if (before === null || places === null || fragment === null || fragment !== site.fragment) return null;
    const to = this.side();
    const { frame } = places;
    const { cpu } = guest;
    const popped = [cpu.eip, to.guestCs.selector, cpu.eflags, cpu.gpr(ESP), to.guestSs.selector];
    const words = new WatchedWords(this.memory);
    const isUsual =
      places.gate < 0 &&
      before.side.guestCpl === 0 &&
      to.guestCpl === 3 &&
      dispatcher.lookups === before.lookups &&
      host.ledger.ticks - before.ticks === this.back.ticks &&
      (cpu.eflags & UNUSUAL) === 0 &&
      this.holds(frame, popped) &&
      words.watch(places.code, DESCRIPTOR_WORDS) &&
      words.watch(places.stack, DESCRIPTOR_WORDS) &&
      this.watchTableMappings(words);
    if (!isUsual) return null;
    const known: KnownReturn = {
      ticks: this.back.ticks,
      exitTicks: this.back.ticks,
      instructions: 1,
      counts: this.back,
      times: 0,
      words,
      userFlags: cpu.eflags & SYSTEM,
      esp: before.esp,
      frame: frame / WORD,
      fragment,
      site,
    };
    return { known, from: before.side, to };
  }

  /** @returns where the transfer went, if nothing else has happened. */
  private end(): TransferPlaces | null {
    const { before } = this;
    this.before = null;
    const { guest, host } = this.parts.monitor;
    const places = guest.cpu.takeTransfer();
    if (before === null) return null;
    const isAlone =
      guest.cpu.instructions === before.instructions + 1 &&
      guest.ledger.rows[WALKS] === before.walks &&
      !guest.cpu.halted &&
      !guest.cpu.interruptShadow &&
      !guest.cpu.interruptLine &&
      !guest.platform.localApic.isHeldOff &&
      !host.cpu.interruptLine;
    return isAlone ? places : null;
  }

  private side(): Side {
    const { monitor, registers } = this.parts;
    return sideOf(monitor.host.cpu, monitor.guest.cpu, registers.heldSegments());
  }

  /** The frame at a byte offset of the buffer is this. */
  private holds(frame: number, values: readonly number[]): boolean {
    if (frame % WORD !== 0) return false;
    for (let word = 0; word < FRAME_WORDS; word++)
      if (this.memory[frame / WORD + word] !== (values[word] | 0)) return false;
    return true;
  }

  /** Before user code runs, the monitor looks where the guest's descriptor table is (shadow-descriptors.ts). */
  private watchTableMappings(words: WatchedWords): boolean {
    const { guest } = this.parts.monitor;
    const { base, limit } = guest.cpu.gdtr;
    for (let linear = base - (base % PAGE_BYTES); linear <= base + limit; linear += PAGE_BYTES)
      for (const { address } of guest.pageWalk(linear >>> 0)?.entries ?? [])
        if (!words.watch(guest.memory.baseBytes + address, DESCRIPTOR_WORDS)) return false;
    return true;
  }
}
