import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import type { DisplayData } from '../../protocol/index.js';
import type { FrontEnd } from './api.js';
import { currentCell } from './current.js';
import type { Output } from './output.js';
import { displayOf } from './value.js';

interface Question {
  readonly resolve: (value: string) => void;
  readonly reject: (error: Error) => void;
}

/** The front end of a cell as messages to the main thread. */
export class RemoteFrontEnd implements FrontEnd {
  readonly #questions = new Map<number, Question>();
  #asked = 0;

  constructor(private readonly output: Output) {}

  display(value: unknown) {
    const id = randomUUID();
    this.#show('display', value, id);
    return { update: (next: unknown) => this.#show('update', next, id) };
  }

  clear(wait: boolean): void {
    this.output.send({ type: 'clear', cell: currentCell(), wait });
  }

  ask(prompt: string, password: boolean): Promise<string> {
    const question = ++this.#asked;
    return new Promise((resolve, reject) => {
      this.#questions.set(question, { resolve, reject });
      this.output.send({ type: 'input', cell: currentCell(), question, prompt, password });
    });
  }

  /** The user's answer to a question, or why there is none. */
  answer(question: number, value: string | undefined, error: string): void {
    const asked = this.#questions.get(question);
    this.#questions.delete(question);
    if (value === undefined) asked?.reject(new Error(error));
    else asked?.resolve(value);
  }

  #show(type: 'display' | 'update', value: unknown, id: string): void {
    const cell = currentCell();
    const send = (data: DisplayData) => this.output.send({ type, cell, data, id });
    const shown = displayOf(value);
    if (shown instanceof Promise) {
      shown.then(send).catch((error: unknown) => this.output.write('stderr', `${inspect(error)}\n`));
    } else {
      send(shown);
    }
  }
}
