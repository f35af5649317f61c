import { DR6_BS } from '../arch/debug.js';
import { FLAG_IF, FLAG_RF } from '../arch/flags.js';
import { CS } from '../arch/registers.js';
import { EFLAGS_I32, EIP_I32 } from '../arch/state.js';
import { VECTOR_DB, VECTOR_GP, VECTOR_NMI } from '../arch/vectors.js';
import { TICKS_PER_CYCLE } from '../cost/ledger.js';
import type { Ledger } from '../cost/ledger.js';
import type { Operation } from '../isa/operation.js';
import type { Clock } from '../platform/clock.js';
import * as attention from './attention.js';
import { POLLS_ALWAYS, POLLS_NEVER } from './block.js';
import type { Block } from './block.js';
import { NO_OPERATION } from './block-decoder.js';
import { SingleBlocks } from './single-blocks.js';
import type { Cpu, CpuParts } from './cpu.js';
import { deliverEvent, deliverSoftware, faultEvent } from './events.js';
import { passIdleTime } from './idle.js';
import { Fetcher } from './fetch.js';
import { BASE_I32, BASE_STRIDE_I32 } from './state.js';
import { CompiledEngine } from './jit/engine.js';
import type { Event, Monitoring, RunLimits, ShortWays, StepResult, Stop } from './processor.js';

const CS_BASE_I32 = BASE_I32 + BASE_STRIDE_I32 * CS;
/** What makes a repeated string instruction end with the iteration under way. */
const STOPS_ITERATION = attention.ATTENTION_TRAP | attention.ATTENTION_OWED | attention.ATTENTION_HIT;
const PAGE_MASK = 0xfff;
const NO_PAGE = -1;
/** Keeps blocks that were dropped meanwhile from piling up. */
const MAX_UNFOLDED = 1 << 12;

/**
 * The run loop: an interpreter over blocks of decoded operations. A block's time, instructions and counts are
 * added when it is entered and taken back in part when it is left early, so that they are exact whenever
 * anything looks: between blocks, and at the last operation of a block, where everything that reads the time is.
 */
export class Executor {
  private readonly cpu: Cpu;
  private readonly ledger: Ledger;
  private readonly clock: Clock;
  private readonly fetcher: Fetcher;
  private readonly singles: SingleBlocks;
  /** Blocks with executions that are not in the ledger's rows yet. */
  private unfolded: Block[] = [];

  /** The block under execution, or null between blocks. */
  private current: Block | null = null;
  /** Offset in CS of its first operation. */
  private blockEip = 0;

  /** A monitor owns the processor: every event goes to it. */
  monitored = false;
  private entryPage = NO_PAGE;
  private shortWays: ShortWays | null = null;
  private instructionLimit = Infinity;
  private tickLimit = Infinity;
  /** `step` is at work: nothing is polled. */
  private single = false;
  /** ATTENTION_STEP bits of the instruction under execution, when it is singled out; else 0. */
  private stepping = 0;
  /** The instruction under execution has been singled out, so {@link endStep} will follow it. */
  private isAlone = false;
  /** For the stop 'trap' of a software interrupt. */
  private softwareEvent: Event | null = null;
  /** The instruction has switched to another task. */
  private switched = false;
  /** The last event that was delivered, for `step`. */
  private delivered: Event | null = null;

  /** Runs what is hot; null in a processor that only interprets. */
  private readonly compiled: CompiledEngine | null;
  /** The next block is the interpreter's: compiled code has left something to it. */
  private interpretNext = false;

  constructor(cpu: Cpu, { ledger, clock, compiled }: CpuParts) {
    this.cpu = cpu;
    this.singles = new SingleBlocks(cpu);
    this.ledger = ledger;
    this.clock = clock;
    this.fetcher = new Fetcher(cpu, () => this.current?.cut());
    this.compiled = compiled && new CompiledEngine(cpu, ledger, compiled);
  }

  /** Offset of the instruction under execution, for handlers that end a block. */
  get instructionEip(): number {
    return this.current ? this.eipOf(this.current.last) : this.cpu.eip;
  }

