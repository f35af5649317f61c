import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import type { CommMessage, DisplayData } from '../../protocol/index.js';
import { currentCell } from './current.js';
import { DisplayHandle } from './display-handle.js';
import type { FrontEnd } from './front-end-port.js';
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

  display(value: unknown): DisplayHandle {
    const id = randomUUID();
    const cell = currentCell();
    this.#show('display', cell, value, id);
    // An update belongs to the output that it changes, whoever makes it.
    return new DisplayHandle((next) => this.#show('update', cell, next, id));
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

  /** @throws TypeError for what cannot travel, as JSON and as bytes: here the cell can be told */
  send({ buffers, ...rest }: CommMessage): void {
    const message = { ...asJson(rest), buffers: buffers.map(asBytes) };
    this.output.send({ type: 'comm', cell: currentCell(), message });
  }

  typeCheck(mode: 'strict' | 'lenient'): void {
    if (mode !== 'strict' && mode !== 'lenient')
      throw new RangeError(`typeCheck takes 'strict' or 'lenient', not ${inspect(mode)}`);
    this.output.send({ type: 'check', cell: currentCell(), mode });
  }

  /** The user's answer to a question, or why there is none. */
  answer(question: number, value: string | undefined, error: string): void {
    const asked = this.#questions.get(question);
    this.#questions.delete(question);
    if (value === undefined) asked?.reject(new Error(error));
    else asked?.resolve(value);
  }

  #show(type: 'display' | 'update', cell: number, value: unknown, id: string): void {
    const send = (data: DisplayData) => this.output.send({ type, cell, data, id });
    const shown = displayOf(value);
    if (shown instanceof Promise) {
      shown.then(send).catch((error: unknown) => this.output.write('stderr', `${inspect(error)}\n`));
    } else {
      send(shown);
    }
  }
}

function asJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

function asBytes(buffer: Uint8Array): Uint8Array {
  if (buffer instanceof Uint8Array) return buffer;
  throw new TypeError(`a comm's buffers are Uint8Arrays, not ${inspect(buffer)}`);
}
