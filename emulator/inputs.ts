import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { Machine } from './machine.js';
import { loadImage, parseImage } from './platform/image.js';

/** What a guest finds beside its image. */
export interface GuestInputs {
  /** The image is firmware: it lies below 4 GB and is entered at the reset vector, in real mode. */
  rom?: boolean;
  /** For a multiboot or Linux kernel. */
  commandLine?: string;
  /** Initial RAM disk, for a Linux kernel. */
  initrd?: Uint8Array;
  /** The drive of the primary IDE channel: whole sectors of 512 bytes, which are copied. Without one there is no drive. */
  disk?: Uint8Array;
  /** Typed on the keyboard before the guest starts; waits until the guest reads it. */
  keys?: string;
  /** Sent to the guest over the serial line; waits until the guest reads it. */
  serialInput?: string;
}

const INPUTS = ['rom', 'commandLine', 'initrd', 'disk', 'keys', 'serialInput'] as const;

/**
 * Puts everything into a machine that has not run yet.
 * @throws ImageError when image, RAM disk or drive is malformed or does not fit; RangeError for a key that there is not.
 */
export function loadInputs(machine: Machine, image: Uint8Array, inputs: GuestInputs): void {
  const { rom = false, disk, keys, serialInput } = inputs;
  const { ide, keyboard, uart } = machine.platform;
  const plan = parseImage(image, { rom });
  if (disk) ide.attachDisk(disk);
  loadImage(machine, plan, inputs);
  if (keys) keyboard.type(keys);
  if (serialInput) uart.receive(new TextEncoder().encode(serialInput));
}

/** All that was given, as short plain data for a hash; what was not given is absent. */
export function describeInputs(image: Uint8Array, inputs: GuestInputs): Record<string, string | boolean> {
  const given = [['image', image] as const, ...INPUTS.map((name) => [name, inputs[name]] as const)];
  return Object.fromEntries(
    given.flatMap(([name, value]) => {
      if (!value) return [];
      return [[name, value instanceof Uint8Array ? bytesToHex(sha256(value)) : value]];
    }),
  );
}
