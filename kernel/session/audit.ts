import { audit as auditImage, DEFAULTS, LISTED, withListed } from '../../emulator/index.js';
import type { AuditOptions, AuditResult, AuditRow } from '../../emulator/index.js';
import type { MimeBundle } from '../display/bundle.js';
import { table } from '../display/table.js';
import { current } from './current.js';
import { displaySymbol } from './display.js';
import type { Displayable } from './display.js';
import { checkGuest } from './guest.js';
import type { Guest } from './guest.js';
import { interruptibly } from './interrupt.js';
import { checkOptions } from './options.js';
import { Progress } from './progress.js';

/** Of what cannot be seen whole by looking at one instruction. */
const REMARKS: Readonly<Record<string, string>> = {
  call: 'CS then holds the real ring: seen in %cs and in the return address',
  jmp: 'CS then holds the real ring: seen in %cs',
  retf: 'CS then holds the real ring: seen in %cs',
  iret: 'CS then holds the real ring: seen in %cs',
};

/** What an audit found. As a cell's value: a table of the places where a sensitive instruction did not trap. */
export class Audit implements Displayable {
  constructor(
    readonly guestName: string,
    private readonly kernelRing: NonNullable<AuditOptions['kernelRing']>,
    readonly result: AuditResult,
  ) {}

  /** Places where an instruction did not trap, at least once. */
  get rows(): readonly AuditRow[] {
    return this.result.rows.filter(({ times, trapped }) => times > trapped);
  }

  [displaySymbol](): MimeBundle {
    return table({
      caption: this.caption(),
      columns: [
        { key: 'address', label: 'linear', code: true },
        { key: 'symbol', label: 'at' },
        { key: 'text', label: 'instruction', code: true },
        { key: 'ring', label: 'ring' },
        { key: 'silent', label: 'did not trap', format: 'integer' },
        { key: 'differed', label: 'wrong', format: 'integer' },
        { key: 'saw', label: 'the guest saw' },
        { key: 'should', label: 'it should have seen' },
        { key: 'remark', label: 'remark' },
      ],
      rows: this.rows.map(
        ({ linear, symbol, text, ring, times, trapped, differed, difference, mnemonic }) => ({
          ...{ symbol, text, ring, differed, saw: difference?.saw, should: difference?.should },
          address: `0x${linear.toString(16)}`,
          silent: times - trapped,
          remark: REMARKS[mnemonic],
        }),
      ),
    });
  }

  private caption(): string {
    const { detail, unlisted } = this.result;
    const { rows } = this;
    const silent = rows.reduce((sum, { times, trapped }) => sum + times - trapped, 0);
    const wrong = rows.reduce((sum, { differed }) => sum + differed, 0);
    const listed = groups(rows);
    const silentNames = new Set(rows.map(({ mnemonic }) => mnemonic));
    const others = [...new Set(this.result.rows.map(({ mnemonic }) => mnemonic))].filter(
      (mnemonic) => !silentNames.has(mnemonic),
    );
    return [
      `${this.guestName} under trap-and-emulate, its kernel in ${this.kernelRing}: ${silent} executions of sensitive instructions at ${rows.length} places did not trap; ${wrong} of them did or showed something wrong.`,
      `They are ${listed.length} of the ${LISTED.length} of Robin & Irvine${listed.length > 0 ? ` (${listed.join(', ')})` : ''}; lists print ${LISTED.flat().length} mnemonics, VERR and VERW count as one, and what does the same under another opcode counts with it.`,
      ...(others.length > 0
        ? [`Executed too, and reached the monitor each time: ${others.join(', ')}.`]
        : []),
      ...(unlisted > 0 ? [`${unlisted} executions at further places are not listed.`] : []),
      `The guest went on with the right result each time; ${detail}.`,
    ].join(' ');
  }
}

/** Which of the list are among the rows, in the list's order. */
function groups(rows: readonly AuditRow[]): string[] {
  const present = new Set(rows.map(({ mnemonic }) => withListed(mnemonic)));
  return LISTED.filter(([name]) => present.has(name)).map((group) => group.join('/'));
}

/** Options of an audit in a cell. */
export type CellAuditOptions = Omit<AuditOptions, 'symbols' | 'onProgress' | 'onConsole' | 'engine'>;

/**
 * Runs a guest deprivileged and lists every sensitive instruction that it executed and that did not trap: where, how often,
 * what the guest saw and what it should have seen.
 * @throws ImageError, RangeError for what cannot be run. An interrupt ends the run: the caption says so.
 */
export function audit(program: Guest, options: CellAuditOptions = {}): Audit {
  checkGuest(program);
  checkOptions('audit(guest, options)', options);
  const { kernelRing = 'ring1' } = options;
  const progress = new Progress('audit');
  let seen = { instructions: 0, cycles: 0 };
  const result = interruptibly(() =>
    auditImage(program.bytes, {
      ...program.inputs,
      ...options,
      kernelRing,
      profile: options.profile ?? current.profile ?? DEFAULTS.profile,
      symbols: program.symbols,
      onProgress: (state) => {
        seen = state;
        return progress.report(state);
      },
    }),
  );
  progress.end(seen);
  return new Audit(program.name, kernelRing, result);
}
