import { KERNEL_PROGRAM } from './package.js';
import type { KernelSpec } from './server/kernelspec.js';

export const KERNEL_NAME = 'ringside';

/** Starts this package's kernel with the Node that runs now; both paths are absolute. */
export function kernelSpec(): KernelSpec {
  return {
    argv: [process.execPath, KERNEL_PROGRAM, '-f', '{connection_file}'],
    display_name: 'Ringside (TypeScript)',
    language: 'typescript',
    interrupt_mode: 'message',
    metadata: {},
  };
}