  run(limits: RunLimits, monitoring: Monitoring | null): Stop {
    const { cpu, ledger } = this;
    this.monitored = monitoring !== null;
    this.shortWays = monitoring && monitoring.shortWays;
    const entryPage = monitoring ? monitoring.entryPage : NO_PAGE;
    if (entryPage !== this.entryPage) this.fetcher.restart();
    this.entryPage = entryPage;
    this.instructionLimit = cpu.instructions + (limits.instructions ?? Infinity);
    this.tickLimit = ledger.ticks + Math.round((limits.cycles ?? Infinity) * TICKS_PER_CYCLE);
    return this.loop();
  }

  /** One instruction, decoded from the bytes as they are now. */
  step(): StepResult {
    const { cpu } = this;
    if (cpu.halted) return { kind: 'halted' };
    this.monitored = false;
    this.single = true;
    this.delivered = null;
    if (cpu.attention & attention.ATTENTION_OWED && (cpu.attention & attention.ATTENTION_HOLDS_TRAPS) === 0) {
      return this.stepResult(this.trapOwed());
    }
    let stop: Stop | null = null;
    try {
      if (cpu.attention & attention.ATTENTION_BREAKPOINT) {
        const met = this.breakBefore();
        if (met !== null && (met === 'raised' || met.kind !== 'breakpoint')) {
          return this.stepResult(met === 'raised' ? null : met);
        }
      }
      const stepping = this.beginStep();
      const { eip } = cpu;
      const linear = (eip + cpu.s32[CS_BASE_I32]) | 0;
      if (eip > cpu.codeLimit) cpu.fault.raise(VECTOR_GP, 0);
      const block = this.singles.find(linear, cpu.fetchPhysical(linear));
      this.enter(block, eip);
      block.first.handler(cpu, block.first);
      this.current = null;
      stop = this.endStep(stepping);
    } catch (thrown) {
      stop = this.recover(thrown, this.current?.first ?? NO_OPERATION);
    } finally {
      this.single = false;
    }
    return this.stepResult(stop);
  }

  pollGuestMode(): StepResult | null {
    const { cpu } = this;
    this.monitored = false;
    this.delivered = null;
    try {
      const event = cpu.svmUnit.poll();
      return event && this.stepResult(this.accept(event));
    } catch (thrown) {
      return this.stepResult(this.recover(thrown, NO_OPERATION));
    }
  }

  deliver(event: Event): StepResult {
    this.monitored = false;
    this.delivered = null;
    return this.stepResult(this.accept(event));
  }

  /** Adds what has been executed to the ledger's rows. */
  sync(): void {
    for (const block of this.unfolded) block.fold(this.ledger);
    this.unfolded = [];
    this.compiled?.fold();
  }

  restartFetch(): void {
    this.fetcher.restart();
  }

  /** A task switch has replaced what the instruction under execution would be repeated with. */
  completeInstruction(): void {
    this.current = null;
    this.switched = true;
  }

  /** What is decoded from here on is decoded otherwise. */
  forgetCode(): void {
    this.fetcher.forget();
  }

  /** INT n and its kin, called by their handlers. @throws Fault: then the instruction has had no effect. */
  softwareInterrupt(vector: number, kind: 'int' | 'int3' | 'into' | 'int1'): void {
    const { cpu } = this;
    const event: Event = { vector, kind, errorCode: null };
    if (this.monitored) {
      // The trap into the monitor takes the place of the delivery that the instruction has been charged for.
      this.ledger.charge('guest', 'software.interrupt', -1);
      this.softwareEvent = event;
      cpu.setAttention(attention.ATTENTION_SOFTWARE, true);
      return;
    }
    deliverSoftware(cpu, event);
    this.delivered = event;
  }

  /** Between two iterations of a repeated string instruction. @returns whether the handler must stop. */
  endIteration(): boolean {
    const { cpu, current } = this;
    if (current === null) return false;
    const polls = !this.single && this.pollDue();
    const traps = (cpu.attention & STOPS_ITERATION) !== 0;
    if (!polls && !traps) {
      this.ledger.ticks += current.iterationTicks;
      current.iterations++;
      return false;
    }
    cpu.eip = this.eipOf(current.last);
    cpu.instructions--;
    if (polls) cpu.setAttention(attention.ATTENTION_POLL, true);
    // An interrupt here stores RF set: breakpoints on the instruction have had their turn (Intel SDM vol. 3B, section
    // 18.3.1.1 "Instruction-Breakpoint Exception Condition").
    if (!traps) cpu.writeEflags(FLAG_RF, FLAG_RF);
    return true;
  }

