import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { LanguageInfo } from '../protocol/index.js';

/** Read from its manifest, as importing the compiler takes a quarter of a second. */
function typescriptVersion(): string {
  const manifest = createRequire(import.meta.url).resolve('typescript/package.json');
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

/** The language of cells, and the TypeScript that compiles them. */
export const LANGUAGE: LanguageInfo = {
  name: 'typescript',
  version: typescriptVersion(),
  mimetype: 'application/typescript',
  file_extension: '.ts',
  codemirror_mode: 'text/typescript',
  pygments_lexer: 'typescript',
  nbconvert_exporter: 'script',
};
