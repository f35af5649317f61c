import { DECISIONS, FIELD_DECISIONS, type FieldDecision } from './decisions.js';
import type { CaseResult } from './transcript.js';

/** What is expected of a case: what both oracles say, or the one the manual agrees with. */
export interface Agreed {
  readonly name: string;
  readonly lines: readonly string[];
  /** Set when one of them says it alone. */
  readonly alone?: { readonly oracle: string; readonly because: string };
}

/** Bits of `name=` fields of a line, taken from where the decision says. */
function settleField(line: string, other: string, { field, bits }: FieldDecision): string {
  const pattern = new RegExp(` ${field}=([0-9a-f]+)`);
  const [own, theirs] = [pattern.exec(line), pattern.exec(other)];
  if (!own || !theirs) return line;
  const value = (Number.parseInt(own[1], 16) & ~bits) | (Number.parseInt(theirs[1], 16) & bits);
  return line.replace(pattern, ` ${field}=${(value >>> 0).toString(16).padStart(own[1].length, '0')}`);
}

function settle(lines: readonly string[], other: readonly string[], oracle: 'qemu' | 'bochs'): string[] {
  const decisions = FIELD_DECISIONS.filter(({ right }) => right !== oracle);
  return lines.map((line, index) =>
    decisions.reduce((text, decision) => settleField(text, other[index] ?? '', decision), line),
  );
}

/**
 * Brings two transcripts of a suite together.
 * @throws Error for a difference that no decision settles, and for a decision that settles none.
 */
export function agree(suite: string, qemu: readonly CaseResult[], bochs: readonly CaseResult[]): Agreed[] {
  const problems: string[] = [];
  const byName = new Map(qemu.map(({ name, lines }) => [name, lines]));
  const agreed = bochs.map(({ name, lines }): Agreed => {
    const qemuLines = settle(byName.get(name) ?? [], lines, 'qemu');
    const bochsLines = settle(lines, byName.get(name) ?? [], 'bochs');
    const decision = DECISIONS.find((one) => one.suite === suite && one.cases.includes(name));
    const same = qemuLines.join('\n') === bochsLines.join('\n');
    if (same && decision) problems.push(`'${name}': the oracles agree, its decision settles nothing`);
    if (same) return { name, lines: bochsLines };
    if (!decision) problems.push(`'${name}': undecided\n${describe(qemuLines, bochsLines)}`);
    const { right, because } = decision ?? { right: 'bochs', because: 'undecided' };
    return { name, lines: right === 'bochs' ? bochsLines : qemuLines, alone: { oracle: right, because } };
  });
  const names = new Set(bochs.map(({ name }) => name));
  for (const { name } of qemu) if (!names.has(name)) problems.push(`'${name}': QEMU alone has it`);
  for (const { cases } of DECISIONS.filter((one) => one.suite === suite)) {
    for (const name of cases) if (!names.has(name)) problems.push(`'${name}': a decision, but no case`);
  }
  if (problems.length > 0) throw new Error(`suite ${suite}\n${problems.join('\n')}`);
  return agreed;
}

/** The differences by line and field. */
function describe(qemu: readonly string[], bochs: readonly string[]): string {
  const rows = Math.max(qemu.length, bochs.length);
  return Array.from({ length: rows }, (_, index) => {
    const [ours, theirs] = [(qemu[index] ?? '').split(' '), (bochs[index] ?? '').split(' ')];
    const fields = Array.from({ length: Math.max(ours.length, theirs.length) }, (_, field) =>
      ours[field] === theirs[field] ? '' : ` ${ours[field] ?? '-'} | ${theirs[field] ?? '-'}`,
    );
    return `  event ${index} (qemu | bochs):${fields.join('')}`;
  }).join('\n');
}