  /** @throws Restart when the instruction is one of several in its block, whose time has been counted ahead. */
  requireExactTime(): void {
    const { cpu, current } = this;
    if (current?.count === 1 || (current === null && !this.compiled?.isRunning)) return;
    cpu.setAttention(attention.ATTENTION_ALONE, true);
    throw cpu.restart;
  }

  /** @throws Restart unless the instruction has been singled out, so that what it meets can be told from what its neighbours do. */
  requireStep(): void {
    const { cpu, current } = this;
    if (this.isAlone || (current === null && !this.compiled?.isRunning)) return;
    cpu.setAttention(attention.ATTENTION_ALONE, true);
    throw cpu.restart;
  }

  private loop(): Stop {
    const { cpu, fetcher } = this;
    const { s32 } = cpu;
    let op = NO_OPERATION;
    for (;;) {
      try {
        for (;;) {
          let stepping = 0;
          if (cpu.attention !== 0) {
            const stop = this.attend();
            if (stop !== null) return stop;
            stepping = cpu.attention & attention.ATTENTION_STEP;
          }
          const left = this.instructionLimit - cpu.instructions;
          if (left <= 0) return { kind: 'budget', budget: 'instructions' };
          const eip = s32[EIP_I32];
          const linear = (eip + s32[CS_BASE_I32]) | 0;
          if (linear >>> 12 !== fetcher.linearPage && fetcher.moveTo(linear) === this.entryPage) {
            fetcher.restart();
            return { kind: 'entry', offset: linear & PAGE_MASK };
          }
          let block = fetcher.blocks[linear & PAGE_MASK] ?? fetcher.build(linear);
          if ((eip >>> 0) + block.lengthBytes - 1 > cpu.codeLimit) block = fetcher.single(linear);
          const most = stepping === 0 ? left : 1;
          if (block.count > most) block = fetcher.shorten(linear, most, block);
          if (block.unit !== null && stepping === 0 && this.mayRunCompiled(block, eip)) {
            const stop = this.runCompiled(block, eip, left);
            if (stop !== null) return stop;
            continue;
          }
          this.interpretNext = false;
          if (stepping !== 0) stepping = this.beginStep();

          this.enter(block, eip);
          op = block.first;
          for (;;) {
            op.handler(cpu, op);
            const { next } = op;
            if (next === null) break;
            op = next;
          }
          this.current = null;
          const isWhole = op === block.last;
          if (!isWhole) this.leaveEarly(block, op);

          if (stepping !== 0) {
            const stop = this.endStep(stepping);
            if (stop !== null) return stop;
          }
          if (
            isWhole &&
            (block.polls === POLLS_ALWAYS ||
              (block.polls !== POLLS_NEVER && (cpu.attention & attention.ATTENTION_SHADOW) === 0)) &&
            this.pollDue() &&
            // A software interrupt goes to the monitor before anything else, as it would be delivered before.
            this.softwareEvent === null
          ) {
            const stop = this.poll();
            if (stop !== null) return stop;
          }
        }
      } catch (thrown) {
        const stop = this.recover(thrown, op);
        if (stop !== null) return stop;
      }
    }
  }

  private mayRunCompiled(block: Block, eip: number): boolean {
    const { cpu, compiled } = this;
    if (this.interpretNext || compiled === null || !compiled.admits(block, eip)) return false;
    // Compiled code looks at the time only: nothing else may be waiting, save what it cannot unmask.
    return (
      cpu.pollAttention === 0 ||
      (cpu.pollAttention === attention.POLL_INTERRUPT &&
        (cpu.s32[EFLAGS_I32] & FLAG_IF) === 0 &&
        !this.monitored &&
        !cpu.guestMode)
    );
  }

