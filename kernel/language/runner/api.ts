/*
 * Prelude module of every cell: these functions are in scope without an import.
 */

/** A shown value that can be replaced in place. */
export interface DisplayHandle {
  /** Shows another value where the first one stands. */
  update(value: unknown): void;
}

/** How these functions reach the front end. */
export interface FrontEnd {
  display(value: unknown): DisplayHandle;
  clear(wait: boolean): void;
  ask(prompt: string, password: boolean): Promise<string>;
}

let connected: FrontEnd | undefined;

/** Gives this module its front end; the thread that runs cells calls it once. */
export function connect(frontEnd: FrontEnd): void {
  connected = frontEnd;
}

/** Shows a value below the cell, as its last expression would be. */
export function display(value: unknown): DisplayHandle {
  return frontEnd().display(value);
}

/** Removes the cell's output so far; with `wait`, when the next output comes. */
export function clearOutput(options: { wait?: boolean } = {}): void {
  frontEnd().clear(options.wait ?? false);
}

/** Asks the user for a line of text; rejects where there is nobody to ask, as in `nbconvert`. */
export function input(prompt = '', options: { password?: boolean } = {}): Promise<string> {
  return frontEnd().ask(prompt, options.password ?? false);
}

function frontEnd(): FrontEnd {
  if (connected === undefined) throw new Error('there is no front end: this works in a notebook cell only');
  return connected;
}
