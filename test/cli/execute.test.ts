import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { notebookPage } from '../../kernel/commands/page/page.js';
import { compareOutputs } from '../../kernel/commands/notebook/compare.js';
import { formatNotebook, parseNotebook } from '../../kernel/commands/notebook/format.js';
import type { MimeOutput, Notebook } from '../../kernel/commands/notebook/format.js';
import { provenanceProblem, withProvenance } from '../../kernel/commands/notebook/provenance.js';
import { OutputCollector } from '../../kernel/commands/notebook/outputs.js';
import { temporaryFolder } from '../server/helpers.js';
import { ringside } from './run-cli.js';

const folder = temporaryFolder();

function notebookOf(...sources: string[]): string {
  const cells = sources.map((source, index) => ({
    cell_type: source.startsWith('#') ? 'markdown' : 'code',
    id: `cell-${index}`,
    metadata: {},
    source,
    ...(source.startsWith('#') ? {} : { outputs: [], execution_count: null }),
  }));
  return JSON.stringify({ cells, metadata: {}, nbformat: 4, nbformat_minor: 5 });
}

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return name;
}

t.test('a notebook is executed by the real path and written in both formats', async (t) => {
  // Nobody is there to talk to the widget, and nothing is said about it.
  const widget = "const w = widgets.slider({ label: 'n', max: 3, value: 2 }); w";
  write(
    'good.ipynb',
    notebookOf(
      '# Title',
      'const x: number = 40;\nconsole.log("<b>hi</b>");',
      'x + 2',
      widget,
      'widgets.box([w])',
      'w.value = 1; 0',
    ),
  );
  const { code, stdout, stderr } = await ringside(
    ['execute', 'good.ipynb', '--to', 'notebook', '--to', 'html'],
    folder,
  );
  t.equal(code, 0);
  t.equal(stderr, '');
  t.match(
    stdout,
    /\[1\/5\] const x: number = 40; .* ok\n.*\[2\/5\] x \+ 2 .* ok\n.*\[3\/5\] const w = .* ok\n.*\[4\/5\] widgets\..* ok\n.*\[5\/5\] .* ok\n.*out\/good\.ipynb\n.*out\/good\.html/,
  );
  const { cells, metadata } = parseNotebook(readFileSync(join(folder, 'out/good.ipynb'), 'utf8'));
  t.match(metadata, { kernelspec: { name: 'ringside' }, language_info: { name: 'typescript' } });
  t.match(cells[1].outputs, [{ output_type: 'stream', text: '<b>hi</b>\n' }]);
  t.match(cells[2].outputs, [{ output_type: 'execute_result', data: { 'text/plain': '42' } }]);
  for (const shown of [cells[3], cells[4]])
    t.same(
      (shown.outputs as MimeOutput[])[0].data,
      {
        'text/html': '<div class="ringside-widget"><div>n: <b>1 (0 to 3)</b></div></div>',
        'text/plain': 'n: 1 (0 to 3)',
      },
      'a widget is saved with its last state',
    );
  t.match(
    readFileSync(join(folder, 'out/good.html'), 'utf8'),
    /<title>Title<\/title>[^]*&lt;b&gt;hi&lt;\/b&gt;/,
  );

  const same = await ringside(['execute', 'out/good.ipynb', '--check'], folder);
  t.equal(same.code, 0, same.stderr);
  const different = readFileSync(join(folder, 'out/good.ipynb'), 'utf8').replace('"42"', '"43"');
  write('different.ipynb', different);
  const checked = await ringside(['execute', 'different.ipynb', '--check'], folder);
  t.equal(checked.code, 1);
  t.match(checked.stdout, /cell 2: x \+ 2\n {2}- 43\n {2}\+ 42/);
  t.match(checked.stderr, /different\.ipynb: the outputs differ from the stored ones/);
});

