import ts = require('typescript');
import type { Completions, DisplayData } from '../../protocol/index.js';
import type { Magic } from '../syntax/magic.js';

const KIND = ts.ScriptElementKind;

/** What JupyterLab calls each kind of thing that TypeScript completes. */
const TYPES: Readonly<Record<string, string>> = {
  [KIND.functionElement]: 'function',
  [KIND.localFunctionElement]: 'function',
  [KIND.memberFunctionElement]: 'function',
  [KIND.callSignatureElement]: 'function',
  [KIND.constructSignatureElement]: 'function',
  [KIND.classElement]: 'class',
  [KIND.localClassElement]: 'class',
  [KIND.interfaceElement]: 'class',
  [KIND.typeElement]: 'class',
  [KIND.enumElement]: 'class',
  [KIND.typeParameterElement]: 'class',
  [KIND.moduleElement]: 'module',
  [KIND.externalModuleName]: 'module',
  [KIND.memberVariableElement]: 'property',
  [KIND.memberGetAccessorElement]: 'property',
  [KIND.memberSetAccessorElement]: 'property',
  [KIND.enumMemberElement]: 'property',
  [KIND.parameterElement]: 'param',
  [KIND.keyword]: 'keyword',
  [KIND.primitiveType]: 'keyword',
  [KIND.directory]: 'path',
  [KIND.scriptElement]: 'path',
  [KIND.string]: 'text',
};

export function completionType(kind: string): string {
  return TYPES[kind] ?? 'instance';
}

/**
 * Completions of a magic's own name, when the cursor stands behind a `%` that begins a line, and of the name that a cell
 * magic gives its value.
 * @param named names that cells have given so, by magic
 */
export function magicCompletions(
  code: string,
  cursor: number,
  magics: readonly Magic[],
  named: ReadonlyMap<string, ReadonlySet<string>>,
): Completions | undefined {
  const line = code.slice(code.lastIndexOf('\n', cursor - 1) + 1, cursor);
  const [, magic, name] = /^%%(\w+)[ \t]+([\w$]*)$/.exec(line) ?? [];
  if (name !== undefined && code.slice(0, cursor).trimStart() === line) {
    const known = [...(named.get(magic) ?? [])].filter((known) => known.startsWith(name)).sort();
    const matches = known.map((text) => ({ text, type: 'instance' }));
    return { matches, start: cursor - name.length, end: cursor };
  }
  const [, typed] = /^[ \t]*(%%?\w*)$/.exec(line) ?? [];
  if (typed === undefined) return undefined;
  const matches = magics
    .map(writtenName)
    .filter((name) => name.startsWith(typed))
    .map((text) => ({ text, type: 'magic' }));
  return { matches, start: cursor - typed.length, end: cursor };
}

/** The magic that a cell is, and the name that it gives its value. */
export function namedByMagic(code: string): { magic: string; name: string } | undefined {
  const [, magic, name] = /^\s*%%(\w+)[ \t]+([A-Za-z_$][\w$]*)[ \t]*\r?(?:\n|$)/.exec(code) ?? [];
  return name === undefined ? undefined : { magic, name };
}

/** How a magic is written and what it does, when the cursor stands in its name. */
export function magicHelp(code: string, cursor: number, magics: readonly Magic[]): DisplayData | undefined {
  const start = code.lastIndexOf('\n', cursor - 1) + 1;
  const [, indent, written] = /^([ \t]*)(%%?\w+)/.exec(code.slice(start)) ?? [];
  if (written === undefined || cursor > start + indent.length + written.length) return undefined;
  const magic = magics.find((magic) => writtenName(magic) === written);
  if (magic === undefined) return undefined;
  const { usage, help, call } = magic;
  const typed = call
    .replace(/\{words\}|\{expression\}/, '…')
    .replace(/__/g, '')
    .replace('{name}', 'NAME');
  return {
    data: {
      'text/plain': `${usage}\n\n${help}\n\nIn TypeScript: ${typed}`,
      'text/markdown': `\`\`\`\n${usage}\n\`\`\`\n\n${help}\n\nIn TypeScript: \`${typed}\``,
    },
    metadata: {},
  };
}

function writtenName({ usage }: Magic): string {
  return usage.split(' ', 1)[0];
}
