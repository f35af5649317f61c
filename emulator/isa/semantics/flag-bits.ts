import { FLAG_DF } from '../../arch/flags.js';
import { EFLAGS_I32 } from '../../arch/state.js';
import type { Handler } from '../operation.js';
import { carryFlag, setCarry } from './flags.js';

export const clc: Handler = (cpu) => setCarry(cpu.s32, false);
export const stc: Handler = (cpu) => setCarry(cpu.s32, true);
export const cmc: Handler = (cpu) => setCarry(cpu.s32, carryFlag(cpu.s32) === 0);

export const cld: Handler = (cpu) => {
  cpu.s32[EFLAGS_I32] &= ~FLAG_DF;
};
export const std: Handler = (cpu) => {
  cpu.s32[EFLAGS_I32] |= FLAG_DF;
};
