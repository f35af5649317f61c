import type { Clock } from './clock.js';
import { PulseTime } from './pulse-time.js';

/** What the timer counts before its divider: the bus clock of the Pentium 4 672. Software has to measure it. */
export const APIC_BUS_HZ = 200_000_000;
/** By divide configuration bits 3, 1 and 0 (SDM vol. 3A, figure 10-10 "Divide Configuration Register"). */
const DIVISORS = [2, 4, 8, 16, 32, 64, 128, 1] as const;
const DIVIDE_WRITABLE = 0b1011;

/** The local APIC's timer: counts down from the initial count, once or again and again. A function of the clock. */
export class ApicTimer {
  private readonly time: PulseTime;
  /** The initial-count register. */
  initial = 0;
  private divideBits = 0;
  private isPeriodic = false;
  private isMasked = true;
  /** The count at pulse `start`; 0: not counting. */
  private count = 0;
  private start = 0;
  private deadline: object | null = null;

  /** @param expired called when the count reaches zero, unless the timer is masked. */
  constructor(
    private readonly clock: Clock,
    private readonly expired: () => void,
  ) {
    this.time = new PulseTime(clock.ledger.profile.frequencyHz, APIC_BUS_HZ);
  }

  reset(): void {
    this.initial = 0;
    this.count = 0;
    this.divideBits = 0;
    this.setMode(false, true);
  }

  /** Starts counting down from `count`; 0 stops. */
  setInitial(count: number): void {
    this.initial = count;
    this.count = count;
    this.start = this.now();
    this.update();
  }

  /** The current-count register, as software reads it. */
  readCurrent(): number {
    return this.currentAt(this.time.pulseAt(this.clock.observe()));
  }

  get divide(): number {
    return this.divideBits;
  }
  set divide(value: number) {
    this.rebase();
    this.divideBits = value & DIVIDE_WRITABLE;
    this.update();
  }

  setMode(periodic: boolean, masked: boolean): void {
    this.rebase();
    this.isPeriodic = periodic;
    this.isMasked = masked;
    this.update();
  }

  private get divisor(): number {
    return DIVISORS[((this.divideBits >> 1) & 4) | (this.divideBits & 3)];
  }

  private now(): number {
    return this.time.pulseAt(this.clock.nowTicks);
  }

  /** Makes the count as it is now the one that time is counted from. */
  private rebase(): void {
    const now = this.now();
    this.count = this.currentAt(now);
    this.start = now;
  }

  private currentAt(pulse: number): number {
    const elapsed = Math.floor((pulse - this.start) / this.divisor);
    if (elapsed < this.count) return this.count - elapsed;
    if (!this.isPeriodic || this.initial === 0 || this.count === 0) return 0;
    return this.initial - ((elapsed - this.count) % this.initial);
  }

  private update(): void {
    if (this.deadline) this.clock.cancel(this.deadline);
    this.deadline = null;
    if (this.count === 0 || this.isMasked) return;
    const atTicks = this.time.ticksAt(this.start + this.count * this.divisor);
    this.deadline = this.clock.schedule(atTicks, () => this.expire());
  }

  private expire(): void {
    this.deadline = null;
    this.start += this.count * this.divisor;
    this.count = this.isPeriodic ? this.initial : 0;
    if (this.count > 0) {
      // Periods that passed unseen, while the machine could not poll, are one interrupt.
      const missed = Math.floor((this.now() - this.start) / (this.count * this.divisor));
      this.start += missed * this.count * this.divisor;
    }
    this.update();
    this.expired();
  }
}
