import { DR6_BD, DR7_GD } from '../arch/debug.js';
import { CS } from '../arch/registers.js';
import { DR_OFFSET, EFLAGS_I32, EIP_I32 } from '../arch/state.js';
import { FLAG_RF } from '../arch/flags.js';
import * as attention from './attention.js';
import { NO_BREAKPOINTS, codeMet, pagesOf, rangesMet, readBreakpoints } from './breakpoints.js';
import type { BreakpointSet } from './breakpoints.js';
import type { Cpu } from './cpu.js';
import { BASE_I32, BASE_STRIDE_I32 } from './state.js';
import type { OwnerHit, OwnerPoints } from './owner-points.js';

const DR6_I32 = (DR_OFFSET >> 2) + 6 * 2;
const DR7_I32 = (DR_OFFSET >> 2) + 7 * 2;
const CS_BASE_I32 = BASE_I32 + BASE_STRIDE_I32 * CS;
const PAGE_SHIFT = 12;

/**
 * What is watched while the processor runs: by the program through the debug registers, which end in #DB, and by the
 * machine's owner, whose points stop the run and change nothing. Pages with watched bytes have no short path through
 * the TLB, and in pages with watched instructions each goes into a block of its own; elsewhere nothing is slower.
 */
export class DebugUnit {
  /** DR6 bits of the #DB that is owed when the instruction under execution has completed. */
  private owed = 0;
  private program: BreakpointSet = NO_BREAKPOINTS;
  private owner: OwnerPoints | null = null;
  /** What the owner's points have met; the run stops before the next instruction. */
  private hit: OwnerHit | null = null;
  /** Linear pages with watched instructions. */
  private codePages: ReadonlySet<number> = new Set();
  /** Instructions executed when the owner's run last stopped before one: that one is not stopped at again. */
  private stoppedAt = -1;

  constructor(private readonly cpu: Cpu) {}

  /** DR0 to DR3, DR7 or CR4.DE may have changed. */
  registersChanged(): void {
    const program = readBreakpoints(this.cpu.s32);
    if (program === NO_BREAKPOINTS && this.program === NO_BREAKPOINTS) return;
    this.program = program;
    this.arm();
  }

  /** Sets, or with null takes away, the owner's points. */
  watch(points: OwnerPoints | null): void {
    this.owner = points;
    this.hit = null;
    this.cpu.setAttention(attention.ATTENTION_HIT, false);
    this.arm();
  }

  /** The owner has set points. */
  get isWatched(): boolean {
    return this.owner !== null;
  }

  private arm(): void {
    const { cpu, program, owner } = this;
    const data = [...program.data, ...(owner?.data ?? [])];
    const code = [...program.code.map(({ linear }) => linear), ...(owner?.code ?? [])];
    this.codePages = new Set(code.map((linear) => linear >>> PAGE_SHIFT));
    cpu.setDataWatch(data.length > 0 ? this : null, new Set(pagesOf(data)));
    cpu.setAttention(attention.ATTENTION_BREAKPOINT, code.length > 0 || owner?.mode !== undefined);
    this.watchesPorts = program.ports.length > 0 || (owner?.ports.length ?? 0) > 0;
    this.watchesEvents = (owner?.vectors.size ?? 0) > 0;
  }

  /** {@link notePort} has to be told. */
  watchesPorts = false;
  /** {@link noteEvent} has to be told. */
  watchesEvents = false;

  /** An access to a page that holds watched bytes, allowed, before anything is written. @throws Restart. */
  noteData(linear: number, byteCount: number, write: boolean): void {
    const first = linear >>> 0;
    const bits = rangesMet(this.program.data, first, byteCount, write);
    const met = this.owner?.data.find(
      (range) =>
        first <= range.last && first + byteCount > range.first && (write ? range.writes : range.reads),
    );
    if (bits === 0 && met === undefined) return;
    this.cpu.requireStep();
    this.owe(bits);
    if (met) this.stopFor({ kind: 'memory', linear: first, bytes: byteCount, write });
  }

