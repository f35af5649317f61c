import type { Form } from './encoding.js';
import { FORMS } from './table.js';

/** Positions in {@link OpcodeSlot.forms}. */
export const PREFIX_NONE = 0;
export const PREFIX_66 = 1;
export const PREFIX_F2 = 2;
export const PREFIX_F3 = 3;
const PREFIX_TEXT = ['', '66', 'f2', 'f3'] as const;

/** What one opcode byte can mean. */
export interface OpcodeSlot {
  hasModrm: boolean;
  /** By mandatory prefix, then by ModRM byte (a single entry without one); null is undefined. */
  forms: readonly (readonly (Form | null)[])[];
  /** By ModRM byte, those that LOCK selects; null when the opcode has none. */
  locked: readonly (Form | null)[] | null;
}

function matchesModrm(form: Form, modrm: number): boolean {
  const register = modrm >= 0xc0;
  if (form.modrm.length > 0) return form.modrm.includes(modrm);
  if (form.digit >= 0 && form.digit !== ((modrm >> 3) & 7)) return false;
  if (form.rmKind === 'memory') return !register;
  return form.rmKind !== 'register' || register;
}

/** A row for this very prefix comes before one for any. Of two rows the later holds. */
function choose(forms: readonly Form[], prefix: (typeof PREFIX_TEXT)[number]): Form | null {
  return (
    forms.findLast((form) => form.mandatoryPrefix === prefix) ??
    forms.findLast((form) => form.mandatoryPrefix === null) ??
    null
  );
}

/** What rows say of a ModRM byte, other than by naming it: its `reg` field, and whether `r/m` is a register. */
function kindOf(modrm: number): number {
  return (modrm & 0x38) | (modrm >= 0xc0 ? 0xc0 : 0);
}

function slotOf(forms: readonly Form[]): OpcodeSlot | null {
  if (forms.length === 0) return null;
  const hasModrm = forms.some((form) => form.rmKind !== 'none');
  const named = forms.some((form) => form.modrm.length > 0);
  const choices = new Map<number, { locked: Form | null; byPrefix: (Form | null)[] }>();
  const choice = (modrm: number) => {
    const kind = named ? modrm : kindOf(modrm);
    const known = choices.get(kind);
    if (known !== undefined) return known;
    const candidates = hasModrm ? forms.filter((form) => matchesModrm(form, modrm)) : forms;
    const made = {
      locked: candidates.find(({ mandatoryPrefix }) => mandatoryPrefix === 'f0') ?? null,
      byPrefix: PREFIX_TEXT.map((prefix) => choose(candidates, prefix)),
    };
    choices.set(kind, made);
    return made;
  };
  const byModrm = Array.from({ length: hasModrm ? 256 : 1 }, (_, modrm) => choice(modrm));
  const locked = byModrm.map(({ locked }) => locked);
  return {
    hasModrm,
    locked: locked.some((form) => form !== null) ? locked : null,
    forms: PREFIX_TEXT.map((_, prefix) => byModrm.map(({ byPrefix }) => byPrefix[prefix])),
  };
}

function mapOf(twoByte: boolean): readonly (OpcodeSlot | null)[] {
  const byOpcode = Array.from({ length: 256 }, (): Form[] => []);
  for (const form of FORMS.filter((form) => form.twoByte === twoByte))
    for (const opcode of form.opcodes) byOpcode[opcode].push(form);
  return byOpcode.map(slotOf);
}

/** Opcodes of one byte, and those after 0f. */
export const ONE_BYTE_MAP = mapOf(false);
export const TWO_BYTE_MAP = mapOf(true);
