import ts = require('typescript');

/** What a text says: its identifiers, and its strings in quotes. */
export function wordsOf(source: ts.SourceFile): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) found.add(node.text);
    else if (ts.isStringLiteralLike(node)) found.add(JSON.stringify(node.text));
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}
