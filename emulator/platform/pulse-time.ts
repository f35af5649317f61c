import { TICKS_PER_CYCLE } from '../cost/ledger.js';

/**
 * Converts between the machine's ticks and the pulses of a device's own clock, exactly: pulse n begins at tick
 * ceil(n * ticksPerSecond / pulseHz). The quotient is split so that no product leaves 2^53 while ticks do not.
 */
export class PulseTime {
  private readonly numerator: number;
  private readonly denominator: number;
  private readonly quotient: number;
  private readonly remainder: number;

  /**
   * @param frequencyHz of the processor. @param pulseHz of the device.
   * @throws RangeError when the processor's frequency is no whole number or a tick of it is longer than a pulse.
   */
  constructor(frequencyHz: number, pulseHz: number) {
    const ticksPerSecond = frequencyHz * TICKS_PER_CYCLE;
    if (!Number.isSafeInteger(frequencyHz) || ticksPerSecond < pulseHz) {
      const leastHz = Math.ceil(pulseHz / TICKS_PER_CYCLE);
      throw new RangeError(
        `processor frequency is ${frequencyHz} Hz; expected a whole number of at least ${leastHz}`,
      );
    }
    const divisor = greatestCommonDivisor(ticksPerSecond, pulseHz);
    this.numerator = ticksPerSecond / divisor;
    this.denominator = pulseHz / divisor;
    this.quotient = Math.floor(this.numerator / this.denominator);
    this.remainder = this.numerator % this.denominator;
  }

  /** First tick of a pulse. */
  ticksAt(pulse: number): number {
    return pulse * this.quotient + Math.ceil((pulse * this.remainder) / this.denominator);
  }

  /** The pulse that a tick lies in. */
  pulseAt(ticks: number): number {
    let pulse = Math.floor((ticks / this.numerator) * this.denominator);
    while (this.ticksAt(pulse) > ticks) pulse--;
    while (this.ticksAt(pulse + 1) <= ticks) pulse++;
    return pulse;
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}
