import t from 'tap';
import { TestKernel } from './client.js';

const kernel = await TestKernel.start();
t.teardown(() => kernel.stop());

// Names for what is asked.
await kernel.execute(
  'const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms)); let kept = 1; let n = 0;',
);

t.test('is_complete has four answers', async (t) => {
  const rows: [code: string, answer: object][] = [
    ['1 + 1', { status: 'complete' }],
    ['function f() {\n  return 1;\n}', { status: 'complete' }],
    ['await sleep(1)', { status: 'complete' }],
    ['', { status: 'complete' }],
    ['if (kept) {', { status: 'incomplete', indent: '  ' }],
    ['class A { m() {', { status: 'incomplete', indent: '    ' }],
    ['sleep(', { status: 'incomplete', indent: '  ' }],
    ['const x =', { status: 'incomplete', indent: '' }],
    ['`template', { status: 'incomplete', indent: '' }],
    ['/* comment', { status: 'incomplete', indent: '' }],
    ['const = 3', { status: 'invalid' }],
    ["'open string", { status: 'invalid' }],
    [')', { status: 'invalid' }],
    ['%nosuch', { status: 'unknown' }],
    ['%%asm x\n hlt', { status: 'unknown' }],
    ['%regs', { status: 'complete' }],
    ['f(1);\n%time g(', { status: 'invalid' }],
    ['kept?', { status: 'complete' }],
    ['{ a: 1, b: kept }', { status: 'complete' }],
    ['{ a: 1,', { status: 'incomplete', indent: '  ' }],
    ['f(`a${[', { status: 'incomplete', indent: '    ' }],
    ...['for (;;)', 'if (kept)', 'if (kept) f()\nelse', '@dec', 'function f()', 'const', 'class A'].map(
      (code): [string, object] => [code, { status: 'incomplete', indent: '' }],
    ),
    ["'goes on\\", { status: 'incomplete', indent: '' }],
    ['declare function f(): void;', { status: 'complete' }],
  ];
  for (const [code, answer] of rows) {
    t.same((await kernel.request('is_complete_request', { code })).content, answer, code);
  }
});

await kernel.execute('%%asm mine\nhlt');
await kernel.execute('%%asm other\n hlt');

t.test('completion by types, with positions in code points', async (t) => {
  const rows: [code: string, cursor: number, match: string, start: number][] = [
    ['kep', 3, 'kept', 0],
    ['kept.toF', 8, 'toFixed', 5],
    ['const face = "😀"; face.toUp', 27, 'toUpperCase', 23],
    ['disp', 4, 'display', 0],
    ["run(guest('hello'), { technique: 'svm-sh", 39, 'svm-shadow', 34],
    ["run(guest('hello'), { profile: 'core", 36, 'core2-e6700', 32],
    ['1;\n%tec', 7, '%technique', 3],
    ['%technique svm-sh', 17, 'svm-shadow', 11],
    ['%time kept.toF', 14, 'toFixed', 11],
    ['%%asm x\nagain: dec ecx\n  vm', 27, 'vmrun', 25],
    ['%%asm x\nagain: dec ecx\n  jnz a', 30, 'again', 29],
    ['asm`mov eax, c`', 14, 'cr0', 13],
    ['asm`\n lea ${kep}`', 15, 'kept', 12],
    ['const { key } = { key: 1 }; ke + 1', 30, 'key', 28],
    ["machine().breakOn({ exit: 'CR3_W", 32, 'CR3_WRITE', 27],
    ['%break exit IOIO_', 17, 'IOIO_IN', 12],
    ['%cpu core', 9, 'core2-e6700', 5],
    ['"🇨🇭"; kep', 9, 'kept', 6],
    ["guest('hel", 10, 'hello', 7],
    ["run(guest('little", 17, 'little-os', 11],
    ["prices('core", 12, 'core2-e6700', 8],
    ['%%asm mi', 8, 'mine', 6],
    ['\n%%asm ', 7, 'other', 7],
    ['%time run(mi', 12, 'mine', 10],
  ];
  for (const [code, cursor_pos, match, start] of rows) {
    const { content } = await kernel.request('complete_request', { code, cursor_pos });
    t.ok(content.matches?.includes(match), `${match} in ${content.matches?.slice(0, 5)}`);
    t.same([content.cursor_start, content.cursor_end], [start, cursor_pos], code);
    const types = content.metadata?._jupyter_types_experimental;
    t.same(
      types?.map(({ text }) => text),
      content.matches,
    );
    t.match(types?.[0], { type: String, start, end: cursor_pos });
  }
});

