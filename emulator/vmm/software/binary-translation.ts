import { PAGE_BYTES } from '../../arch/paging.js';
import type { RunLimits, Stop } from '../../machine.js';
import { ShadowMonitor } from '../shadow-monitor.js';
import type { MonitorOptions } from '../monitor.js';
import { Adaptation } from './adaptation.js';
import { AreaFrames } from './area-frames.js';
import {
  ENTRY_CALLOUT,
  ENTRY_CONTINUATION,
  ENTRY_LINEAR,
  ENTRY_TARGET_MISS,
  GS_HELD_OFF,
  GS_PENDING,
  GS_SITE,
} from './area.js';
import { TranslationCache } from './cache.js';
import type { CachePlace } from './cache.js';
import type { TranslationStatistics } from './statistics.js';
import { translationStatistics } from './statistics.js';
import { TranslatedExits } from './translated-exits.js';
import { CodeSpace } from './code-space.js';
import { chooseEngine } from './engine.js';
import type { Engine } from './engine.js';
import { DecodeMemo } from './decode-memo.js';
import { Dispatcher } from './dispatcher.js';
import { ExitHandlers } from './exit-handlers.js';
import type { Callout, Site } from './fragment.js';
import { TARGET_IN_SLOT, exact } from './point.js';
import { writePopfTables, writeTaskPriorityTable } from './data-tables.js';
import { RegisterCarrier } from './registers.js';
import { KERNEL_CPL, MONITOR_DESCRIPTORS } from './segments.js';
import { ShadowDescriptors } from './shadow-descriptors.js';
import { SystemCalls } from './system-calls.js';
import { TargetTable } from './target-table.js';
import { Translations } from './translations.js';

/** The monitor's own data makes no sense. */
class Lost extends Error {}

/**
 * The software technique of Adams & Agesen (ASPLOS 2006, section 3): guest kernel code is translated into the
 * translation cache and runs there in ring 1, user code runs directly in ring 3, on shadow page tables and
 * shadow descriptors; what neither can do is emulated on the virtual CPU.
 */
export class BinaryTranslationVmm extends ShadowMonitor {
  readonly translations: Translations;
  private readonly area: AreaFrames;
  private readonly cache: TranslationCache;
  private readonly space: CodeSpace;
  private readonly dispatcher: Dispatcher;
  private readonly registers: RegisterCarrier;
  private readonly exitHandlers: ExitHandlers;
  private readonly translatedExits: TranslatedExits;
  private readonly adaptation: Adaptation;
  private readonly systemCalls: SystemCalls;
  private readonly decodes = new DecodeMemo();
  /** The engine in the middle of which a budget ended the last run; the host still stands there. */
  private paused: Engine | null = null;
  /** It stands in the jump that a dropped fragment begins with. */
  private pausedStale = false;
  /** The guest's registers when the last run ended. */
  private stored: string | null = null;

  /** Traces see each edit of page tables, so what short ways rest on does not change unseen. */
  private get hasShortWays(): boolean {
    return this.switches.traces === 'eager';
  }

  /** @throws RangeError for a size that a guest cannot have. */
  constructor(options: MonitorOptions) {
    super(options);
    const { cacheBytes, chaining, returnCache, adaptive, unitLimit, inCacheEmulation, rdtsc } = this.switches;
    const { host, guest, shadow } = this;
    const wholeSegments = !this.switches.truncation;
    const area = new AreaFrames(host.memory, this.frames, cacheBytes);
    shadow.reserve(area.reserved);
    this.area = area;
    writePopfTables(area);
    writeTaskPriorityTable(area);
    guest.platform.localApic.onHeldOff = () => this.requestAttention();
    const charge = this.charge.bind(this);
    const targets = new TargetTable(host.memory, area.dataHpa);
    const shadowGdt = new ShadowDescriptors({
      host,
      guest,
      shadow,
      charge,
      wholeSegments,
      kernelRing: KERNEL_CPL,
      table: 'gdt',
      hpa: area.shadowGdtHpa,
      own: MONITOR_DESCRIPTORS,
    });
    this.cache = new TranslationCache({
      memory: host.memory,
      ledger: host.ledger,
      targets,
      hpa: area.cacheHpa,
      sizeBytes: cacheBytes,
      chaining,
      returnCache,
      trace: this.switches.coherence
        ? (page, listener) => shadow.trace(page, listener)
        : (page) => ({ page, release: () => undefined }),
    });
    this.space = new CodeSpace(guest, shadow, targets);
    this.dispatcher = new Dispatcher(host, guest, this.cache, this.space, {
      unitLimit,
      inCache: inCacheEmulation,
      rdtsc: rdtsc === 'in-cache' && !inCacheEmulation ? 'callout' : rdtsc,
      hasTaskPriority: guest.profile.features.includes('altMovCr8'),
    });
    this.registers = new RegisterCarrier(host.cpu, guest.cpu, area, shadowGdt, {
      trapTimeStamp: rdtsc === 'trap',
      wholeSegments,
      paging: shadow,
    });
    this.adaptation = new Adaptation(this.cache);
    this.exitHandlers = new ExitHandlers(this, this.space);
    this.translatedExits = new TranslatedExits(this, this.exitHandlers, adaptive ? this.adaptation : null);
    this.systemCalls = new SystemCalls({
      monitor: this,
      area,
      registers: this.registers,
      dispatcher: this.dispatcher,
      shadowGdt,
    });
    this.translations = new Translations(this.cache, () => this.statistics);
  }

