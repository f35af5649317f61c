import ts = require('typescript');

/** What a declaration's comment says. */
export interface Documentation {
  readonly text: string;
  /** `@name words`, one line each. */
  readonly tags: string;
}

const NOTHING: Documentation = { text: '', tags: '' };

/**
 * Comments of declarations. The program is made without them, which halves the time until the first cell can be checked;
 * a statement whose comments somebody wants to read is parsed once more.
 */
export class DocumentationReader {
  readonly #parsed = new WeakMap<ts.Statement, ts.SourceFile>();

  constructor(private readonly service: ts.LanguageService) {}

  /** Documentation of the name at a position. */
  at(file: string, position: number): Documentation {
    const definitions = this.service.getDefinitionAtPosition(file, position) ?? [];
    for (const { fileName, textSpan } of definitions) {
      const source = this.service.getProgram()?.getSourceFile(fileName);
      const statement = source && statementAt(source, textSpan.start);
      if (statement === undefined) continue;
      const found = documentationIn(this.#withComments(source!, statement), textSpan.start - statement.pos);
      if (found !== undefined) return found;
    }
    return NOTHING;
  }

  #withComments(source: ts.SourceFile, statement: ts.Statement): ts.SourceFile {
    const known = this.#parsed.get(statement);
    if (known !== undefined) return known;
    const parsed = ts.createSourceFile(
      source.fileName,
      source.text.slice(statement.pos, statement.end),
      { languageVersion: ts.ScriptTarget.ES2022, jsDocParsingMode: ts.JSDocParsingMode.ParseAll },
      true,
    );
    this.#parsed.set(statement, parsed);
    return parsed;
  }
}

/** The statement around a position that no other than `declare module` and `declare global` is around. */
function statementAt(source: ts.SourceFile, position: number): ts.Statement | undefined {
  let statements: readonly ts.Statement[] = source.statements;
  for (;;) {
    const found = statements.find(({ pos, end }) => pos <= position && position < end);
    if (found === undefined || !ts.isModuleDeclaration(found)) return found;
    const { name, body } = found;
    const isOuter = ts.isStringLiteral(name) || name.text === 'global';
    if (!isOuter || body === undefined || !ts.isModuleBlock(body)) return found;
    statements = body.statements;
  }
}

/** The comment of the innermost declaration around a position that has one. */
function documentationIn(file: ts.SourceFile, position: number): Documentation | undefined {
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
