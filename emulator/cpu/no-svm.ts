import { VECTOR_UD } from '../arch/vectors.js';
import type { SvmUnit } from './svm-hooks.js';
import type { Fault } from './fault.js';

/** A processor without SVM: its instructions are undefined, and guest mode is never entered. */
export class NoSvm implements SvmUnit {
  readonly globalInterrupts = true;
  taskPriority = 0;
  readonly interceptsTransfers = false;
  readonly interceptsPageFaults = false;
  readonly interceptsInvalidation = false;

  constructor(private readonly cpu: { readonly fault: Fault }) {}

  execute(): never {
    this.cpu.fault.raise(VECTOR_UD, -1);
  }
  enter(): never {
    throw new Error('this processor has no SVM');
  }
  completeExit(): never {
    throw new Error('this processor has no SVM');
  }
  poll(): null {
    return null;
  }
  interceptInstruction(): void {}
  interceptOperation(): void {}
  interceptPause(): void {}
  interceptWait(): void {}
  interceptSoftwareInterrupt(): void {}
  interceptControl(): void {}
  interceptControlSelective(): void {}
  interceptDebug(): void {}
  interceptMsr(): void {}
  interceptPort(): void {}
  interceptException(): void {}
  interceptShutdown(): void {}
  interceptFreeze(): void {}
  interceptTaskSwitch(): void {}
}
