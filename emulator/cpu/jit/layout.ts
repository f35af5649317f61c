/** Where compiled code finds what it works on, as byte offsets in the machine's one memory. */
export interface CompiledLayout {
  memory: WebAssembly.Memory;
  /** The processor's state area. */
  stateBytes: number;
  /** Its table of fast TLB entries (cpu/tlb.ts). */
  fastBytes: number;
  /** Marks by page of the memory (platform/memory.ts). */
  marksBytes: number;
  /** Room for what compiled code counts and looks up, ARENA_BYTES. */
  arenaBytes: number;
  /** Interpreted instructions of a block that make it hot. */
  hotInstructions: number;
}

/** Usual value of `hotInstructions`: about what compiling a block costs (20 us). */
export const HOT_INSTRUCTIONS = 2048;

export const ARENA_BYTES = 1 << 20;
