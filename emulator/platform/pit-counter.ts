/**
 * One counter of the 8254 (Intel 8254 Programmable Interval Timer, order number 231164-005, section "Mode
 * Definitions"). Times are whole cycles of the timer's own clock: pulses. The counter is a function of time:
 * nothing runs per pulse.
 */
export class PitCounter {
  private mode = 3;
  private bcd = false;
  /** Bytes of an access: 1 low only, 2 high only, 3 low then high. */
  private access: 1 | 2 | 3 = 3;
  /** Pulses to count, a written 0 already turned into the modulus; 0: none was written since the mode. */
  private count = 0;
  /** Pulse at which `count` entered the counting element: the one after the write or trigger. */
  private loadedAt = Infinity;
  /** Pulses counted when the gate stopped the counting element, else null. */
  private frozen: number | null = null;
  /** A written count that waits for its turn, or 0. */
  private pending = 0;
  /** When it takes over: the end of the period (mode 2) or half period (mode 3); Infinity: at the next trigger. */
  private pendingAt = Infinity;
  /** Mode 1 was triggered again while OUT was low, which keeps it low. */
  private retriggered = false;
  private lowByte = 0;
  private writeHighNext = false;
  private readHighNext = false;
  private latchedCount: number | null = null;
  private latchedStatus: number | null = null;

  constructor(private gate: boolean) {}

  /** A control word for this counter ("Control Word Format") that is neither the latch nor the read-back command. */
  setMode(control: number): void {
    const mode = (control >> 1) & 7;
    this.mode = mode > 5 ? mode - 4 : mode;
    this.bcd = (control & 1) !== 0;
    this.access = ((control >> 4) & 3) as 1 | 2 | 3;
    this.count = 0;
    this.loadedAt = Infinity;
    this.frozen = null;
    this.forgetPending();
    this.writeHighNext = false;
    this.readHighNext = false;
    this.latchedCount = null;
    this.latchedStatus = null;
  }

  writeByte(value: number, now: number): void {
    if (this.access === 3 && !this.writeHighNext) {
      this.lowByte = value;
      this.writeHighNext = true;
      // Mode 0: the first byte stops counting and drops OUT at once.
      if (this.mode === 0) this.loadedAt = Infinity;
      return;
    }
    this.writeHighNext = false;
    const low = this.access === 3 ? this.lowByte : this.access === 1 ? value : 0;
    const high = this.access === 1 ? 0 : value;
    this.writeCount(this.decode(low | (high << 8)), now);
  }

  private writeCount(count: number, now: number): void {
    this.advance(now);
    const running = this.loadedAt <= now;
    if (this.mode === 1 || this.mode === 5) {
      this.pending = count;
    } else if ((this.mode === 2 || this.mode === 3) && running) {
      this.pending = count;
      this.pendingAt = this.frozen === null ? now + this.pulsesToReload(now) : Infinity;
    } else {
      this.count = count;
      this.load(now);
    }
  }

  /** Drives GATE ("Gate Pin Operations Summary"). */
  setGate(level: boolean, now: number): void {
    if (level === this.gate) return;
    this.advance(now);
    this.gate = level;
    const { mode } = this;
    if (mode === 0 || mode === 4) {
      if (!level && this.loadedAt !== Infinity) this.frozen = this.elapsed(now);
      if (level && this.frozen !== null) {
        this.loadedAt = now - this.frozen;
        this.frozen = null;
      }
    } else if (level) {
      this.trigger(now);
    } else if ((mode === 2 || mode === 3) && this.loadedAt !== Infinity) {
      this.frozen = this.elapsed(now);
      this.pendingAt = Infinity;
    }
  }

  private trigger(now: number): void {
    if (this.pending !== 0) this.count = this.pending;
    if (this.count === 0) return;
    this.retriggered = this.mode === 1 && !this.output(now);
    this.forgetPending();
    this.load(now);
  }

  private load(now: number): void {
    this.loadedAt = now + 1;
    const gated = this.mode !== 1 && this.mode !== 5;
    this.frozen = gated && !this.gate ? 0 : null;
  }

  /** OUT at pulse `now`. */
  output(now: number): boolean {
    this.advance(now);
    const elapsed = this.elapsed(now);
    switch (this.mode) {
      case 0:
        return elapsed >= this.count;
      case 1:
        return elapsed < 0 ? !this.retriggered : elapsed >= this.count;
      case 2:
        return this.frozen !== null || elapsed < 0 || elapsed % this.count !== this.count - 1;
      case 3:
        return this.frozen !== null || elapsed < 0 || elapsed % this.count < this.highPulses;
      default:
        return elapsed !== this.count;
    }
  }