t.test('completions say what they are', async (t) => {
  const rows: [code: string, match: string, type: string][] = [
    ['kep', 'kept', 'instance'],
    ['kept.toF', 'toFixed', 'function'],
    ['whil', 'while', 'keyword'],
    ['%ti', '%time', 'magic'],
    ['asm`ha', 'hlt', 'function'],
    ['asm`mov ea', 'eax', 'instance'],
  ];
  for (const [code, match, type] of rows) {
    const cursor_pos = code.length;
    const { content } = await kernel.request('complete_request', {
      code: code.replace('ha', 'h'),
      cursor_pos,
    });
    const types = content.metadata?._jupyter_types_experimental;
    t.equal(types?.find(({ text }) => text === match)?.type, type, code);
  }
});

t.test('inspection shows type and documentation', async (t) => {
  const rows: [code: string, cursor: number, text: RegExp | undefined][] = [
    ['kept', 2, /^let kept: number$/],
    ['display', 7, /^function display\(value: unknown\)[^]*as its last expression would be/],
    ['sleep(', 6, /sleep\(ms: number\): Promise<void>/],
    ['   ', 1, undefined],
    ['%%asm x\n in al, 0x80', 10, /^in\n[^]*sensitive, traps[^]*IOIO/],
    ['asm`popfd`', 6, /does not trap: what makes x86 hard/],
    ['asm`mov eax, cr3`', 14, /^cr3: control register, number 3, 32 bits/],
    ['%sweep exit 0 5000', 3, /^%sweep PRICE FROM TO[^]*session\.sweep\(/],
    ['%time kept + 1', 8, /^let kept: number$/],
    ['sleep(1 + ', 10, /sleep\(ms: number\): Promise<void>/],
    ["run(guest('hello'), { technique: 'native' })", 36, /^run\(program: Guest/],
    ['"🎉"; kept', 6, /^let kept: number$/],
    ['kept', 99, /^let kept: number$/],
  ];
  for (const [code, cursor_pos, text] of rows) {
    const { content } = await kernel.request('inspect_request', { code, cursor_pos, detail_level: 0 });
    t.equal(content.found, text !== undefined, code);
    if (text !== undefined) t.match(content.data?.['text/plain'], text);
  }
});

t.test('inspection once more: with more detail, elsewhere, and of a name that has changed', async (t) => {
  const inspected = async (code: string, cursor_pos: number, detail_level = 0) => {
    const { content } = await kernel.request('inspect_request', { code, cursor_pos, detail_level });
    t.equal(content.found, true, code);
    return content.data?.['text/plain'];
  };
  const documented = 'Math.max(kept)';
  t.notMatch(await inspected(documented, 8), /@param/);
  t.match(await inspected(documented, 8, 1), /@param values/);
  t.notMatch(await inspected(documented, 8), /@param/);
  t.match(await inspected(documented, 2), /^var Math: Math/);
  await kernel.execute('let changes = 1;');
  t.equal(await inspected('changes', 3), 'let changes: number');
  await kernel.execute('let changes = "one";');
  t.equal(await inspected('changes', 3), 'let changes: string');
});

t.test('help: a page beside the notebook', async (t) => {
  const rows: [code: string, text: RegExp][] = [
    ['display?', /^function display\(value: unknown\)[^]*as its last expression/],
    ['?kept', /let kept: number/],
    ['%time??', /^%time EXPRESSION/],
  ];
  for (const [code, text] of rows) {
    const { reply, of } = await kernel.execute(code);
    t.match(
      reply,
      { status: 'ok', payload: [{ source: 'page', start: 0, data: { 'text/plain': text } }] },
      code,
    );
    t.same(of('execute_result'), []);
  }
  t.match((await kernel.execute('nothingOfThatName?')).reply, {
    status: 'error',
    evalue: /no help for 'nothingOfThatName'/,
  });
});