  /** Runs from `block` on in its unit, and in others after it. @returns why the run ends, or null. */
  private runCompiled(block: Block, eip: number, left: number): Stop | null {
    const { ledger, clock, monitored, entryPage, shortWays, fetcher } = this;
    const compiled = this.compiled!;
    const ticks = Math.min(clock.nextTicks, this.tickLimit) - ledger.ticks;
    const stay = { instructions: left, ticks, monitored, entryPage, shortWays };
    const exit = compiled.run(block, eip, fetcher, stay);
    this.instructionLimit -= compiled.emulated;
    if (compiled.owesPoll) this.cpu.setAttention(attention.ATTENTION_POLL, true);
    if (exit === null) return null;
    const at = compiled.unit!.blocks[exit.block];
    if (exit.completed === at.count) return at.polls && this.pollDue() ? this.poll() : null;
    const { thrown } = compiled;
    this.interpretNext = thrown === null;
    return thrown === null ? null : this.raised(thrown, at.operations[exit.completed]);
  }

  /** Charges a block as a whole and makes it current. eip becomes that after its last operation. */
  private enter(block: Block, eip: number): void {
    const { cpu } = this;
    this.ledger.ticks += block.ticks;
    cpu.instructions += block.count;
    if (block.executions++ === 0) this.noteUnfolded(block);
    block.heat += block.count;
    if (block.heat >= block.hotAt)
      this.compiled?.consider(this.fetcher.blocks, block, this.fetcher.physicalPage);
    cpu.s32[EIP_I32] = eip + block.lengthBytes;
    this.blockEip = eip;
    this.current = block;
  }

  private noteUnfolded(block: Block): void {
    if (this.unfolded.length === MAX_UNFOLDED) this.sync();
    this.unfolded.push(block);
  }

  /** The block was cut after `op`: it had written to its own page. */
  private leaveEarly(block: Block, op: Operation): void {
    const index = block.operations.indexOf(op);
    this.cpu.instructions -= block.refund(block.operations[index + 1], this.ledger);
    this.cpu.eip = this.blockEip + op.pageOffset + op.lengthBytes - block.first.pageOffset;
  }

  private eipOf(op: Operation): number {
    const first = this.current?.first ?? op;
    return (this.blockEip + op.pageOffset - first.pageOffset) >>> 0;
  }

  // --- what is rare

  /** Looks after `cpu.attention` before the next instruction. @returns why the run ends, or null. */
  private attend(): Stop | null {
    const { cpu } = this;
    if (cpu.attention & attention.ATTENTION_EXIT) {
      cpu.setAttention(attention.ATTENTION_EXIT, false);
      return { kind: 'exit', code: cpu.exitCode };
    }
    if (this.softwareEvent) {
      const event = this.softwareEvent;
      this.softwareEvent = null;
      cpu.setAttention(attention.ATTENTION_SOFTWARE, false);
      return this.trap(event);
    }
    for (;;) {
      if (cpu.attention & attention.ATTENTION_HIT) {
        const hit = cpu.debugUnit.takeHit();
        if (hit !== null) return { kind: 'breakpoint', hit };
      }
      if (cpu.attention & attention.ATTENTION_OWED) {
        const stop = this.trapOwed();
        if (stop !== null) return stop;
      }
      if (cpu.attention & (attention.ATTENTION_POLL | attention.ATTENTION_HALT)) {
        const stop = cpu.attention & attention.ATTENTION_HALT ? this.wait() : this.poll();
        if (stop !== null) return stop;
        continue;
      }
      const met = cpu.attention & attention.ATTENTION_BREAKPOINT ? this.breakBefore() : null;
      if (met !== 'raised') return met;
    }
  }

  /** The #DB for what the delivery of an event has touched. A load of SS holds it until the instruction after it has ended. */
  private trapOwed(): Stop | null {
    const { cpu } = this;
    if (cpu.attention & attention.ATTENTION_HOLDS_TRAPS) return null;
    return this.debugException(cpu.debugUnit.takeOwed());
  }

  /** Looks whether the next instruction is watched. @returns null: no. */
  private breakBefore(): Stop | 'raised' | null {
    const { debugUnit } = this.cpu;
    const due = debugUnit.before();
    if (typeof due !== 'number') return { kind: 'breakpoint', hit: due };
    return due === 0 ? null : (this.debugException(due) ?? 'raised');
  }

