const ROWS = 25;
const COLUMNS = 80;
const ESCAPE = 0x1b;
const FIRST_FINAL = 0x40;
const LAST_FINAL = 0x7e;

/** A terminal that knows enough of ECMA-48 to show what memtest86+ draws: text, cursor position, erase display. */
export class Terminal {
  private readonly cells = Array.from({ length: ROWS }, () => Array<string>(COLUMNS).fill(' '));
  private row = 0;
  private column = 0;
  /** The control sequence that is coming in, or null. */
  private sequence: string | null = null;

  write(byte: number): void {
    const character = String.fromCharCode(byte);
    if (this.sequence !== null) {
      this.sequence += character;
      const isFinal = this.sequence.length > 1 && byte >= FIRST_FINAL && byte <= LAST_FINAL;
      if (isFinal) this.execute(this.sequence);
      if (isFinal) this.sequence = null;
    } else if (byte === ESCAPE) this.sequence = '';
    else if (character === '\r') this.column = 0;
    else if (character === '\n') this.row = Math.min(ROWS - 1, this.row + 1);
    else this.put(character);
  }

  lines(): string[] {
    return this.cells.map((cells) => cells.join('').trimEnd());
  }

  private put(character: string): void {
    if (this.column < COLUMNS) this.cells[this.row][this.column++] = character;
  }

  private execute(sequence: string): void {
    const [, parameters, final] = /^\[([0-9;?]*)(.)$/.exec(sequence) ?? [];
    if (final === 'H' || final === 'f') {
      const [row, column] = parameters.split(';').map((text) => Number(text || '1'));
      this.row = Math.min(ROWS, row) - 1;
      this.column = Math.min(COLUMNS, column ?? 1) - 1;
    } else if (final === 'J' && parameters === '2') {
      for (const cells of this.cells) cells.fill(' ');
    }
  }
}
