import ts = require('typescript');
import type { DisplayData } from '../../protocol/index.js';
import { calledAt } from './calls.js';
import { withoutCellModules } from './diagnostics.js';
import type { Documentation } from './documentation.js';
import { DocumentationReader } from './documentation.js';
import type { Project } from './project.js';
import type { Scope } from './scope.js';
import { scratch, wordStart } from './scratch.js';

/** What a name means. */
export interface Description {
  readonly signature: string;
  readonly documentation: Documentation;
}

/** What names mean in cells that are being written. */
export class Descriptions {
  readonly #documentation: DocumentationReader;
  /** By all that it depends on: the version of the texts, and the position. */
  #last: { readonly asked: string; readonly description: Description | undefined } | undefined;

  constructor(
    private readonly project: Project,
    private readonly scope: Scope,
  ) {
    this.#documentation = new DocumentationReader(project.service);
  }

  /** What the name at a position means. Whoever wants more detail asks for the same once more. */
  at(source: ts.SourceFile, position: number): Description | undefined {
    this.project.refresh();
    const header = this.scope.header(source, 'mentioned');
    const file = scratch(this.project, source, header);
    const asked = `${this.project.version} ${position}`;
    if (this.#last?.asked === asked) return this.#last.description;
    // A cursor just behind a name, or behind the parenthesis after it, means that name; one amid arguments what is called.
    const called = calledAt(source, position);
    const offsets = [position, position - 1, wordStart(source.text, position) - 2, called].filter(
      (offset) => offset >= 0,
    );
    let description: Description | undefined;
    for (const offset of offsets) {
      const info = this.project.service.getQuickInfoAtPosition(file, header.length + offset);
      // A name that means nothing has a type, `any`, and is no kind of thing.
      if (info === undefined || info.kind === ts.ScriptElementKind.unknown) continue;
      description = {
        signature: signatureOf(info),
        documentation: this.#documentation.at(file, header.length + offset),
      };
      break;
    }
    this.#last = { asked, description };
    return description;
  }
}

function signatureOf({ displayParts }: ts.QuickInfo): string {
  // A name of another cell is an import to TypeScript; to the reader it is just the name.
  return withoutCellModules(ts.displayPartsToString(displayParts))
    .replace(/^\(alias\) /, '')
    .replace(/\nimport [^\n]*$/, '');
}

export function shown({ signature, documentation }: Description, detail: 0 | 1): DisplayData {
  const parts = [signature, documentation.text, detail === 1 ? documentation.tags : ''].filter(
    (part) => part !== '',
  );
  return {
    data: {
      'text/plain': parts.join('\n\n'),
      'text/markdown': ['```typescript\n' + signature + '\n```', ...parts.slice(1)].join('\n\n'),
    },
    metadata: {},
  };
}
