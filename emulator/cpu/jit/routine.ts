import { CodeWriter } from './code-writer.js';
import type { Label } from './code-writer.js';
import { put } from './expressions.js';
import type { Value } from './expressions.js';
import { encodeModule } from './module-writer.js';
import type { ModuleSource } from './module-writer.js';
import * as local from './locals.js';
import * as op from './opcodes.js';

/** Locals that {@link Flags} uses have their numbers in every function. */
const FIRST_LOCAL = local.I32_LOCALS + local.PARAMETERS;

/** A function that compiled code calls, written by expressions. It returns one i32. */
export class Routine {
  readonly w = new CodeWriter();
  private locals = FIRST_LOCAL;

  constructor(private readonly parameters: number) {}

  /** A new local, with a value if there is one. */
  local(value?: Value): number {
    const number = this.locals++;
    if (value !== undefined) this.set(number, value);
    return number;
  }

  set(local: number, value: Value): void {
    put(this.w, value);
    this.w.set(local);
  }

  store(address: Value, offset: number, value: Value, opcode: number = op.I32_STORE): void {
    put(this.w, address);
    put(this.w, value);
    this.w.memory(opcode, offset);
  }

  if(condition: Value, then: () => void, otherwise?: () => void): void {
    const { w } = this;
    put(w, condition);
    w.open(op.IF);
    then();
    if (otherwise) {
      w.else();
      otherwise();
    }
    w.end();
  }

  /** Code that {@link leaveIf} can leave. */
  block(write: (label: Label) => void): void {
    write(this.w.open(op.BLOCK));
    this.w.end();
  }

  loop(write: (label: Label) => void): void {
    write(this.w.open(op.LOOP));
    this.w.end();
  }

  /** To the end of a block, or the start of a loop. */
  leaveIf(label: Label, condition: Value): void {
    put(this.w, condition);
    this.w.brIf(label);
  }

  return(value: Value): void {
    put(this.w, value);
    this.w.op(op.RETURN);
  }

  /** @param result what it returns at its end. */
  module(
    result: Value,
    source: Pick<ModuleSource, 'imports' | 'indirectParameters'>,
  ): Uint8Array<ArrayBuffer> {
    put(this.w, result);
    return encodeModule({
      ...source,
      parameters: this.parameters,
      i32Locals: this.locals - this.parameters,
      i64Locals: 0,
      body: this.w.bytes,
    });
  }
}
