import { INSTRUCTION_TABLE } from '../../emulator/index.js';
import type { MimeBundle } from '../display/bundle.js';
import { escapeHtml } from '../display/bundle.js';
import { displaySymbol, View } from './display.js';
import type { Displayable } from './display.js';
import { numbersFrom } from './seed.js';

/** One exercise: what is asked, and the answer with its reason. */
interface Question {
  text: string;
  answer: string;
  because: string;
}

/** Draws from a seed. */
interface Dice {
  /** A whole number from 0 below `end`. */
  below(end: number): number;
  of<T>(choices: readonly T[]): T;
}

/**
 * An exercise that checks itself. The same seed gives the same exercise, another seed another one.
 * As a cell's value it shows the question.
 */
export class Quiz implements Displayable {
  constructor(
    readonly seed: number,
    private readonly question: Question,
  ) {}

  /** Whether `answer` is right; blanks and case do not count. */
  check(answer: string | number): View {
    const right = normal(String(answer)) === normal(this.question.answer);
    return text(right ? `Right: ${this.question.because}` : 'Not so. Try again, or .reveal() it.');
  }

  /** The answer, and why. */
  reveal(): View {
    return text(`${this.question.answer}. ${this.question.because}`);
  }

  [displaySymbol](): MimeBundle {
    return text(`${this.question.text}\nAnswer with .check(…), look it up with .reveal().`)[displaySymbol]();
  }
}

const TOPICS = {
  sensitivity,
  walk,
  popf,
  fault,
  shadow,
  price,
} satisfies Record<string, (dice: Dice) => Question>;
export type Topic = keyof typeof TOPICS;

/**
 * An exercise.
 * @param topic what about: 'sensitivity' of instructions, references of a page 'walk', 'popf' in a ring that may not,
 *   the error code of a page 'fault', what a fault on 'shadow' page tables is, the 'price' of exits; without it the seed decides.
 * @throws RangeError for a topic that there is not, or a seed that is no integer.
 */
export function quiz(seed: number, topic?: Topic): Quiz {
  const next = numbersFrom(seed);
  const below = (end: number) => Math.floor((next() / 2 ** 32) * end);
  const dice: Dice = { below, of: (choices) => choices[below(choices.length)] };
  const topics = Object.keys(TOPICS) as Topic[];
  const chosen = topic ?? dice.of(topics);
  if (!topics.includes(chosen))
    throw new RangeError(`no topic '${String(topic)}'; there are: ${topics.join(', ')}`);
  return new Quiz(seed, TOPICS[chosen](dice));
}

function sensitivity({ of }: Dice): Question {
  const wanted = of(['innocuous', 'traps', 'silent'] as const);
  const { mnemonic, operands, sensitivity } = of(
    INSTRUCTION_TABLE.filter((row) => row.sensitivity === wanted),
  );
  const meaning = {
    innocuous: 'it neither reads nor writes what a monitor has to keep from its guest',
    traps: 'in a ring that may not execute it, it raises an exception, so a monitor gets control',
    silent: 'in any ring it executes without an exception, but does or shows something else than in ring 0',
  };
  return {
    text: `Is ${`${mnemonic} ${operands}`.trim()} innocuous, traps, or silent when a guest kernel runs in ring 1?`,
    answer: sensitivity,
    because: `${mnemonic} is ${sensitivity}: ${meaning[sensitivity]}.`,
  };
}

function walk({ of }: Dice): Question {
  const guest = of([2, 3, 4]);
  const nested = of([2, 3, 4]);
  const references = (guest + 1) * (nested + 1) - 1;
  return {
    text: `A TLB miss with nothing cached: ${guest} levels of guest page tables over ${nested} levels of nested ones. How many references to memory does the walk make?`,
    answer: String(references),
    because: `(${guest} + 1) × (${nested} + 1) − 1 = ${references}: each of the ${guest} guest entries and the final address needs a walk of ${nested}, and the guest entries themselves are read.`,
  };
}

function popf({ of }: Dice): Question {
  const cpl = of([0, 1, 3]);
  const iopl = of([0, 1, 3]);
  const before = of([0, 1]);
  const popped = 1 - before;
  const after = cpl <= iopl ? popped : before;
  return {
    text: `At CPL ${cpl} with IOPL ${iopl}, IF is ${before}. popf takes flags from the stack in which IF is ${popped}. What is IF afterwards?`,
    answer: String(after),
    because:
      cpl <= iopl
        ? `CPL ${cpl} may change IF, being no greater than IOPL ${iopl}.`
        : `CPL ${cpl} is greater than IOPL ${iopl}: popf leaves IF alone and says nothing.`,
  };
}

function fault({ of }: Dice): Question {
  const user = of([false, true]);
  const write = of([false, true]);
  const present = of([false, true]);
  // With the page there, only a violation faults; with it absent any access does.
  const code = (present ? 1 : 0) | (write ? 2 : 0) | (user ? 4 : 0);
  const why = present ? 'a page that is there but does not allow it' : 'a page that is not there';
  return {
    text: `${user ? 'Ring 3' : 'Ring 0'} ${write ? 'writes to' : 'reads'} ${why}, and faults. What error code is pushed (a number; no PAE)?`,
    answer: String(code),
    because: `bit 0 is ${present ? 1 : 0} (present), bit 1 is ${write ? 1 : 0} (write), bit 2 is ${user ? 1 : 0} (user).`,
  };
}

function shadow({ of }: Dice): Question {
  const cases = [
    {
      text: 'The guest entry allows the access, and the shadow has no entry.',
      answer: 'hidden',
      because: 'the monitor fills the shadow entry, and the guest never knows.',
    },
    {
      text: 'The guest entry is not present.',
      answer: 'true',
      because: 'the guest would have faulted on bare hardware too: the monitor gives it the fault.',
    },
    {
      text: 'The guest entry allows the write, the page holds one of its page tables, and the shadow entry is read-only.',
      answer: 'trace',
      because: 'the monitor emulates the store and brings the entries derived from that page up to date.',
    },
    {
      text: 'User code writes to a page that the guest entry makes read-only.',
      answer: 'true',
      because: 'the guest entry does not allow it, whatever the shadow holds.',
    },
    {
      text: 'The guest entry allows the write but its dirty bit is clear, so the shadow entry is read-only.',
      answer: 'hidden',
      because: 'the monitor sets the dirty bit in the guest entry and makes the shadow entry writable.',
    },
  ];
  const chosen = of(cases);
  return {
    ...chosen,
    text: `A fault on shadow page tables. ${chosen.text} Is it a true, a hidden, or a trace fault?`,
  };
}

function price({ of, below }: Dice): Question {
  const exits = 100 * (1 + below(20));
  const before = of([4340, 2123, 1009]);
  const after = of([761, 500, 200]);
  const saved = exits * (before - after);
  return {
    text: `A run has ${exits} exits at ${before} cycles for the way out and in. How many cycles does it save at ${after}?`,
    answer: String(saved),
    because: `${exits} × (${before} − ${after}) = ${saved}; what the monitor does in between costs what it did.`,
  };
}

function normal(answer: string): string {
  return answer.replace(/[\s,]/g, '').toLowerCase();
}

function text(plain: string): View {
  const lines = plain.split('\n').map((line) => `<p>${escapeHtml(line)}</p>`);
  return new View({ 'text/html': lines.join(''), 'text/plain': plain });
}