  /** Raises #DB with these bits of DR6. @returns why the run ends, or null. */
  private debugException(bits: number): Stop | null {
    this.cpu.debugUnit.record(bits);
    return this.accept({ vector: VECTOR_DB, kind: 'exception', errorCode: null });
  }

  /** Before an instruction that flags or a shadow single out. @returns the ATTENTION_STEP bits in force. */
  private beginStep(): number {
    const { cpu } = this;
    const stepping = cpu.attention & attention.ATTENTION_STEP;
    cpu.setAttention(attention.ATTENTION_SHADOW_NEW | attention.ATTENTION_ALONE, false);
    this.delivered = null;
    this.switched = false;
    if (stepping & attention.ATTENTION_RESUME) cpu.writeEflags(0, FLAG_RF);
    this.stepping = stepping;
    this.isAlone = true;
    return stepping;
  }

  /** After it completed. @returns why the run ends, or null. */
  private endStep(stepping: number): Stop | null {
    const { cpu } = this;
    this.isAlone = false;
    if (stepping & attention.ATTENTION_SHADOW && (cpu.attention & attention.ATTENTION_SHADOW_NEW) === 0) {
      cpu.interruptShadow = false;
      if (!this.single) cpu.setAttention(attention.ATTENTION_POLL, true);
    }
    if (cpu.attention & attention.ATTENTION_HOLDS_TRAPS) return null;
    // An interrupt instruction clears TF with its delivery, be it done or left to the monitor.
    const delivers = this.delivered !== null || this.softwareEvent !== null || this.switched;
    let bits = stepping & attention.ATTENTION_TRAP && !delivers ? DR6_BS : 0;
    if (cpu.attention & attention.ATTENTION_OWED) bits |= cpu.debugUnit.takeOwed();
    return bits === 0 ? null : this.debugException(bits | cpu.debugUnit.codeHere());
  }

  /** Whether a poll would find anything to do. */
  private pollDue(): boolean {
    const { ticks } = this.ledger;
    return this.cpu.pollAttention !== 0 || ticks >= this.clock.nextTicks || ticks >= this.tickLimit;
  }

  /** Deadlines, interrupts, a user's request, the cycle budget, in this order. @returns why the run ends, or null. */
  private poll(): Stop | null {
    const { cpu, ledger, clock } = this;
    cpu.setAttention(attention.ATTENTION_POLL, false);
    if (ledger.ticks >= clock.nextTicks) clock.fireDue();
    const stop = cpu.pollAttention === 0 ? null : this.pollInterrupts();
    if (stop !== null) return stop;
    if (cpu.pollAttention & attention.POLL_STOP) {
      cpu.setPoll(attention.POLL_STOP, false);
      return { kind: 'requested' };
    }
    return ledger.ticks >= this.tickLimit ? { kind: 'budget', budget: 'cycles' } : null;
  }

  private pollInterrupts(): Stop | null {
    const { cpu } = this;
    const { pollAttention } = cpu;
    if (this.monitored) {
      // Not acknowledged, so its vector is not known: the monitor only has to know that there is one.
      return pollAttention & attention.POLL_INTERRUPT
        ? this.trap({ vector: 0, kind: 'external', errorCode: null })
        : null;
    }
    if (cpu.guestMode) {
      const event = cpu.svmUnit.poll();
      if (event !== null) return this.accept(event);
      // The guest does not keep an INIT from its processor.
      return pollAttention & attention.POLL_INIT && cpu.svmUnit.globalInterrupts ? this.init() : null;
    }
    if (!cpu.svmUnit.globalInterrupts) return null;
    // There is no firmware, so nothing that a system-management interrupt could begin.
    cpu.setPoll(attention.POLL_SMI, false);
    if (pollAttention & attention.POLL_INIT) return this.init();
    if (cpu.interruptShadow) return null;
    if (pollAttention & attention.POLL_NMI && !cpu.nmiBlocked) {
      cpu.setPoll(attention.POLL_NMI, false);
      cpu.nmiBlocked = true;
      return this.accept({ vector: VECTOR_NMI, kind: 'nmi', errorCode: null });
    }
    if (pollAttention & attention.POLL_INTERRUPT && cpu.s32[EFLAGS_I32] & FLAG_IF) {
      return this.accept({ vector: cpu.parts.acknowledgeInterrupt(), kind: 'external', errorCode: null });
    }
    return null;
  }

