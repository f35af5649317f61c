import type { WriteStream } from 'node:tty';

/** One line that says what is going on: rewritten in place on a terminal, a line each where there is none. */
export class StatusLine {
  private shown = false;

  constructor(private readonly out: NodeJS.WriteStream | WriteStream) {}

  show(text: string): void {
    if (!this.out.isTTY) {
      this.out.write(`${text}\n`);
      return;
    }
    this.out.write(`\r\x1b[2K${text.slice(0, this.out.columns - 1)}`);
    this.shown = true;
  }

  /** Leaves the terminal as it was. */
  clear(): void {
    if (this.shown) this.out.write('\r\x1b[2K');
    this.shown = false;
  }
}

const BAR_CHARACTERS = 20;

/** How much of the whole is done, 0 to 1, as a bar of characters. */
export function bar(share: number): string {
  const full = Math.round(share * BAR_CHARACTERS);
  return `${'█'.repeat(full)}${'░'.repeat(BAR_CHARACTERS - full)}`;
}
