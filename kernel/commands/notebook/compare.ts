import { diffLines } from 'diff';
import { stripControls } from '../../display/bundle.js';
import { isRun } from './executor.js';
import { sortKeys } from './format.js';
import type { Notebook, Output } from './format.js';

const LONGEST_LINE = 160;

/**
 * What differs between the outputs of two runs of one notebook, as a diff by cell; empty when nothing does.
 * Execution counts and metadata do not matter.
 */
export function compareOutputs(stored: Notebook, fresh: Notebook): string {
  let number = 0;
  return stored.cells
    .flatMap((cell, index) => {
      if (isRun(cell)) number++;
      const [before, after] = [cell.outputs, fresh.cells[index].outputs].map((outputs) =>
        (outputs ?? []).map(describeOutput).join('\n'),
      );
      if (before === after) return [];
      const first = cell.source.split('\n', 1)[0];
      return [`cell ${number}: ${first}`, ...changes(ended(before), ended(after))];
    })
    .join('\n');
}

/** Ends the last line, so that it differs only when its text does. */
function ended(text: string): string {
  return text === '' ? text : `${text}\n`;
}

function changes(before: string, after: string): string[] {
  return diffLines(before, after).flatMap(({ added, removed, value }) => {
    if (!added && !removed) return [];
    const lines = value.replace(/\n$/, '').split('\n');
    return lines.map((line) => `  ${added ? '+' : '-'} ${shorten(stripControls(line))}`);
  });
}

function shorten(line: string): string {
  return line.length <= LONGEST_LINE ? line : `${line.slice(0, LONGEST_LINE)}… (${line.length} characters)`;
}

/** An output as lines of text: everything that is meant to be the same every time. */
export function describeOutput(output: Output): string {
  switch (output.output_type) {
    case 'stream':
      return `${output.name}:\n${output.text}`;
    case 'error':
      return `${output.ename}: ${output.evalue}`;
    default: {
      const parts = Object.entries(output.data)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(
          ([mime, data]) =>
            `${mime}:\n${typeof data === 'string' ? data : JSON.stringify(sortKeys(data), null, 1)}`,
        );
      return [output.output_type, ...parts].join('\n');
    }
  }
}