  /** INIT begins at the reset vector, where without firmware there is nothing. */
  private init(): Stop {
    this.cpu.setPoll(attention.POLL_INIT, false);
    return { kind: 'halted', because: 'reset by INIT, with no firmware to start again from' };
  }

  /** In HLT: lets time pass to the next deadline. @returns why the run ends, or null after one step of waiting. */
  private wait(): Stop | null {
    const { cpu, ledger, clock } = this;
    const stop = this.poll();
    if (stop !== null || !cpu.halted || cpu.attention & attention.ATTENTION_POLL) return stop;
    const wakeable = (cpu.s32[EFLAGS_I32] & FLAG_IF) !== 0 || cpu.guestMode;
    return wakeable && passIdleTime(ledger, clock, this.tickLimit) ? null : { kind: 'halted' };
  }

  private trap(event: Event): Stop {
    this.ledger.charge('transition', 'trap.enter');
    return { kind: 'trap', event };
  }

  /** Gives an event to the monitor or to the IDT. @returns why the run ends, or null. */
  private accept(event: Event): Stop | null {
    const { cpu } = this;
    if (this.monitored) return this.trap(event);
    const { eip } = cpu;
    cpu.halted = false;
    try {
      const delivery = deliverEvent(cpu, event);
      if (delivery.kind === 'shutdown') return { kind: 'tripleFault', chain: delivery.chain, eip };
      this.delivered = delivery.event;
    } catch (thrown) {
      if (thrown !== cpu.vmExit) throw thrown;
      return this.completeExit();
    }
    if (!this.single) cpu.setAttention(attention.ATTENTION_POLL, true);
    return null;
  }

  /** After a throw out of the loop: makes state exact at `op`, then delivers the fault. Host errors go on. */
  private recover(thrown: unknown, op: Operation): Stop | null {
    const { cpu, current } = this;
    if (thrown !== cpu.fault && thrown !== cpu.vmExit && thrown !== cpu.restart) throw thrown;
    if (current === null) return this.raised(thrown, null);
    cpu.eip = this.eipOf(op);
    cpu.instructions -= current.refund(op, this.ledger);
    this.current = null;
    this.undoStep();
    return this.raised(thrown, op);
  }

  /** With state exact at `op` (null: at no instruction), goes on with what was thrown there. Host errors go on. */
  private raised(thrown: unknown, op: Operation | null): Stop | null {
    const { cpu } = this;
    this.isAlone = false;
    cpu.interceptedOperation = op;
    cpu.nextEip = op === null ? cpu.eip : (cpu.eip + op.lengthBytes) >>> 0;
    if (thrown === cpu.restart) return null;
    if (thrown === cpu.vmExit) return this.completeExit();
    if (thrown !== cpu.fault) throw thrown;
    return this.accept(faultEvent(cpu));
  }

  /** What {@link beginStep} did for an instruction that has not completed, and what breakpoints it met. */
  private undoStep(): void {
    const { cpu } = this;
    if (cpu.attention & (attention.ATTENTION_OWED | attention.ATTENTION_HIT)) cpu.debugUnit.forget();
    if (this.isAlone && this.stepping & attention.ATTENTION_RESUME) cpu.writeEflags(FLAG_RF, FLAG_RF);
  }

  /** @returns the stop for the machine's owner, or null when VMRUN was an instruction: then the program goes on after it. */
  private completeExit(): Stop | null {
    switch (this.cpu.svmUnit.completeExit()) {
      case 'owner':
        return { kind: 'vmexit' };
      case 'program':
        return null;
      case 'shutdown':
        return { kind: 'tripleFault', chain: ['#VMEXIT into a bad host state'], eip: this.cpu.eip };
    }
  }

  private stepResult(stop: Stop | null): StepResult {
    if (stop?.kind === 'tripleFault') return { kind: 'shutdown', chain: stop.chain };
    if (this.delivered) return { kind: 'delivered', event: this.delivered };
    return this.cpu.halted ? { kind: 'halted' } : { kind: 'done' };
  }
}
