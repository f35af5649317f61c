import t from 'tap';
import { TestKernel } from './client.js';

/* Magics in cells, one story. `text` is in the result's text, `error` matches name and value of the error. */
const ROWS: { code: string; text?: RegExp; error?: RegExp; trace?: RegExp }[] = [
  { code: '%exits', error: /Error nothing has run yet/ },
  ...['%regs', '%step', '%stepback', '%break 0x100000', '%tlb', '%pt 0'].map((code) => ({
    code,
    error: /Error there is no machine yet/,
  })),
  {
    code: '%%asm loop\nmov ecx, 9\nagain: in al, 0x80\nloop again\nhlt',
    text: /loop: \d+ bytes at 0x100000/,
  },
  { code: 'run(loop).technique', text: /^'native'$/ },
  { code: '%technique svm-shadow', text: /→ +svm-shadow/ },
  { code: '%technique nosuch', error: /TypeCheckError.*"nosuch".*"svm-nested"/ },
  { code: 'run(loop).technique', text: /^'svm-shadow'$/ },
  { code: "run(loop, { technique: 'native' }).technique", text: /^'native'$/ },
  { code: '%cpu core2-e6700', text: /→ +core2-e6700/ },
  { code: 'const priced = run(loop); priced.profile.name', text: /^'core2-e6700'$/ },
  { code: '%exits', text: /svm-shadow +IO/ },
  { code: '%sweep exit 0 4000 5', text: /svm-shadow, repriced/ },
  { code: '%sweep nosuch 0 1', error: /TypeCheckError.*"nosuch"/ },
  { code: '%sweep exit 0', error: /TypeCheckError.*arguments/ },
  { code: '%time run(loop).cycles', text: /^\d+(\.\d+)?\n[\d,]+ cycles in 1 run; / },
  { code: '%seed 7\nconst first = [Math.random(), Math.random()];' },
  { code: '%seed 7\n[Math.random(), Math.random()].every((x, i) => x === first[i])', text: /^true$/ },
  { code: '%seed 0.5', error: /RangeError a seed is an integer/ },
  { code: '%help', text: /%sweep PRICE FROM TO \[STEPS\] +session\.sweep\(…\)/ },
  { code: 'const vm = machine(); await vm.run(loop);\n%regs', text: /ecx +0x00000000/ },
  { code: 'vm.load(loop);\n%step 2', text: /the instructions asked for[^]* 2 [^]*loop / },
  { code: '%stepback', text: / 1 [^]*again +in al,0x80/ },
  { code: '%step', text: / 2 [^]*loop / },
  { code: '%step -1', error: /RangeError -1 instructions: expected a whole number/ },
  { code: '%break port 0x80', text: /^1$/ },
  { code: 'vm.continue()', text: /after in of 1 bytes at port 0x80/ },
  { code: 'vm.removeBreakpoint();\n%break again', text: /^2$/ },
  { code: 'vm.continue()', text: /before the instruction at 0x100005/ },
  { code: 'vm.removeBreakpoint();\n%break exit IOIO_IN', text: /^3$/ },
  { code: 'vm.continue()', text: /after the exit IOIO_IN/ },
  ...['0x100005', 'address again', 'write 0x2000 2', 'exception #PF', 'exception 14'].map((words) => ({
    code: `%break ${words}`,
    text: /^\d+$/,
  })),
  { code: '%break nosuch', error: /RangeError the guest has no label 'nosuch'; it has: again/ },
  { code: '%break exit', error: /RangeError 'exit' needs what it is about, as in %break exit HLT/ },
  {
    code: '%break',
    error: /TypeCheckError Cell \d+:1:1 - Expected 1-3 arguments.* It is written %break POINT/,
  },
  { code: '%seed', error: /Expected 1 arguments, but got 0. It is written %seed NUMBER/ },
  { code: '%sweep exit 0', error: /It is written %sweep PRICE FROM TO/ },
  { code: '%break port 70000', error: /RangeError port 70000.*expected.*below 65536/ },
  { code: '%break exit NOSUCH', error: /TypeCheckError.*"NOSUCH"' is not assignable to .*"IOIO_IN"/ },
  { code: '%break nosuch 1', error: /TypeCheckError.*"nosuch"' is not assignable to .*"exit"/ },
  { code: '%break exit HLT 2', error: /TypeCheckError/ },
  {
    code: "session.breakOn('nosuch' as 'port', 1)",
    error: /RangeError no kind of breakpoint is called 'nosuch'; there are: address, write/,
  },
  { code: '%break exception #XX', error: /RangeError no exception is called '#XX'/ },
  { code: '%break mode real', error: /RangeError .* does not work under 'svm-shadow'/ },
  { code: '%tlb', text: /\d+ TLB entries[^]*linear +physical/ },
  { code: '%pt again', text: /0x100005: paging is off/ },
  { code: '%pt nosuch', error: /RangeError the guest has no label 'nosuch'; it has: again/ },
  { code: '%pt 0x1ffffffff', error: /RangeError 8589934591 is no linear address: .* from 0 to 0xffffffff/ },
  { code: '%pt', error: /TypeCheckError Cell \d+:1:1 - Expected 1 arguments/ },
  ...['%exits', '%regs', '%tlb', '%help'].map((code) => ({
    code: `${code} 1`,
    error: /TypeCheckError Cell \d+:1:\d+ - Expected 0 arguments, but got 1/,
  })),
  { code: '%cpu nosuch', error: /TypeCheckError.*"nosuch".*"core2-e6700"/ },
  { code: '%stepback -1', error: /RangeError -1 instructions: expected a whole number/ },
  { code: '%sweep exit 0 5 1', error: /RangeError write it as %sweep PRICE FROM TO/ },
  { code: '%seed', error: /TypeCheckError Cell \d+:1:1 - Expected 1 arguments/ },
  { code: '%time 1 +', error: /SyntaxError Cell \d+:1:10 - Expression expected/ },
  { code: '%%asm', error: /SyntaxError Cell \d+:1:1 - %%asm needs a name.*; write %%asm NAME/ },
  { code: '%nosuch', error: /SyntaxError Cell \d+:1:1 - there is no magic %nosuch; there are: %technique/ },
  {
    code: '\n%time nosuch + 1',
    error: /TypeCheckError Cell \d+:2:7 - Cannot find name 'nosuch'/,
    trace: /2 \| %time nosuch \+ 1/,
  },
  { code: '%%asm bad\nnop\nmov eax, nosuch', error: /SyntaxError[^]*:3:10.*nosuch/ },
];

t.test('magics', async (t) => {
  const kernel = await TestKernel.start();
  t.teardown(() => kernel.stop());
  for (const { code, text, error, trace } of ROWS) {
    const { reply, of } = await kernel.execute(code);
    if (error === undefined) t.equal(reply.status, 'ok', `${code}: ${reply.evalue ?? ''}`);
    else t.match(`${reply.ename} ${reply.evalue}`, error, code);
    if (text !== undefined) t.match(of('execute_result')[0]?.data['text/plain'], text, code);
    if (trace !== undefined) t.match(reply.traceback?.join('\n'), trace, code);
  }
  const textOf = async (code: string) =>
    (await kernel.execute(code)).of('execute_result')[0]?.data['text/plain'];
  for (const [magic, typed] of [
    ['%technique', 'session.technique()'],
    ['%cpu', 'session.cpu()'],
    ['%exits', 'session.exits()'],
    ['%regs', 'session.regs()'],
    ['%tlb', 'session.tlb()'],
    ['%pt again', "session.pageTable('again')"],
    ['%sweep exit 0 4000 5', "session.sweep('exit', 0, 4000, 5)"],
    ['%help', 'session.help()'],
    ['%stepback', 'session.step(); session.stepBack()'],
    ['%step', 'session.stepBack(); session.step()'],
    ['%seed 7\nMath.random()', 'session.seed(7); Math.random()'],
    ['%%asm same\nhlt', "const same = session.assemble('same', '\\nhlt'); same"],
  ]) {
    const text = await textOf(magic);
    t.ok(text, magic);
    t.equal(await textOf(typed), text, typed);
  }
  // The host's time is all that two runs of the same do not share.
  const untimed = async (code: string) => (await textOf(code))?.replace(/[\d.]+ ms of/, 'MS of');
  for (const expression of ['run(loop).cycles', 'await compare(loop)', '(await compare(loop)).all.length']) {
    const text = await untimed(`%time ${expression}`);
    t.match(text, /[\d,]+ cycles in [16] runs?; MS of the host/, expression);
    t.equal(await untimed(`await session.time(async () => (${expression}))`), text, `%time ${expression}`);
  }
  // A point is the same when the guest stops at the same place for the same reason; numbers go on.
  const stopAt = async (point: string) => [
    Number(await textOf(`vm.removeBreakpoint();\nvm.load(loop);\n${point}`)),
    await textOf('vm.continue()'),
  ];
  for (const [words, typed, where] of [
    ['again', "'again'", /before the instruction at 0x100005/],
    ['0x100007', '0x100007', /before the instruction at 0x100007/],
    ['address again', "'address', 'again'", /before the instruction at 0x100005/],
    ['port 0x80', "'port', 0x80", /after in of 1 bytes at port 0x80/],
    ['port 0x7f 2', "'port', 0x7f, 2", /after in of 1 bytes at port 0x80/],
    ['exit IOIO_IN', "'exit', 'IOIO_IN'", /after the exit IOIO_IN/],
    ['write 0x2000 2', "'write', 0x2000, 2", /halted/],
    ['exception #PF', "'exception', '#PF'", /halted/],
  ] as const) {
    const [number, stop] = await stopAt(`%break ${words}`);
    t.match(stop, where, words);
    t.same(await stopAt(`session.breakOn(${typed})`), [Number(number) + 1, stop], `%break ${words}`);
  }
  await kernel.execute('vm.removeBreakpoint()');
  const shown = await kernel.execute('%technique\n%cpu\n1');
  t.equal(shown.of('display_data').length, 2, 'a magic that is not the last line shows what it gives');

  await t.test('a guest is interrupted at an instruction boundary, and all names are kept', async (t) => {
    await kernel.execute('const endless = asm`again: inc eax\njmp again`; let before = 5;');
    const limits = '{ limits: { instructions: 1e12 } }';
    await kernel.execute(`const far = machine(${limits}); far.load(endless);`);
    for (const code of [
      `run(endless, ${limits})`,
      `await compare(endless, ${limits})`,
      `await machine(${limits}).run(endless)`,
      'far.continue()',
    ]) {
      const { id, frames } = kernel.frames('execute_request', { code });
      await kernel.sockets.shell.send(frames);
      const progress = () => kernel.publishedOf('update_display_data', id).length > 0;
      await kernel.waitFor(progress, 'a line that tells how the run goes');
      await kernel.request('interrupt_request', {}, 'control');
      await kernel.idle(id);
      t.match(kernel.publishedOf('error', id)[0]?.content, {
        ename: 'Interrupted',
        evalue: /the guest was stopped on request at an instruction boundary, after \d+ instructions/,
      });
      const [line, ...others] = kernel.publishedOf('display_data', id);
      t.same(others, [], 'one line');
      t.match(line.content.data['text/plain'], /: [\d.]+\w instructions, .* cycles, .* instructions\/s/);
      t.match(
        kernel.publishedOf('update_display_data', id).at(-1)?.content.data['text/plain'],
        /: [\d,]+ instructions, [\d,]+ cycles$/,
      );
      t.same(line.content.metadata, { ringside: { progress: true } });
    }
    t.equal((await kernel.execute('before')).of('execute_result')[0].data['text/plain'], '5');
  });
});