  override chargeDecode(): void {
    this.decodes.charge(this);
  }

  get statistics(): TranslationStatistics {
    const { host, cache, dispatcher, adaptation } = this;
    return translationStatistics({ ledger: host.ledger, cache, dispatcher, adaptation });
  }

  protected override get movable(): boolean {
    return this.paused === null && !this.guest.cpu.guestMode;
  }

  /** The guest comes from another monitor, which has used the host's registers and may have changed anything. */
  takeOver(): void {
    this.registers.takeOver();
    this.stored = null;
  }

  protected override load(): void {
    this.systemCalls.forget();
    // What the host stands in was dropped meanwhile: someone wrote to the guest's memory.
    if (this.dispatcher.isStale !== this.pausedStale) this.paused = null;
    if (this.stored === JSON.stringify(this.guest.state())) return;
    // Someone has changed the guest's registers, or this is the first run.
    this.paused = null;
    this.dispatcher.left(null);
    this.space.changed();
  }

  /** The guest's registers are in `guest.cpu` after every exit. */
  protected override store(): void {
    this.stored = JSON.stringify(this.guest.state());
  }

  protected override wake(): void {
    this.guest.cpu.halted = false;
    if (!this.guest.cpu.guestMode) this.exitHandlers.inject();
  }

  protected override resume(limits: RunLimits): void {
    const { cpu } = this.guest;
    const { paused } = this;
    if (paused) {
      this.paused = null;
      this.runGuest(paused, limits);
    } else if (this.interruptDeliverable()) {
      this.systemCalls.forget();
      this.exitHandlers.inject();
    } else if (cpu.interruptShadow) this.interpret();
    else {
      const engine = chooseEngine(this.guest, this.switches.directExecution);
      if (engine === 'direct') {
        this.registers.enterUser();
        this.systemCalls.enteredUser();
        this.runGuest('direct', limits);
      } else if (engine === 'interpret' || !this.enterCache()) this.interpret();
      else this.runGuest('translate', limits);
    }
  }

  private interpret(): void {
    this.systemCalls.forget();
    this.exitHandlers.interpret();
  }

  // --- the engines

  /** Runs the guest from where the host's registers are set to. */
  private runGuest(engine: Engine, limits: RunLimits): void {
    const { systemCalls } = this;
    this.loadShadow();
    systemCalls.start(engine);
    const shortWays = this.hasShortWays && !this.isObserved ? systemCalls : null;
    const stop = this.host.runMonitored(this.area.entryHpa / PAGE_BYTES, limits, shortWays);
    if (systemCalls.settle() === 'direct') this.leaveUser(stop);
    else this.leaveCache(stop);
  }

  private leaveUser(stop: Stop): void {
    this.registers.leaveUser();
    if (stop.kind !== 'trap') {
      this.pause(stop, 'direct');
      return;
    }
    if (stop.event.kind === 'int') this.systemCalls.beginCall(stop.event.vector);
    else this.systemCalls.forget();
    this.exitHandlers.trap(stop.event);
  }

