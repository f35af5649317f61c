import ts = require('typescript');

/** Offset in the name of what is called where the cursor stands among its arguments, innermost; -1 outside of any. */
export function calledAt(file: ts.SourceFile, cursor: number): number {
  let found = -1;
  const visit = (node: ts.Node): void => {
    if (cursor < node.pos) return;
    if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
      const { expression } = node;
      // One that is still open goes on to the end.
      const end = file.text[node.end - 1] === ')' ? node.end - 1 : file.end;
      if (cursor > expression.end && cursor <= end) found = expression.end - 1;
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}
