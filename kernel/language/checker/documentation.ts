import ts = require('typescript');

/** What a declaration's comment says. */
export interface Documentation {
  readonly text: string;
  /** `@name words`, one line each. */
  readonly tags: string;
}

const NOTHING: Documentation = { text: '', tags: '' };
const REMEMBERED_FILES = 20;

/**
 * Comments of declarations. The program is made without them, which halves the time until the first cell can be checked;
 * a file whose comments somebody wants to read is parsed once more.
 */
export class DocumentationReader {
  readonly #files = new Map<string, ts.SourceFile>();

  constructor(private readonly service: ts.LanguageService) {}

  /** Documentation of the name at a position. */
  at(file: string, position: number): Documentation {
    const definitions = this.service.getDefinitionAtPosition(file, position) ?? [];
    for (const { fileName, textSpan } of definitions) {
      const found = documentationIn(this.#parsed(fileName), textSpan.start);
      if (found !== undefined) return found;
    }
    return NOTHING;
  }

  #parsed(name: string): ts.SourceFile | undefined {
    const text = this.service.getProgram()?.getSourceFile(name)?.text;
    if (text === undefined) return undefined;
    const known = this.#files.get(name);
    if (known?.text === text) return known;
    const file = ts.createSourceFile(
      name,
      text,
      { languageVersion: ts.ScriptTarget.ES2022, jsDocParsingMode: ts.JSDocParsingMode.ParseAll },
      true,
    );
    if (this.#files.size >= REMEMBERED_FILES) this.#files.clear();
    this.#files.set(name, file);
    return file;
  }
}

/** The comment of the innermost declaration around a position that has one. */
function documentationIn(file: ts.SourceFile | undefined, position: number): Documentation | undefined {
  if (file === undefined) return undefined;
  let innermost: ts.Node = file;
  const visit = (node: ts.Node): void => {
    if (position < node.pos || position >= node.end) return;
    innermost = node;
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(file, visit);
  for (let node = innermost; !ts.isSourceFile(node); node = node.parent) {
    const comments = ts.getJSDocCommentsAndTags(node);
    const comment = comments.find(ts.isJSDoc);
    if (comment === undefined) {
      // A comment further out is about something else, unless this is only the name or list of what it is about.
      if (ts.isDeclarationStatement(node) || ts.isClassElement(node) || ts.isTypeElement(node))
        return undefined;
      continue;
    }
    return {
      text: ts.getTextOfJSDocComment(comment.comment) ?? '',
      tags: (comment.tags ?? [])
        .map((tag) =>
          tag
            .getText(file)
            .trim()
            .replace(/\s*\n\s*\*\s?/g, '\n'),
        )
        .join('\n'),
    };
  }
  return undefined;
}
