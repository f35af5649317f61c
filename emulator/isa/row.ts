import type { CostKey } from '../cost/keys.js';
import type {
  Flow,
  Handler,
  InstructionRow,
  Intercept,
  MemoryUse,
  Operation,
  Sensitivity,
} from './operation.js';

/** What a row says beyond its encoding; what is left out takes the commonest value. */
export interface RowOptions {
  flow?: Flow;
  sensitivity?: Sensitivity;
  intercept?: Intercept | null;
  cost?: CostKey;
  memory?: MemoryUse;
  lockable?: boolean;
  loads?: number;
  stores?: number;
  specialise?: ((op: Operation) => Handler) | null;
}

/** A row of the instruction table. See {@link InstructionRow} and, for the notation, encoding.ts. */
export function row(
  mnemonic: string,
  opcode: string,
  operands: string,
  handler: Handler,
  options: RowOptions = {},
): InstructionRow {
  return {
    mnemonic,
    opcode,
    operands,
    flow: options.flow ?? 'next',
    sensitivity: options.sensitivity ?? 'innocuous',
    intercept: options.intercept ?? null,
    cost: options.cost ?? 'alu',
    handler,
    lockable: options.lockable ?? false,
    memory: options.memory ?? 'none',
    loads: options.loads ?? 0,
    stores: options.stores ?? 0,
    specialise: options.specialise ?? null,
  };
}

/** An opcode byte moved by `offset`, in the notation of the table. */
export function opcodePlus(first: number, offset: number): string {
  return (first + offset).toString(16).padStart(2, '0');
}
