import { KERNEL_PROGRAM } from './package.js';
import type { KernelSpec } from './server/kernelspec.js';

export const KERNEL_NAME = 'ringside';

/**
 * For the C library's allocator (mallopt(3)). V8 takes and returns memory on many threads; by default each gets an arena
 * that keeps what was returned, 30 MB in an idle kernel and more after much work.
 */
const ALLOCATOR = { MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: String(128 * 1024) };

/**
 * V8 chooses how many threads compile and collect beside those that run JavaScript, by the number of processors (node(1)).
 * Node's own choice is four: where there are two processors, they take turns with the cells.
 */
const HELPERS = '--v8-pool-size=0';

/** Starts this package's kernel with the Node that runs now; both paths are absolute. */
export function kernelSpec(): KernelSpec {
  return {
    argv: [process.execPath, HELPERS, KERNEL_PROGRAM, '-f', '{connection_file}'],
    display_name: 'Ringside (TypeScript)',
    language: 'typescript',
    interrupt_mode: 'message',
    env: ALLOCATOR,
    metadata: {},
  };
}
