import type ts from 'typescript';
import type { Project } from './project.js';
import { wordsOf } from './words.js';

/**
 * Makes a cell that is being written a file of the program, below a header of the names in scope.
 * @param beginning of the name that stands before the cursor @returns name of the file
 */
export function scratch(project: Project, source: ts.SourceFile, header: string, beginning = ''): string {
  const file = project.set('scratch', `${header}${source.text}\nexport {};`);
  project.provide(wordsOf(source), beginning);
  return file;
}

/** Where the word before a cursor begins. */
export function wordStart(code: string, cursor: number): number {
  let start = cursor;
  while (start > 0 && /[\p{ID_Continue}$]/u.test(code[start - 1])) start--;
  return start;
}
