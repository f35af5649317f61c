import { SourceError, type Span } from './diagnostics.js';
import { resolve, unknownValue, type Value } from './evaluate.js';
import { registers } from './registers.js';
import { didYouMean } from './suggest.js';

interface Definition {
  value: Value;
  readonly span: Span;
  /** Pass in which it was last defined. */
  pass: number;
}

/** Symbols of one assembly, carried from pass to pass. */
export class SymbolTable {
  readonly #definitions = new Map<string, Definition>();
  #pass = 0;
  #changed = false;

  /** Starts the next pass; definitions of the one before serve forward references. */
  beginPass(): void {
    this.#pass++;
    this.#changed = false;
  }

  get pass(): number {
    return this.#pass;
  }

  /** Whether a definition in this pass differs from the pass before. */
  get changed(): boolean {
    return this.#changed;
  }

  /** Defines a symbol in this pass. Throws SourceError when another line of this pass has done so. */
  define(name: string, value: Value, span: Span): void {
    const known = this.#definitions.get(name);
    if (known === undefined) {
      this.#definitions.set(name, { value, span, pass: this.#pass });
      this.#changed = true;
      return;
    }
    if (known.pass === this.#pass) {
      throw new SourceError(`'${name}' is already defined in line ${known.span.line}`, span);
    }
    known.pass = this.#pass;
    if (!sameValue(known.value, value)) {
      known.value = value;
      this.#changed = true;
    }
  }

  /**
   * The value of a symbol: of this pass if it stands above, else of the pass before. In the first pass a
   * forward reference has no value yet; from the second on it is an error.
   */
  value(name: string, span: Span): Value {
    const known = this.#definitions.get(name);
    if (known !== undefined) return known.value;
    if (this.#pass === 1) return unknownValue;
    throw new SourceError(
      `symbol '${name}' is not defined${didYouMean(name, [...this.#definitions.keys(), ...registers.keys()])}`,
      span,
    );
  }

  /** Final values, in order of definition. */
  values(): Record<string, number> {
    // No prototype: a label may be called __proto__ or constructor.
    const out = Object.create(null) as Record<string, number>;
    for (const [name, { value }] of this.#definitions) out[name] = Number(resolve(value));
    return out;
  }
}

/** Whether two values are the same number counted from the same sections. */
export function sameValue(a: Value, b: Value): boolean {
  return (
    a.number === b.number &&
    a.known === b.known &&
    a.bases.length === b.bases.length &&
    a.bases.every(
      (term, index) => term.of === b.bases[index].of && term.coefficient === b.bases[index].coefficient,
    )
  );
}
