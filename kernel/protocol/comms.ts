import type { CommMessage } from './interpreter.js';

/** The comms that are open, by id, whichever side opened them: what comm_info tells. */
export class Comms {
  readonly #targets = new Map<string, string>();

  /** Notes what a message, sent or received, says about which comms are open. */
  note({ type, commId, targetName }: CommMessage): void {
    if (type === 'comm_open') this.#targets.set(commId, targetName);
    if (type === 'comm_close') this.#targets.delete(commId);
  }

  has(commId: string): boolean {
    return this.#targets.has(commId);
  }

  /** Open comms as comm_info_reply lists them, all or those of one target. */
  list(targetName?: string): Record<string, { target_name: string }> {
    const wanted = [...this.#targets].filter(([, name]) => targetName === undefined || name === targetName);
    return Object.fromEntries(wanted.map(([id, name]) => [id, { target_name: name }]));
  }

  /** After this no comm is open; returns the ids of those that were. */
  clear(): string[] {
    const ids = [...this.#targets.keys()];
    this.#targets.clear();
    return ids;
  }
}