  /** First pulse after `now` at which OUT may change by itself, or Infinity. */
  nextChange(now: number): number {
    this.advance(now);
    if (this.loadedAt === Infinity || this.frozen !== null) return Infinity;
    const elapsed = this.elapsed(now);
    const next = this.changePoints(elapsed).find((point) => point > elapsed);
    return Math.min(next === undefined ? Infinity : this.loadedAt + next, this.pendingAt);
  }

  /** Pulses after the load at which OUT changes, ascending, those around `elapsed` when they repeat. */
  private changePoints(elapsed: number): readonly number[] {
    const { count } = this;
    switch (this.mode) {
      case 0:
        return [count];
      case 1:
        return [0, count];
      case 2:
      case 3: {
        const start = elapsed < 0 ? 0 : elapsed - (elapsed % count);
        const fall = this.mode === 2 ? count - 1 : this.highPulses;
        return [start + fall, start + count, start + count + fall];
      }
      default:
        return [count, count + 1];
    }
  }

  readByte(now: number): number {
    if (this.latchedStatus !== null) {
      const status = this.latchedStatus;
      this.latchedStatus = null;
      return status;
    }
    const value = this.latchedCount ?? this.countingElement(now);
    const high = this.access === 2 || (this.access === 3 && this.readHighNext);
    if (this.access === 3) this.readHighNext = !this.readHighNext;
    if (this.access !== 3 || high) this.latchedCount = null;
    return high ? value >> 8 : value & 0xff;
  }

  /** "Counter Latch Command": ignored while an earlier latch was not read. */
  latchCount(now: number): void {
    this.latchedCount ??= this.countingElement(now);
  }

  /** "Read-Back Command": OUT, null count, access, mode, BCD. */
  latchStatus(now: number): void {
    if (this.latchedStatus !== null) return;
    const out = this.output(now) ? 0x80 : 0;
    const nullCount = this.pending !== 0 || this.loadedAt > now ? 0x40 : 0;
    this.latchedStatus = out | nullCount | (this.access << 4) | (this.mode << 1) | (this.bcd ? 1 : 0);
  }

  private countingElement(now: number): number {
    this.advance(now);
    const { count } = this;
    const elapsed = Math.max(0, this.elapsed(now));
    switch (this.mode) {
      case 2:
        return this.encode(count - (count === 0 ? 0 : elapsed % count));
      case 3: {
        // Counts down by two from the even part of the count in each half; the first half of an odd count lasts one longer.
        const even = count - (count & 1);
        const phase = count === 0 ? 0 : elapsed % count;
        return this.encode(
          even - 2 * (phase < this.highPulses ? Math.min(phase, even / 2) : phase - this.highPulses),
        );
      }
      default:
        return this.encode(count - elapsed);
    }
  }

  /** Lets a pending count take over when its time has come. */
  private advance(now: number): void {
    if (now < this.pendingAt) return;
    const outLow = this.mode === 3 && (this.pendingAt - this.loadedAt) % this.count !== 0;
    this.count = this.pending;
    this.loadedAt = outLow ? this.pendingAt - this.highPulses : this.pendingAt;
    this.forgetPending();
  }

  /** Pulses until the running period (mode 2) or half period (mode 3) ends. */
  private pulsesToReload(now: number): number {
    const phase = this.elapsed(now) % this.count;
    const high = this.highPulses;
    return this.mode === 3 && phase < high ? high - phase : this.count - phase;
  }

  private forgetPending(): void {
    this.pending = 0;
    this.pendingAt = Infinity;
  }

  /** Pulses for which mode 3 holds OUT high. */
  private get highPulses(): number {
    return Math.ceil(this.count / 2);
  }

  private elapsed(now: number): number {
    return this.frozen ?? now - this.loadedAt;
  }

  private get modulus(): number {
    return this.bcd ? 10_000 : 0x1_0000;
  }

  private decode(written: number): number {
    const value = this.bcd ? bcdToNumber(written) : written;
    return value === 0 ? this.modulus : value;
  }

  private encode(value: number): number {
    const wrapped = ((value % this.modulus) + this.modulus) % this.modulus;
    return this.bcd ? numberToBcd(wrapped) : wrapped;
  }
}

const BCD_PLACES = [
  [0, 1],
  [4, 10],
  [8, 100],
  [12, 1000],
] as const;

function bcdToNumber(bcd: number): number {
  return BCD_PLACES.reduce((sum, [shift, weight]) => sum + ((bcd >> shift) & 0xf) * weight, 0);
}

function numberToBcd(value: number): number {
  return BCD_PLACES.reduce((sum, [shift, weight]) => sum | ((Math.floor(value / weight) % 10) << shift), 0);
}
