/*
 * Prelude module of every cell: what it exports is in scope without an import.
 */
import { isAlreadyShown } from './display-handle.js';
import type { DisplayHandle } from './display-handle.js';
import { frontEnd } from './front-end-port.js';

export type { DisplayHandle } from './display-handle.js';
export { openComm, registerCommTarget } from './comms.js';
export type { Comm } from './comms.js';
export { html, json, latex, markdown, png, svg } from './rich.js';

/** Shows a value below the cell, as its last expression would be; the handle's `update(value)` replaces it in place. */
export function display(value: unknown): DisplayHandle {
  return frontEnd().display(value);
}

/** Removes the cell's output so far; with `wait`, when the next output comes. */
export function clearOutput(options: { wait?: boolean } = {}): void {
  frontEnd().clear(options.wait === true);
}

/** Asks the user for a line of text; rejects where there is nobody to ask, as in `nbconvert`. */
export function input(prompt = '', options: { password?: boolean } = {}): Promise<string> {
  return frontEnd().ask(prompt, options.password ?? false);
}

/**
 * How cells after this one are checked: `strict` (the default) runs no cell that has type errors, `lenient` shows them
 * and runs the cell. Errors of syntax stop a cell in any case.
 */
export function typeCheck(mode: 'strict' | 'lenient'): void {
  frontEnd().typeCheck(mode);
}

/** Shows what a magic gives, where it is not the cell's last line; nothing when it gives nothing. */
export function __show(value: unknown): void {
  if (value !== undefined && !isAlreadyShown(value)) frontEnd().display(value);
}
