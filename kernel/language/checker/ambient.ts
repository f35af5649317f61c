import ts = require('typescript');

interface Ambient {
  /** Of the cell. */
  readonly module: string;
  readonly members: ReadonlySet<string>;
}

/**
 * What cells say of things that are no names of theirs: `declare global`, and `declare module` of a module that there is.
 * It holds for all later cells, but for what a later one says again.
 */
export class Ambients {
  #known: readonly Ambient[] = [];

  add(module: string, members: ReadonlySet<string>): void {
    if (members.size > 0) this.#known = [...this.#without(members), { module, members }];
  }

  /** Statements that make it hold in a cell, which itself says `members`. */
  header(members: ReadonlySet<string>): string {
    return this.#without(members)
      .map(({ module }) => `import ${JSON.stringify(module)}; `)
      .join('');
  }

  /** Those who do not say only what is said again: a member that has another type now would be wrong twice. */
  #without(members: ReadonlySet<string>): Ambient[] {
    return this.#known.filter((known) => ![...known.members].every((member) => members.has(member)));
  }
}

/** Of what is declared so in a cell, each member with what it is of: `global Array.second`. */
export function ambientMembers(file: ts.SourceFile): ReadonlySet<string> {
  const found = new Set<string>();
  for (const statement of file.statements) {
    if (!ts.isModuleDeclaration(statement) || !isAmbient(statement)) continue;
    if (statement.body === undefined || !ts.isModuleBlock(statement.body)) continue;
    for (const inner of statement.body.statements) {
      for (const name of membersOf(inner, file)) found.add(`${statement.name.text} ${name}`);
    }
  }
  return found;
}

/** `declare global` or `declare module 'name'`. */
export function isAmbient(statement: ts.ModuleDeclaration): boolean {
  return ts.isStringLiteral(statement.name) || (statement.flags & ts.NodeFlags.GlobalAugmentation) !== 0;
}

function membersOf(statement: ts.Statement, file: ts.SourceFile): string[] {
  if (ts.isInterfaceDeclaration(statement)) {
    const { name, members } = statement;
    // A signature without a name is known by its text.
    return members.map((member) => `${name.text}.${(member.name ?? member).getText(file)}`);
  }
  return [statement.getText(file).replace(/^(?:export |declare )*(\w+ \w+)[^]*$/, '$1')];
}
