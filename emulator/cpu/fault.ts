import { VECTOR_PF } from '../arch/vectors.js';

/**
 * An exception on its way from where it is found to the run loop. A processor has one and throws it again and
 * again: a throw costs 0.6 us, an allocation with a stack trace many times that.
 */
export class Fault extends Error {
  vector = 0;
  /** -1: the vector pushes none. */
  errorCode = -1;
  /** Linear address, for #PF. */
  cr2 = 0;

  constructor() {
    super('a processor exception escaped from the run loop');
    this.name = 'Fault';
  }

  set(vector: number, errorCode: number): void {
    this.vector = vector;
    this.errorCode = errorCode;
  }

  setPageFault(linear: number, errorCode: number): void {
    this.set(VECTOR_PF, errorCode);
    this.cr2 = linear >>> 0;
  }

  raise(vector: number, errorCode: number): never {
    this.set(vector, errorCode);
    throw this;
  }
}

/** Thrown by an instruction that must start again, alone in its block; like {@link Fault}, one per processor. */
export class Restart extends Error {
  constructor() {
    super('the restart of an instruction escaped from the run loop');
    this.name = 'Restart';
  }
}

/** Thrown by a guest-mode intercept; like {@link Fault}, one per processor. */
export class VmExit extends Error {
  constructor() {
    super('a #VMEXIT escaped from the run loop');
    this.name = 'VmExit';
  }
}
