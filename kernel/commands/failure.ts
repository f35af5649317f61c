/** Exit codes of the command line. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** Ends the program with a sentence for the user on stderr and no stack. */
export class Failure extends Error {
  constructor(
    message: string,
    /** `usage`: what was asked for cannot be done; `failed`: it was done, and failed. */
    readonly exitCode: (typeof EXIT)['failed' | 'usage'],
  ) {
    super(message);
  }
}

/** Text of a thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
