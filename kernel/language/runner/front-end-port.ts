import type { CommMessage } from '../../protocol/index.js';
import type { DisplayHandle } from './display-handle.js';

/** How code of cells reaches the front end. */
export interface FrontEnd {
  display(value: unknown): DisplayHandle;
  clear(wait: boolean): void;
  ask(prompt: string, password: boolean): Promise<string>;
  send(message: CommMessage): void;
  typeCheck(mode: 'strict' | 'lenient'): void;
}

let connected: FrontEnd | undefined;

/** Gives cells their front end; the thread that runs them calls it once. */
export function connect(frontEnd: FrontEnd): void {
  connected = frontEnd;
}

/** @throws Error outside of a kernel, as when a cell's text runs in a test. */
export function frontEnd(): FrontEnd {
  if (connected === undefined) throw new Error('there is no front end: this works in a notebook cell only');
  return connected;
}
