import { PAGE_BYTES } from '../../arch/paging.js';
import { decode, MAX_INSTRUCTION_BYTES } from '../../isa/decoder.js';
import type { Machine } from '../../machine.js';
import type { TranslationCache } from './cache.js';
import type { CodeSpace } from './code-space.js';
import type { Continuation, Fragment } from './fragment.js';
import { dependsOnData } from './segment-forms.js';
import { translateUnit } from './translate.js';
import type { Decoded, TranslationSettings, TranslationUnit } from './unit.js';

/** An instruction that lies in two pages. */
interface Crossing {
  decoded: Decoded;
  /** Guest-physical number of the page that it goes on in. */
  secondPage: number;
}

/** Finds, or makes, the translated code that goes on where the guest stands. */
export class Dispatcher {
  /** Times it looked for the translation of a guest address. */
  lookups = 0;
  /** Of those, the ones that found it. */
  hits = 0;
  /** Translated code looked a target up in the table: returns, indirect jumps and jumps to other pages. */
  targetLookups = 0;
  /** Of those, the ones that the table did not know, so that the monitor was entered. */
  targetMisses = 0;
  /** The fragment that control was last in, and the epoch of the code space then: it may go on there while both hold. */
  private last: { fragment: Fragment; epoch: number } | null = null;

  constructor(
    private readonly host: Machine,
    private readonly guest: Machine,
    private readonly cache: TranslationCache,
    private readonly space: CodeSpace,
    private readonly settings: TranslationSettings,
  ) {}

  /** The fragment that control is in is one that the guest's code has changed under. */
  get isStale(): boolean {
    return this.last?.fragment.valid === false;
  }

  /** The fragment that control was last in; null: it came from elsewhere. */
  get lastFragment(): Fragment | null {
    return this.last && this.last.fragment;
  }

  /** Control has left `fragment`, or code that belongs to none. */
  left(fragment: Fragment | null): void {
    this.last = fragment && { fragment, epoch: this.space.epoch };
  }

  /**
   * Where in the cache the guest goes on.
   * @returns a linear address; null when the guest's next instruction is not mapped, or only the virtual CPU can execute it.
   */
  resume(): number | null {
    const { cpu } = this.guest;
    const key = this.space.follow(cpu);
    const { last } = this;
    if (last?.fragment.valid && last.epoch === this.space.epoch && last.fragment.key === key) {
      const linear = last.fragment.current.linearOf(cpu.eip);
      if (linear !== undefined) return linear;
    }
    return this.find(null)?.startLinear ?? null;
  }

  /** Translated code came to the end of what is translated. */
  continueAt(continuation: Continuation): void {
    this.guest.cpu.eip = continuation.eip;
    this.host.ledger.charge('transition', 'callout');
    const fragment = this.find(continuation);
    if (fragment) this.cache.chain(continuation, fragment);
  }

  /**
   * Translated code has made `count` lookups in the target table. It contains no other jumps through memory than those, so
   * the processor's performance counter tells.
   */
  lookedUp(count: number): void {
    this.targetLookups += count;
  }

  /** An interrupt came between a lookup and the code that verifies what it found. */
  lookupCutShort(): void {
    this.targetLookups--;
  }

  /** The target table did not know where the guest's eip is translated. */
  missTarget(): void {
    this.targetMisses++;
    this.host.ledger.charge('transition', 'callout');
    const fragment = this.find(null);
    if (fragment) this.cache.enterTarget(fragment);
  }

  /** The fragment for the guest's eip. @param from the continuation that asked for it. */
  private find(from: Continuation | null): Fragment | null {
    const { space, cache, host } = this;
    const { eip } = this.guest.cpu;
    let key = space.follow(this.guest.cpu);
    this.lookups++;
    host.ledger.charge('translate', 'translate.lookup');
    const address = space.locate(eip);
    if (address.kind === 'elsewhere') return null;
    const { gpa } = address;
    let fragment = cache.find(key, eip, gpa);
    let crossing: Crossing | null = null;
    if (!fragment && this.isCut(eip, gpa)) {
      crossing = this.fetchAcross(eip, gpa);
      if (!crossing) return null;
      fragment = cache.find(key, eip, gpa, crossing.secondPage);
    }
    if (fragment) this.hits++;
    else {
      let unit = this.translate(eip, gpa, crossing);
      if (dependsOnData(unit) && space.needData()) {
        key = space.follow(this.guest.cpu);
        unit = this.translate(eip, gpa, crossing);
        from = null;
      }
      fragment = cache.add(key, gpa, crossing && crossing.secondPage, unit, from);
      const { ticks } = host.ledger;
      const instructions = unit.instructions.length;
      host.trace.record({ ticks, kind: 'translate', eip, instructions, bytes: fragment.bytes.length });
    }
    this.left(fragment);
    return fragment;
  }

  /** @param crossing the first instruction, when it lies in two pages: then it is the only one. */
  private translate(eip: number, gpa: number, crossing: Crossing | null): TranslationUnit {
    const page = gpa >>> 12;
    // Where the guest's next page lies is another question.
    const fetch = (at: number) => {
      if (crossing && at === eip) return crossing.decoded;
      const here = gpa + at - eip;
      return here >>> 12 === page ? this.fetch(at, here) : null;
    };
    return translateUnit(fetch, eip, this.space.mode, this.settings);
  }

  /** Whether the instruction at `eip` goes on behind its page. */
  private isCut(eip: number, gpa: number): boolean {
    const inPage = PAGE_BYTES - (gpa & (PAGE_BYTES - 1));
    if (inPage >= MAX_INSTRUCTION_BYTES) return false;
    const { bits, codeLimit } = this.space.mode;
    return codeLimit - eip >= inPage && decode(this.guest.memory.u8, gpa, inPage, bits) === 'short';
  }

  /**
   * Reads an instruction that goes on behind its page. The first byte there is reached as by a fetch of its own.
   * @returns null when that page is not mapped for the guest's code, or there is no instruction: the virtual CPU will fault.
   */
  private fetchAcross(eip: number, gpa: number): Crossing | null {
    const inPage = PAGE_BYTES - (gpa & (PAGE_BYTES - 1));
    const { bits, codeLimit } = this.space.mode;
    const second = this.space.locate(eip + inPage);
    if (second.kind === 'elsewhere') return null;
    const { u8 } = this.guest.memory;
    const bytes = new Uint8Array(Math.min(MAX_INSTRUCTION_BYTES, codeLimit - eip + 1));
    bytes.set(u8.subarray(gpa, gpa + inPage));
    bytes.set(u8.subarray(second.gpa, second.gpa + bytes.length - inPage), inPage);
    const operation = decode(bytes, 0, bytes.length, bits);
    if (typeof operation === 'string') return null;
    const secondPage = second.gpa >>> 12;
    return { decoded: { operation, bytes: bytes.slice(0, operation.lengthBytes) }, secondPage };
  }

  private fetch(eip: number, gpa: number): Decoded | null {
    const { memory } = this.guest;
    const inPage = PAGE_BYTES - (gpa & (PAGE_BYTES - 1));
    const { bits, codeLimit } = this.space.mode;
    const available = Math.min(inPage, codeLimit - eip + 1);
    const operation = decode(memory.u8, gpa, available, bits);
    if (typeof operation === 'string') return null;
    return { operation, bytes: memory.u8.slice(gpa, gpa + operation.lengthBytes) };
  }
}
