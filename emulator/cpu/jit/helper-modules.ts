import { dispatchModule } from './dispatch-code.js';
import type { CompiledLayout } from './layout.js';
import { shortCallModule, shortReturnModule } from './short-way-code.js';
import { MOST_WAYS, fillModule, invalidateModule } from './tlb-code.js';
import { deliverModule, returnModule } from './transfer-code.js';

/** Modules of the functions that units call, and of the one that calls units; each exports `run`. */
export interface HelperModules {
  readonly deliver: WebAssembly.Module;
  readonly interruptReturn: WebAssembly.Module;
  readonly shortCall: WebAssembly.Module;
  readonly shortReturn: WebAssembly.Module;
  /** Null: the processor's own has to do it. */
  readonly fillTlb: WebAssembly.Module | null;
  readonly invalidate: WebAssembly.Module;
  readonly dispatch: WebAssembly.Module;
}

/** Machines of one make share them, and what the host has optimised of them; of as many makes as this. */
const MOST_MAKES = 8;
const known = new Map<string, HelperModules>();

/** @param prices of the cost keys, in ticks. */
export function helperModules(layout: CompiledLayout, prices: Float64Array): HelperModules {
  const { stateBytes, tlb, tlbShape, marksBytes, arenaBytes, directoryBytes, ram } = layout;
  const places = { stateBytes, tlb, tlbShape, marksBytes, arenaBytes, directoryBytes, ram };
  const key = JSON.stringify([places, [...prices]]);
  const found = known.get(key);
  if (found) return found;
  const fewWays = layout.tlbShape.ways <= MOST_WAYS;
  const made: HelperModules = {
    deliver: new WebAssembly.Module(deliverModule(layout)),
    interruptReturn: new WebAssembly.Module(returnModule(layout)),
    shortCall: new WebAssembly.Module(shortCallModule(layout)),
    shortReturn: new WebAssembly.Module(shortReturnModule(layout)),
    fillTlb: fewWays ? new WebAssembly.Module(fillModule(layout, prices)) : null,
    invalidate: new WebAssembly.Module(invalidateModule(layout, fewWays)),
    dispatch: new WebAssembly.Module(dispatchModule(layout, prices)),
  };
  if (known.size === MOST_MAKES) known.clear();
  known.set(key, made);
  return made;
}
