import { PAGE_BYTES } from '../../arch/paging.js';
import { FLAG_AC, FLAG_DF, FLAG_ID, FLAG_IF, FLAG_ONE } from '../../arch/flags.js';
import { ESP } from '../../arch/registers.js';
import { CPL_I32 } from '../../arch/state.js';
import { ACCOUNT_INDEX, COST_KEY_COUNT, COST_KEY_INDEX } from '../../cost/keys.js';
import type { Account, CostKey } from '../../cost/keys.js';
import { MOST_SHORT_WAYS } from '../../machine.js';
import type { TransferPlaces, Word } from '../../machine.js';
import type { ShadowMonitor } from '../shadow-monitor.js';
import { CrossingCounts } from './crossing-counts.js';
import type { AreaFrames } from './area-frames.js';
import { ENTRY_CALLOUT, GS_CR8, GS_INTERRUPT_FLAG, GS_SITE, GS_SYSTEM_FLAGS } from './area.js';
import type { Dispatcher } from './dispatcher.js';
import type { Callout, Fragment } from './fragment.js';
import { SYSTEM, UNUSUAL, linearPage } from './known-crossing.js';
import type { KnownCall, KnownReturn } from './known-crossing.js';
import type { RegisterCarrier } from './registers.js';
import { changes, differInSegments, sideOf } from './side.js';
import type { Side } from './side.js';
import { WatchedWords } from './watched-words.js';

const WORD = 4;
const DESCRIPTOR_WORDS = 2;
/** Of a frame that changes the stack: EIP, CS, EFLAGS, ESP, SS. */
const FRAME_WORDS = 5;
/** Flags that translated code keeps in the host's register, IF and the arithmetic ones apart. */
const CARRIED = FLAG_DF | FLAG_AC | FLAG_ID;
const WALKS = ACCOUNT_INDEX.walk * COST_KEY_COUNT + COST_KEY_INDEX['walk.reference'];

/** What is charged on the way (exit-handlers.ts, emulate.ts, crossing.ts); that it was no more and no less, the clock tells. */
const CALL: readonly (readonly [Account, CostKey, number])[] = [
  ['guest', 'software.interrupt', -1],
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
  area: AreaFrames;
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
  /** Charged before {@link begin}. */
  private readonly trapTicks: number;
  private readonly interruptTicks: number;

  /** @param name by which a short way knows a translation: not 0. */
  constructor(
    private readonly parts: LongWayParts,
    private readonly name: (fragment: Fragment) => number,
  ) {
    const { memory, ledger } = parts.monitor.host;
    this.memory = new Int32Array(memory.u8.buffer);
    this.call = new CrossingCounts(ledger, CALL);
    this.callWithLookup = new CrossingCounts(ledger, [...CALL, ...LOOKUP]);
    this.back = new CrossingCounts(ledger, RETURN);
    this.interruptTicks = ledger.prices[COST_KEY_INDEX['software.interrupt']];
    this.trapTicks = ledger.prices[COST_KEY_INDEX['trap.enter']] - this.interruptTicks;
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
    const kernelFlags = guest.cpu.eflags & SYSTEM;
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
    const then = [
      ...changes(before.side, to),
      this.dataWord(GS_INTERRUPT_FLAG),
      this.dataWord(GS_SYSTEM_FLAGS),
    ];
    if (!isUsual || !this.fits(before.side, to, words.words, then)) return null;
    const known: KnownCall = {
      ticks: counts.ticks,
      exitTicks: this.call.ticks + this.interruptTicks,
      counts,
      times: 0,
      when: words.words,
      then,
      userFlags: before.flags & SYSTEM,
      kernelFlags,
      keptFlags: CARRIED,
      setFlags: FLAG_IF | FLAG_ONE,
      esp: guest.cpu.gpr(ESP),
      frame,
      codeSelector: guestCs.selector,
      stackSelector: guestSs.selector,
      fragment,
      vector,
      codePage,
      from: before.left,
      left: this.name(before.left),
      eip: linear,
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
      words.watch(this.dataPlace(GS_CR8), 1) &&
      this.watchTableMappings(words);
    const then = changes(before.side, to);
    if (!isUsual || !this.fits(before.side, to, words.words, then)) return null;
    const known: KnownReturn = {
      ticks: this.back.ticks,
      exitTicks: this.back.ticks,
      counts: this.back,
      times: 0,
      when: words.words,
      then,
      userFlags: cpu.eflags & SYSTEM,
      esp: before.esp,
      frame,
      codeSelector: to.guestCs.selector,
      stackSelector: to.guestSs.selector,
      fragment,
      left: this.name(fragment),
      entryOffset: ENTRY_CALLOUT,
      site: [this.dataPlace(GS_SITE), site.id],
      codeLimit: to.guestCs.limit,
      callout: site,
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

  private fits(from: Side, to: Side, when: readonly Word[], then: readonly Word[]): boolean {
    const isShort = when.length <= MOST_SHORT_WAYS.when && then.length <= MOST_SHORT_WAYS.then;
    return isShort && differInSegments(from, to, CPL_I32 * WORD);
  }

  /** Of a slot of the data page: its place in the buffer, and what it holds. */
  private dataPlace(slot: number): number {
    const { area, monitor } = this.parts;
    return monitor.host.memory.baseBytes + area.dataHpa + slot;
  }
  private dataWord(slot: number): Word {
    return [this.dataPlace(slot), this.parts.area.read(slot)];
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
