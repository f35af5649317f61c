import { SourceError } from './diagnostics.js';
import type { Token } from './lexer.js';
import { limits } from './limits.js';
import { appendPasted, moved, numberTokens, splitArguments, tokensAt } from './macro-lines.js';

/** A line inside the preprocessor: its tokens before expansion, and where it stands. */
export interface RawLine {
  readonly tokens: readonly Token[];
  readonly file: string;
  readonly line: number;
  readonly text: string;
  readonly error?: SourceError;
}

/** A multi-line macro (%macro ... %endmacro). */
export interface Macro {
  readonly name: string;
  readonly ignoreCase: boolean;
  readonly minimum: number;
  /** Infinity for `1-*`. */
  readonly maximum: number;
  /** The last parameter takes the rest of the line, commas and all. */
  readonly greedy: boolean;
  readonly defaults: readonly (readonly Token[])[];
  readonly body: readonly RawLine[];
}

/** Reads what stands after `%macro`: name, parameter counts, defaults. */
export function parseMacroHeader(
  tokens: readonly Token[],
  directive: Token,
  ignoreCase: boolean,
): Omit<Macro, 'body'> {
  const [name, ...rest] = tokens;
  if (name?.kind !== 'name') throw new SourceError('expected the name of the macro', name ?? directive);
  let at = 0;
  const number = (): number | undefined => {
    const token = rest[at];
    if (token?.kind !== 'number') return undefined;
    at++;
    return Number(token.value ?? 0n);
  };
  const take = (text: string) => {
    const token = rest[at];
    if (token === undefined || token.text !== text || token.kind === 'string') return false;
    at++;
    return true;
  };
  const minimum = number();
  if (minimum === undefined) {
    throw new SourceError(`expected the number of parameters after '${name.text}'`, rest[0] ?? name);
  }
  let maximum = minimum;
  if (take('-')) maximum = take('*') ? Infinity : (number() ?? minimum);
  const greedy = take('+');
  if (rest[at]?.kind === 'name' && rest[at].text.toLowerCase() === '.nolist') at++;
  if (maximum < minimum)
    throw new SourceError(`expected at least ${minimum} parameters, found ${maximum}`, rest[0]);
  const header = { name: name.text, ignoreCase, minimum, maximum, greedy };
  if (at >= rest.length) return { ...header, defaults: [] };
  // The default of a greedy parameter keeps its commas too.
  return { ...header, defaults: splitList(rest.slice(at), greedy ? maximum - minimum : Infinity) };
}

/** A call of a macro under way. */
export class MacroCall {
  /** Parameters now: %rotate turns them. */
  #parameters: (readonly Token[])[];
  readonly #given: number;

  constructor(
    readonly macro: Macro,
    args: readonly (readonly Token[])[],
    /** Number that makes %%labels of this call its own. */
    readonly id: number,
    readonly callee: Token,
    /** The label on the calling line, for %00. */
    readonly label: readonly Token[],
  ) {
    const { minimum, defaults } = macro;
    this.#parameters = [...args];
    // Defaults belong to the parameters after the required ones.
    for (let index = args.length; index - minimum < defaults.length && index < macro.maximum; index++) {
      this.#parameters.push(defaults[index - minimum]);
    }
    this.#given = this.#parameters.length;
  }

  rotate(count: number): void {
    const { length } = this.#parameters;
    if (length === 0) return;
    const turn = ((count % length) + length) % length;
    this.#parameters = [...this.#parameters.slice(turn), ...this.#parameters.slice(0, turn)];
  }

  /** A body line with %1, %0, %%label and their like replaced. */
  substitute(tokens: readonly Token[]): Token[] {
    const out: Token[] = [];
    let joined = false;
    for (const token of tokens) {
      const replacement = token.kind === 'percent' ? this.#replacement(token) : undefined;
      if (replacement === undefined) {
        if (joined) appendPasted(out, [token]);
        else out.push(token);
        joined = false;
        continue;
      }
      if (replacement.length > 0)
        appendPasted(out, [{ ...replacement[0], spaced: token.spaced }, ...replacement.slice(1)]);
      joined = replacement.length > 0;
      if (out.length > limits.lineTokens) {
        throw new SourceError(`the line expands to more than ${limits.lineTokens} words`, token);
      }
    }
    return out;
  }