const executed = withProvenance(parseNotebook(notebookOf('# Title', '1 + 1')));
const foreign: [name: string, notebook: Notebook, problem: RegExp | null][] = [
  ['as it was executed', executed, null],
  ['never executed by us', parseNotebook(notebookOf('1')), /no provenance hash.*execute it again/],
  [
    'with a cell edited',
    { ...executed, cells: [executed.cells[0], { ...executed.cells[1], source: '2 + 2' }] },
    /was changed after it was executed/,
  ],
  [
    'of another engine',
    { ...executed, metadata: { ringside: { engine: 0, provenance: '' } } },
    /version 0 of the engine/,
  ],
];
for (const [name, notebook, problem] of foreign) {
  t.test(`the provenance of a notebook ${name}`, async (t) => {
    const found = provenanceProblem(notebook);
    if (problem === null) t.equal(found, null);
    else t.match(found, problem);
  });
}

t.test('several at once, each printed as a whole, with what failed named', async (t) => {
  write('one.ipynb', notebookOf('1'));
  write('failing.ipynb', notebookOf('1', 'throw new RangeError("no such page")', '3'));
  write('three.ipynb', notebookOf('3'));
  const { code, stdout, stderr } = await ringside(
    ['execute', 'one.ipynb', 'failing.ipynb', 'three.ipynb', '--jobs', '2'],
    folder,
  );
  t.equal(code, 1);
  for (const [name, started, cells] of [
    ['one', 1, 1],
    ['failing', 2, 3],
    ['three', 1, 1],
  ] as const) {
    const lines = `( {2}\\[\\d/${cells}\\] .*\\n){${started}}`;
    t.match(stdout, new RegExp(`${name}\\.ipynb\\n${lines} {2}out/${name}\\.ipynb\\n`));
  }
  t.match(
    stderr,
    /^ringside: failing\.ipynb: cell 2 \(throw new .*\): RangeError: no such page\n$/,
    'a failing cell is named',
  );
  const { cells } = parseNotebook(readFileSync(join(folder, 'out/failing.ipynb'), 'utf8'));
  t.same(
    cells.map(({ outputs }) => outputs?.map(({ output_type }) => output_type)),
    [['execute_result'], ['error'], []],
    'what came before a failing cell is written',
  );
});

t.test('a cell that runs too long is interrupted and named', async (t) => {
  write('endless.ipynb', notebookOf('for (;;);'));
  const { code, stderr } = await ringside(['execute', 'endless.ipynb', '--timeout', '6'], folder);
  t.equal(code, 1);
  t.match(stderr, /cell 1 \(for \(;;\);\): ran longer than 6 s and was interrupted/);
});

const mistakes: [name: string, text: string | null, message: RegExp][] = [
  ['absent.ipynb', null, /absent\.ipynb: ENOENT/],
  ['text.ipynb', 'hello', /text\.ipynb: not JSON/],
  ['list.ipynb', '[]', /list\.ipynb: the notebook is not an object/],
  ['old.ipynb', '{"nbformat":3,"worksheets":[]}', /old\.ipynb: nbformat is 3; expected 4/],
  ['cells.ipynb', '{"nbformat":4,"cells":{}}', /'cells' is not a list/],
  ['type.ipynb', '{"nbformat":4,"cells":[{"cell_type":"poem"}]}', /cell 1: unknown cell_type "poem"/],
  [
    'source.ipynb',
    '{"nbformat":4,"cells":[{"cell_type":"code","source":1}]}',
    /cell 1: 'source' is not a text/,
  ],
  [
    'python.ipynb',
    '{"nbformat":4,"cells":[],"metadata":{"kernelspec":{"name":"python3","language":"python"}}}',
    /it is for the kernel 'python3', not for 'ringside'/,
  ],
];
for (const [name, text, message] of mistakes)
  t.test(`${name} is refused before anything runs`, async (t) => {
    if (text !== null) write(name, text);
    const { code, stderr, stdout } = await ringside(['execute', name], folder);
    t.equal(code, 2);
    t.match(stderr, message);
    t.equal(stdout, '');
    t.notOk(existsSync(join(folder, 'out', name)), 'nothing is written');
  });