  /** Sets the host up to run on in translated code. @returns false when the guest's next instruction cannot be translated. */
  private enterCache(): boolean {
    const linear = this.dispatcher.resume();
    if (linear === null) return false;
    this.registers.enterCache(linear);
    this.area.write(GS_PENDING, this.guest.cpu.interruptLine ? 1 : 0);
    this.area.write(GS_HELD_OFF, this.guest.platform.localApic.isHeldOff ? 1 : 0);
    this.systemCalls.enteredCache(linear);
    return true;
  }

  private leaveCache(stop: Stop): void {
    try {
      this.leaveTranslated(stop);
    } catch (error) {
      // Without truncation a guest kernel can write the monitor's data page, and ends what it is run by.
      if (!(error instanceof Lost) || this.switches.truncation) throw error;
      this.stop({ kind: 'halted', because: `the guest has overwritten its monitor: ${error.message}` });
    }
  }

  private leaveTranslated(stop: Stop): void {
    const { cpu } = this.guest;
    if (stop.kind === 'entry') {
      this.handleEntry(stop.offset);
      return;
    }
    const { eip } = this.host.cpu;
    const place = this.isEntry(eip) ? this.placeAtEntry(eip - ENTRY_LINEAR) : this.cache.locate(eip);
    if (!place) throw new Lost(`translated code stopped at 0x${eip.toString(16)}, where no translation is`);
    this.registers.leaveCache(place.point);
    this.dispatcher.left(place.fragment);
    if (stop.kind !== 'trap') {
      this.pause(stop, 'translate');
      return;
    }
    this.systemCalls.forget();
    if (place.point.kind === 'target-in-slot') this.dispatcher.lookupCutShort();
    // The virtual interrupt flag is set, but the instruction behind the sti comes first.
    const external = stop.event.kind === 'external';
    if (external && place.point.kind === 'exact' && place.fragment?.followsSti(cpu.eip))
      cpu.interruptShadow = true;
    this.translatedExits.trap(stop.event, place.fragment);
  }

  /** The run has come to an end that is not the guest's; the host stays where it is, so that how often that happens changes nothing. */
  private pause(stop: Stop, engine: Engine): void {
    if (stop.kind !== 'budget' && stop.kind !== 'requested') {
      throw new Error(`a deprivileged guest stopped the host with '${stop.kind}'`);
    }
    this.paused = engine;
    this.pausedStale = this.dispatcher.isStale;
    this.stop(stop);
  }

  // --- entries from translated code

  private handleEntry(offset: number): void {
    switch (offset) {
      case ENTRY_CONTINUATION:
        this.registers.leaveCache(null);
        this.systemCalls.forget();
        this.dispatcher.continueAt(this.currentSite('continuation'));
        break;
      case ENTRY_CALLOUT:
        this.registers.leaveCache(null);
        this.handleCallout(this.currentSite('callout'));
        break;
      case ENTRY_TARGET_MISS:
        this.registers.leaveCache(TARGET_IN_SLOT);
        this.systemCalls.forget();
        this.dispatcher.missTarget();
        break;
      default:
        throw new Lost(`translated code entered the monitor at offset ${offset}`);
    }
  }

  private handleCallout(callout: Callout): void {
    this.dispatcher.left(callout.fragment);
    const { form } = callout.instruction;
    if (form.kind === 'callout' && form.reason === 'IRET') this.systemCalls.beginReturn(callout);
    else this.systemCalls.forget();
    this.translatedExits.callout(callout);
  }

  private isEntry(linear: number): boolean {
    return linear >= ENTRY_LINEAR && linear < ENTRY_LINEAR + PAGE_BYTES;
  }

  /** Where the guest stands when control has been passed to the entry page, but the machine stopped before that. */
  private placeAtEntry(offset: number): CachePlace {
    switch (offset) {
      case ENTRY_CONTINUATION:
        return { point: exact(this.currentSite('continuation').eip), fragment: null };
      case ENTRY_CALLOUT: {
        const { instruction, fragment } = this.currentSite('callout');
        return { point: exact(instruction.eip), fragment };
      }
      case ENTRY_TARGET_MISS:
        return { point: TARGET_IN_SLOT, fragment: null };
      default:
        throw new Lost(`translated code entered the monitor at offset ${offset}`);
    }
  }

  private currentSite<K extends Site['kind']>(kind: K): Extract<Site, { kind: K }> {
    const id = this.area.read(GS_SITE);
    const site = this.cache.site(id);
    if (site?.kind !== kind) throw new Lost(`translated code named site ${id}, which is no ${kind}`);
    return site as Extract<Site, { kind: K }>;
  }
}