  /** An access to ports, allowed, before a device sees it. @throws Restart. */
  notePort(port: number, width: number, direction: 'in' | 'out'): void {
    const bits = rangesMet(this.program.ports, port, width, true);
    const met = this.owner?.ports.some(({ first, last }) => port <= last && port + width > first) ?? false;
    if (bits === 0 && !met) return;
    this.cpu.requireStep();
    this.owe(bits);
    if (met) this.stopFor({ kind: 'port', port, bytes: width, direction });
  }

  /** An exception or interrupt that has been delivered. */
  noteEvent(vector: number): void {
    if (this.owner?.vectors.has(vector)) this.stopFor({ kind: 'event', vector });
  }

  /** A #DB with these bits of DR6 is due when the instruction under execution has completed. */
  owe(bits: number): void {
    if (bits === 0) return;
    this.owed |= bits;
    this.cpu.setAttention(attention.ATTENTION_OWED, true);
  }

  /** Takes over what another processor owes its program. */
  copyFrom(other: DebugUnit): void {
    this.takeOwed();
    this.owe(other.owed);
  }

  private stopFor(hit: OwnerHit): void {
    this.hit ??= hit;
    this.cpu.setAttention(attention.ATTENTION_HIT, true);
  }

  /** The #DB owed, as bits of DR6; forgets it. */
  takeOwed(): number {
    const { owed } = this;
    this.owed = 0;
    this.cpu.setAttention(attention.ATTENTION_OWED, false);
    return owed;
  }

  /** What the owner's points have met, taken away. */
  takeHit(): OwnerHit | null {
    const { hit } = this;
    this.hit = null;
    this.cpu.setAttention(attention.ATTENTION_HIT, false);
    return hit;
  }

  /** The instruction under execution has not completed: what it met does not count. */
  forget(): void {
    this.takeOwed();
    if (this.hit !== null && this.hit.kind !== 'event') this.takeHit();
  }

  /**
   * Before an instruction: the owner's points on it, then the program's breakpoints, which RF and a MOV SS before it hold back.
   * Instructions of pages that have any are told to go alone.
   * @returns the owner's point that stops the run here; else DR6 bits of the #DB due now, or 0.
   */
  before(): OwnerHit | number {
    const { cpu, owner } = this;
    const linear = this.nextLinear;
    if (owner !== null && cpu.instructions !== this.stoppedAt) {
      const mode = owner.mode?.(cpu);
      const isPoint = owner.code.has(linear);
      if (isPoint || mode) {
        this.stoppedAt = cpu.instructions;
        return isPoint ? { kind: 'address', linear } : { kind: 'mode', mode: mode! };
      }
    }
    if (!this.codePages.has(linear >>> PAGE_SHIFT)) return 0;
    cpu.setAttention(attention.ATTENTION_ALONE, true);
    return this.codeHere();
  }

  /** DR6 bits of the program's breakpoints on the next instruction, unless RF or a load of SS before it holds them back. */
  codeHere(): number {
    const { cpu, program } = this;
    if (program.code.length === 0) return 0;
    if (cpu.s32[EFLAGS_I32] & FLAG_RF || cpu.attention & attention.ATTENTION_HOLDS_TRAPS) return 0;
    return codeMet(program.code, this.nextLinear);
  }

  private get nextLinear(): number {
    const { s32 } = this.cpu;
    return (s32[EIP_I32] + s32[CS_BASE_I32]) >>> 0;
  }

  /** For a debugger's step over a point of the owner: the run does not stop at the instruction where it is. */
  passPoint(): void {
    this.stoppedAt = this.cpu.instructions;
  }

  /** General detect (APM vol. 2, section 13.1.3.5 "General-Detect"): a fault at a MOV that would touch a debug register. @returns whether it is due. */
  get guarded(): boolean {
    return (this.cpu.s32[DR7_I32] & DR7_GD) !== 0;
  }

  /** Records a #DB in DR6, where bits stay until software clears them; DR7.GD is cleared for the handler. */
  record(bits: number): void {
    const { s32 } = this.cpu;
    s32[DR6_I32] |= bits;
    s32[DR7_I32] &= ~DR7_GD;
  }

  recordGeneralDetect(): void {
    this.record(DR6_BD);
  }
}
