import {
  CR0_AM,
  CR0_EM,
  CR0_ET,
  CR0_MP,
  CR0_NE,
  CR0_PE,
  CR0_PG,
  CR0_TS,
  CR0_WP,
} from '../../arch/control.js';
import type { Processor } from '../../machine.js';

/** Coprocessor and alignment bits of CR0 act alike in the host and the guest; the rest is the monitor's. */
const SHARED_CR0 = CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_AM;
const GENERAL_REGISTERS = 8;

/** CR0 of the host while guest code runs. */
export function setHostControl(host: Processor, guest: Processor): void {
  const cr0 = (CR0_PE | CR0_ET | CR0_WP | CR0_PG | (guest.cr0 & SHARED_CR0)) >>> 0;
  if (host.cr0 !== cr0) host.cr0 = cr0;
}

/** The general registers, which are the guest's wherever they are. */
export function carryGeneral(from: Processor, to: Processor): void {
  for (let register = 0; register < GENERAL_REGISTERS; register++) to.setGpr(register, from.gpr(register));
}
