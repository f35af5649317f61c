import t from 'tap';
import { helpRequest } from '../../kernel/language/syntax/help.js';
import type { Magic } from '../../kernel/language/syntax/magic.js';
import { MagicError, rewrite } from '../../kernel/language/syntax/rewrite.js';

const magic = (usage: string, call: string): Magic => ({
  name: /\w+/.exec(usage)![0],
  usage,
  call,
  help: '',
});
const MAGICS = [
  magic('%step [COUNT]', 's.step({words})'),
  magic('%time EXPRESSION', 'await s.time(() => ({expression}))'),
  magic('%%asm NAME', 'const {name} = s.assemble("{name}", {body}); {name}'),
];

t.test('magics become calls, line for line', async (t) => {
  const rows: [cell: string, typescript: string][] = [
    ['1 % 2', '1 % 2'],
    ['{ a: 5 % 2 }\n', '({ a: 5 % 2 })\n'],
    ['{ a, ...b, c() {}, get d() { return 1 } }', '({ a, ...b, c() {}, get d() { return 1 } })'],
    ...['{ f(); }', '{ f() }', '{ a = 1 }', '{ a; b }', '{ a: 1 }\n{ b: 2 }', '{', '{ a: 1 }.a'].map(
      (block): [string, string] => [block, block],
    ),
    ['%step', ';s.step();'],
    ['%step 3 -0x1f svm-shadow "two words"', ';s.step(3, -0x1f, "svm-shadow", "two words");'],
    ["%step it's", `;s.step("it's");`],
    ['  %step 1\nconst a = 1', '  ;__show(s.step(1));\nconst a = 1'],
    ['%step\n%step 2\n', ';__show(s.step());\n;s.step(2);\n'],
    ['%time await f(1, 2)', ';await s.time(() => (await f(1, 2)));'],
    ['const a = 7\n%b', 'const a = 7\n%b'],
    ['const t = `\n%step\n`', 'const t = `\n%step\n`'],
    ['/*\n%step\n*/ 1', '/*\n%step\n*/ 1'],
    [
      '%%asm boot\n hlt ; `a` ${b} \\n',
      'const boot = s.assemble("boot", `\n hlt ; \\`a\\` \\${b} \\\\n`); boot',
    ],
    ['\n%%asm boot', '\nconst boot = s.assemble("boot", ``); boot'],
  ];
  for (const [cell, typescript] of rows)
    t.equal(rewrite(cell, MAGICS).text, typescript, JSON.stringify(cell));
});

t.test('every offset of the cell finds its way to the TypeScript and back', async (t) => {
  for (const cell of ['%step 3 svm-shadow\nfoo(1)', 'a;\n%time x + y\nb', '%%asm n\nmov `x`\n ${y}']) {
    const rewritten = rewrite(cell, MAGICS);
    const kept = [...cell.matchAll(/\w+/g)].filter(
      ({ 0: word }) => !['step', 'time', 'asm', 'n'].includes(word),
    );
    for (const { 0: word, index } of kept) {
      const at = rewritten.toRewritten(index);
      t.equal(rewritten.text.slice(at, at + word.length), word, `${word} in ${cell}`);
      t.equal(rewritten.toOriginal(at), index, `and back: ${word}`);
    }
  }
});

t.test('a magic that is wrong is named with its line and what would be right', async (t) => {
  const rows: [cell: string, line: number, message: RegExp][] = [
    ['%stp', 1, /there is no magic %stp; there are: %step %time/],
    ['f();\n\n  %stp 1', 3, /%stp/],
    ['%%bash\nls', 1, /there is no magic %%bash; there are: %%asm/],
    ['%%asm 1st\nhlt', 1, /%%asm needs a name for its value, found '1st'; write %%asm NAME/],
    ['%%asm\nhlt', 1, /found ''/],
  ];
  for (const [cell, line, message] of rows)
    t.throws(() => rewrite(cell, MAGICS), { name: MagicError.name, line, message }, cell);
});

t.test('what asks for help', async (t) => {
  const rows: [cell: string, name: string | undefined, detail?: number][] = [
    ['run?', 'run', 0],
    [' vm.step?? ', 'vm.step', 1],
    ['?run', 'run', 0],
    ['%tlb?', '%tlb', 0],
    ['%%asm?', '%%asm', 0],
    ['a ? b : c', undefined],
    ['run', undefined],
    ['f(x)?', undefined],
  ];
  for (const [cell, name, detail] of rows)
    t.same(helpRequest(cell), name === undefined ? undefined : { name, detail }, cell);
});
