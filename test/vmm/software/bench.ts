import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assemble } from '../../../emulator/asm/index.js';
import { findProfile } from '../../../emulator/cost/catalog.js';
import type { GuestState, Machine, RunLimits } from '../../../emulator/machine.js';
import { loadImage, parseImage } from '../../../emulator/platform/image.js';
import { packageRoot } from '../../../emulator/root.js';
import { NativeVmm } from '../../../emulator/vmm/native.js';
import { BinaryTranslationVmm } from '../../../emulator/vmm/software/binary-translation.js';
import type { Switches } from '../../../emulator/vmm/switches.js';
import type { GuestStop, Vmm } from '../../../emulator/vmm/vmm.js';

export const MEMORY_BYTES = 4 << 20;
const LIMITS: RunLimits = { instructions: 3_000_000 };

/** Every test guest begins with this: flat tables, handlers named by the guest, an exit macro (see guests/pc.inc). */
const PRELUDE = `
        bits 32
        org 0x100000
%include "pc.inc"
%define STACK_TOP 0x90000
`;

export interface Program {
  image: Uint8Array;
  symbols: Readonly<Record<string, number>>;
}

export function program(source: string): Program {
  const include = (name: string) => readFileSync(join(packageRoot(), 'emulator', 'guests', name), 'utf8');
  const { bytes, symbols, diagnostics } = assemble(PRELUDE + source, { include });
  if (diagnostics.length > 0) throw new Error(JSON.stringify(diagnostics.slice(0, 3), null, 1));
  return { image: bytes, symbols };
}

export function load<V extends Vmm>(vmm: V, { image }: Program): V {
  loadImage(vmm.guest, parseImage(image));
  return vmm;
}

export function native(guest: Program): NativeVmm {
  return load(new NativeVmm({ profile: findProfile('pentium4-672'), memoryBytes: MEMORY_BYTES }), guest);
}

export function translated(guest: Program, switches: Partial<Switches> = {}): BinaryTranslationVmm {
  const profile = findProfile('pentium4-672');
  return load(new BinaryTranslationVmm({ profile, memoryBytes: MEMORY_BYTES, switches }), guest);
}

export interface Ending {
  stop: GuestStop;
  state: GuestState;
  /** Pages that are not zero, as hex by page number. */
  memory: Record<string, string>;
  console: object;
}

/** Runs a guest to its end. @param slice instructions per call of run(), to see that slicing changes nothing. */
export function ending(vmm: Vmm, slice?: number): Ending {
  let stop = vmm.run(slice ? { instructions: slice } : LIMITS);
  for (let left = 100_000; slice && stop.kind === 'budget' && left > 0; left--)
    stop = vmm.run({ instructions: slice });
  return { stop, state: vmm.guest.state(), memory: pages(vmm.guest), console: vmm.guest.platform.console };
}

const ZERO_PAGE = Buffer.alloc(4096);

function pages({ memory }: Machine): Record<string, string> {
  const result: Record<string, string> = {};
  for (let at = 0; at < memory.sizeBytes; at += 4096) {
    const { buffer, byteOffset } = memory.u8.subarray(at, at + 4096);
    const page = Buffer.from(buffer, byteOffset, 4096);
    if (!page.equals(ZERO_PAGE)) result[(at / 4096).toString(16)] = page.toString('hex');
  }
  return result;
}

/** Cycles of all accounts: must be what the clock says. */
export function accountSum({ ledger }: Machine): number {
  return Object.values(ledger.accounts()).reduce((sum, cycles) => sum + cycles, 0);
}
