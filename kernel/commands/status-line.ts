/** The part of a stream that the line is written to; `columns` where it is a terminal. */
export interface StatusOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const DEFAULT_COLUMNS = 80;

/** One line that says what is going on: rewritten in place on a terminal, a line each where there is none. */
export class StatusLine {
  private shown = false;

  constructor(private readonly out: StatusOutput) {}

  show(text: string): void {
    if (!this.out.isTTY) {
      this.out.write(`${text}\n`);
      return;
    }
    this.out.write(`\r\x1b[2K${text.slice(0, (this.out.columns ?? DEFAULT_COLUMNS) - 1)}`);
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