t.test('a notebook survives reading and writing', async (t) => {
  const notebook = parseNotebook(notebookOf('# a\nb', 'c\nd\n'));
  notebook.cells[1].outputs = [
    {
      output_type: 'display_data',
      data: { 'application/json': ['a', 'b'], 'text/plain': 'a\nb' },
      metadata: {},
    },
  ];
  t.same(parseNotebook(formatNotebook(notebook)), notebook);
});

t.test('outputs are collected as a front end does', async (t) => {
  const displays = new Map<string, MimeOutput[]>();
  const collector = new OutputCollector(displays);
  const receive = (type: string, content: object) =>
    collector.receive({ header: { msg_type: type }, content } as Parameters<OutputCollector['receive']>[0]);
  receive('stream', { name: 'stdout', text: 'a' });
  receive('stream', { name: 'stdout', text: 'b\n' });
  receive('stream', { name: 'stderr', text: 'c' });
  receive('display_data', { data: { 'text/plain': '0%' }, metadata: {}, transient: { display_id: 'p' } });
  receive('update_display_data', {
    data: { 'text/plain': '100%' },
    metadata: {},
    transient: { display_id: 'p' },
  });
  t.match(collector.outputs, [{ text: 'ab\n' }, { text: 'c' }, { data: { 'text/plain': '100%' } }]);
  receive('clear_output', { wait: true });
  t.equal(collector.outputs.length, 3);
  receive('error', { ename: 'E', evalue: 'v', traceback: ['E: v'] });
  t.match(collector.outputs, [{ output_type: 'error', ename: 'E' }]);
});

t.test('comparison ignores execution counts and sees everything else', async (t) => {
  const stored = parseNotebook(notebookOf('1'));
  const output: MimeOutput = {
    output_type: 'execute_result',
    data: { 'text/plain': '1' },
    metadata: {},
    execution_count: 1,
  };
  stored.cells[0].outputs = [output];
  const recounted = {
    ...stored,
    cells: [{ ...stored.cells[0], execution_count: 9, outputs: [{ ...output, execution_count: 9 }] }],
  };
  t.equal(compareOutputs(stored, recounted), '');
  const withKeys = (figure: object) => ({
    ...stored,
    cells: [{ ...stored.cells[0], outputs: [{ ...output, data: { 'application/json': figure } }] }],
  });
  t.equal(compareOutputs(withKeys({ a: 1, b: 2 }), withKeys({ b: 2, a: 1 })), '', 'nor the order of keys');
  const gone = { ...stored, cells: [{ ...stored.cells[0], outputs: [] }] };
  t.match(compareOutputs(stored, gone), /^cell 1: 1\n {2}- execute_result\n/);
});

t.test('a page trusts no notebook', async (t) => {
  const notebook = parseNotebook(
    notebookOf('# <script>alert(1)</script> [x](javascript:alert(1))', '"</script><b>"'),
  );
  const html =
    '<p onclick="a()">ok</p><script>alert(1)</script><img src="http://x/y.png"><a href="javascript:a()">z</a>';
  const figure = { data: [], layout: { title: { text: '</script><script>alert(1)</script>' } } };
  notebook.cells[1].outputs = [
    { output_type: 'display_data', data: { 'text/html': html }, metadata: {} },
    { output_type: 'display_data', data: { 'application/vnd.plotly.v1+json': figure }, metadata: {} },
    { output_type: 'stream', name: 'stdout', text: '\x1b[31m<i>' },
    { output_type: 'display_data', data: { 'application/x-odd': 1 }, metadata: {} },
  ];
  const page = notebookPage(notebook, 'x.ipynb', () => '/* plotly */');
  t.notMatch(page, /<script>alert|onclick|href="javascript|src="http|\x1b/);
  t.match(page, "default-src 'none'");
  t.match(page, /script-src 'sha256-/);
  t.match(page, /No way to show application\/x-odd/);
  t.match(page, '<script>/* plotly */</script>');
  t.notMatch(
    notebookPage(parseNotebook(notebookOf('1')), 'x.ipynb', () => '/* plotly */'),
    /plotly \*\//,
  );
});
