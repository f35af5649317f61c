import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { assemble } from '../../emulator/asm/index.js';
import { TICKS_PER_CYCLE } from '../../emulator/cost/ledger.js';
import { findProfile } from '../../emulator/cost/catalog.js';
import { Machine } from '../../emulator/machine.js';
import type { MachineOptions } from '../../emulator/machine.js';
import { packageRoot } from '../../emulator/root.js';
import { digestMemory } from '../../emulator/run.js';

export const ORIGIN = 0x100000;

const images = new Map<string, Uint8Array>();

function imageOf(source: string): Uint8Array {
  const known = images.get(source);
  if (known) return known;
  const { bytes, diagnostics } = assemble(`bits 32\norg ${ORIGIN}\n${source}`);
  if (diagnostics.length > 0) throw new Error(`line ${diagnostics[0].line - 2}: ${diagnostics[0].message}`);
  images.set(source, bytes);
  return bytes;
}

type EngineOptions = Partial<Pick<MachineOptions, 'engine' | 'hotInstructions' | 'profile'>>;

/** A machine of 4 MB with a program in it, entered flat at its first byte. */
export function bareMachine(source: string, options: EngineOptions = {}): Machine {
  const machine = Machine.create({
    profile: findProfile('pentium4-672'),
    memoryBytes: 4 << 20,
    ...options,
  });
  machine.memory.writeBytes(ORIGIN, imageOf(source));
  machine.resetFlat(ORIGIN);
  return machine;
}

const guestFolder = join(packageRoot(), 'emulator/guests');

/** The guest programs, by name. */
export const guestNames = readdirSync(guestFolder)
  .filter((file) => file.endsWith('.asm'))
  .map((file) => file.slice(0, -'.asm'.length));

const guests = new Map<string, Uint8Array>();

function guestImage(name: string): Uint8Array {
  const known = guests.get(name);
  if (known) return known;
  const include = (file: string): string => readFileSync(join(guestFolder, file), 'utf8');
  const { bytes, diagnostics } = assemble(include(`${name}.asm`), { include });
  if (diagnostics.length > 0) throw new Error(`${name}: ${diagnostics[0].message}`);
  guests.set(name, bytes);
  return bytes;
}

/** A machine with one of the guest programs in it, as the loader enters it. */
export function guestMachine(name: string): Machine {
  const machine = Machine.create({ profile: findProfile('pentium4-672'), memoryBytes: 16 << 20 });
  machine.memory.writeBytes(ORIGIN, guestImage(name));
  machine.resetFlat(ORIGIN);
  return machine;
}

/** All that a run may not change by being cut into pieces: state, memory, time, counts, instructions. */
export function everything(machine: Machine): unknown {
  return {
    state: machine.state(),
    ticks: machine.ledger.ticks,
    counts: machine.ledger.snapshot(),
    instructions: machine.cpu.instructions,
    console: machine.platform.console,
    memory: digestMemory(machine.memory),
  };
}

/** Whether the accounts sum to the clock, to the tick. */
export function balances({ ledger }: Machine): boolean {
  const sum = Object.values(ledger.accounts()).reduce((total, cycles) => total + cycles, 0);
  return Math.round(sum * TICKS_PER_CYCLE) === ledger.ticks;
}

/** A small generator of numbers below 2^32, the same on every run. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    // The low bits of a linear congruential generator are poor.
    return (state ^ (state >>> 15)) >>> 0;
  };
}

/** Vectors of {@link tables}. */
const VECTORS = 48;
const vectors = Array.from({ length: VECTORS }, (_, vector) => vector);

/**
 * An IDT, behind `idtr`, whose gates (ring 0, callable from ring 3) lead to the handlers given, and a flat GDT behind `gdtr`.
 * @param handler source of the handler of a vector; at most 16 bytes of code.
 */
export function tables(handler: (vector: number) => string): string {
  return `
        align 16
${vectors.map((vector) => `handler${vector}:\n${handler(vector)}\nalign 16`).join('\n')}
idt:
${vectors.map((vector) => `dd 0x80000 + handler${vector} - $$ + (${ORIGIN} & 0xffff), 0xee00 + (${ORIGIN} & 0xffff0000)`).join('\n')}
idtr:   dw ${VECTORS * 8 - 1}
        dd idt
gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff
gdtr:   dw gdtr - gdt - 1
        dd gdt
`;
}
