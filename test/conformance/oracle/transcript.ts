/** What a suite printed for one case: a line for each event, then one for each dumped range of memory. */
export interface CaseResult {
  readonly name: string;
  readonly lines: readonly string[];
}

/** One line is one of these; an emulator's own messages on the same stream are none of them. */
const LINE = /^(?:case (?<name>.*)| v=.*| [0-9a-f]{8}:[0-9a-f]*)$/;

/**
 * Reads a suite's text. Other lines are passed over.
 * @throws Error when a name comes twice: it could not be told which is meant.
 */
export function parseTranscript(text: string): CaseResult[] {
  const results: { name: string; lines: string[] }[] = [];
  const names = new Set<string>();
  for (const line of text.split(/\r?\n/)) {
    const match = LINE.exec(line);
    if (!match) continue;
    const name = match.groups?.name;
    if (name === undefined) {
      results.at(-1)?.lines.push(line.trim());
      continue;
    }
    if (names.has(name)) throw new Error(`two cases are named '${name}'`);
    names.add(name);
    results.push({ name, lines: [] });
  }
  return results;
}