  /** What a `%` word stands for in this call, or undefined when it is not the call's. */
  #replacement(token: Token): readonly Token[] | undefined {
    const bare = token.text.startsWith('%{') ? token.text.slice(2, -1).trim() : token.text.slice(1);
    if (bare.startsWith('%')) return tokensAt(`..@${this.id}.${bare.slice(1)}`, token, token.spaced);
    if (bare === '?' || bare === '??')
      return tokensAt(bare === '?' ? this.callee.text : this.macro.name, token, token.spaced);
    if (bare === '0') return numberTokens(BigInt(this.#given), token, token.spaced);
    if (bare === '00') return this.label;
    const range = /^(-?\d+):(-?\d+)$/.exec(bare);
    if (range !== null) return this.#range(Number(range[1]), Number(range[2]), token);
    const condition = /^([+-])(\d+)$/.exec(bare);
    if (condition !== null) return this.#condition(condition[1] === '-', Number(condition[2]), token);
    if (!/^\d+$/.test(bare)) return undefined;
    return this.#parameters[Number(bare) - 1] ?? [];
  }

  /** `%{2:4}`: a stretch of parameters with commas; negative numbers count from the end. */
  #range(first: number, last: number, token: Token): Token[] {
    const count = this.#parameters.length;
    const index = (position: number) => (position < 0 ? count + position : position - 1);
    const [from, to] = [index(first), index(last)];
    const step = from <= to ? 1 : -1;
    const out: Token[] = [];
    for (let at = from; at >= 0 && at < count && (step > 0 ? at <= to : at >= to); at += step) {
      if (out.length > 0) out.push(moved({ ...token, kind: 'punctuation', text: ',' }, token, false));
      out.push(...this.#parameters[at]);
    }
    return out;
  }

  /** `%+1` and `%-1`: a condition code, and its opposite. */
  #condition(inverted: boolean, position: number, token: Token): Token[] {
    const [parameter] = this.#parameters[position - 1] ?? [];
    const code = parameter?.text.toLowerCase() ?? '';
    if (!Object.hasOwn(oppositeConditions, code)) {
      throw new SourceError(`parameter ${position} is not a condition code: found '${code}'`, token);
    }
    return tokensAt(inverted ? oppositeConditions[code] : code, parameter, token.spaced);
  }
}

const conditionPairs = [
  ['a', 'na'],
  ['ae', 'nae'],
  ['b', 'nb'],
  ['be', 'nbe'],
  ['c', 'nc'],
  ['e', 'ne'],
  ['g', 'ng'],
  ['ge', 'nge'],
  ['l', 'nl'],
  ['le', 'nle'],
  ['o', 'no'],
  ['p', 'np'],
  ['pe', 'po'],
  ['s', 'ns'],
  ['z', 'nz'],
];

const oppositeConditions: Readonly<Record<string, string>> = Object.fromEntries(
  conditionPairs.flatMap(([code, opposite]) => [
    [code, opposite],
    [opposite, code],
  ]),
);

/** Multi-line macros in force. */
export class Macros {
  readonly #exact = new Map<string, Macro[]>();
  readonly #folded = new Map<string, Macro[]>();

  define(macro: Macro, directive: Token): void {
    const overloads = this.find(macro.name);
    const clash = overloads.find(
      (old) =>
        old.minimum <= macro.maximum && macro.minimum <= old.maximum && old.ignoreCase === macro.ignoreCase,
    );
    if (clash !== undefined)
      throw new SourceError(`macro '${macro.name}' is already defined for these parameter counts`, directive);
    const table = macro.ignoreCase ? this.#folded : this.#exact;
    const key = macro.ignoreCase ? macro.name.toLowerCase() : macro.name;
    table.set(key, [...(table.get(key) ?? []), macro]);
  }

  undefine(name: string, minimum: number, maximum: number): void {
    const key = name.toLowerCase();
    const keep = (macro: Macro) => macro.minimum !== minimum || macro.maximum !== maximum;
    this.#exact.set(name, (this.#exact.get(name) ?? []).filter(keep));
    this.#folded.set(key, (this.#folded.get(key) ?? []).filter(keep));
  }

  find(name: string): readonly Macro[] {
    return [...(this.#exact.get(name) ?? []), ...(this.#folded.get(name.toLowerCase()) ?? [])];
  }

  names(): string[] {
    return [...this.#exact.keys(), ...this.#folded.keys()];
  }
}

/** Splits the arguments of a call for a macro; the last parameter of a greedy one keeps its commas. */
export function macroArguments(macro: Macro, tokens: readonly Token[]): Token[][] {
  if (tokens.length === 0) return [];
  return splitList(tokens, macro.greedy ? macro.maximum : Infinity);
}

/** Splits at commas into at most `most` parts; the last one then keeps its commas and braces. */
function splitList(tokens: readonly Token[], most: number): Token[][] {
  const parts = splitArguments(tokens, false);
  if (parts.length <= most) return parts;
  const kept = parts.slice(0, most - 1);
  let commas = 0;
  let braces = 0;
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== 'punctuation') continue;
    if (token.text === '{') braces++;
    if (token.text === '}') braces--;
    if (token.text === ',' && braces === 0 && ++commas === most - 1) {
      return [...kept, tokens.slice(index + 1)];
    }
  }
  return [[...tokens]];
}
