import t from 'tap';
import { displaySymbol } from '../../kernel/session/display.js';
import {
  asm,
  audit,
  compare,
  machine,
  machines,
  processor,
  profileNames,
  run,
  session,
  switches,
  usableTechniques,
} from '../../kernel/session/index.js';
import type { Guest } from '../../kernel/session/guest.js';
import type { MachinesOptions } from '../../kernel/session/machines.js';
import type { ProcessorChanges } from '../../kernel/session/prices.js';
import type { CellRunOptions } from '../../kernel/session/run.js';

/** Shows the scan codes that the keyboard gives, as characters, until there are no more. */
const ECHO = asm`
        mov edi, 0xb8000
again:  in al, 0x64
        test al, 1
        jz done
        in al, 0x60
        stosb
        inc edi
        jmp again
done:   mov byte [edi], '<'
        hlt
`;

t.test('what is typed before a run is there for it, and for no other', async (t) => {
  const vm = machine();
  vm.type('a');
  await vm.run(ECHO);
  t.match(String(vm.screen), /│▲₧< {77}│/);
  await vm.run(ECHO);
  t.match(String(vm.screen), /│< {79}│/);
});

t.test('what is typed while a guest stands goes to that guest', async (t) => {
  const vm = machine({ limits: { instructions: 2 } });
  await vm.run(ECHO);
  vm.type('a');
  t.throws(() => vm.type('ü'), { name: 'RangeError' });
  await vm.run(ECHO);
  t.notMatch(String(vm.screen), '▲');
});

t.test('the screen of a run, in HTML that a guest cannot break out of', async (t) => {
  const shown = run(asm`
        mov dword [0xb8000], 0x0762073c
        mov word [0xb8004], 0x073e
        hlt
  `);
  const bundle = shown.screen[displaySymbol]();
  t.match(bundle['text/plain'], '│<b>');
  t.match(bundle['text/html'], '>&lt;b&gt;\n');
});

t.test('a machine as a value says how its run stands', async (t) => {
  const vm = machine({ technique: 'svm-shadow', memoryBytes: 4 << 20 });
  const text = () => vm[displaySymbol]()['text/plain'];
  t.equal(text(), 'a machine for svm-shadow, on which nothing has run yet: await vm.run(guest)');
  const run = await vm.run(asm`hlt`);
  t.match(text(), /^svm-shadow on pentium4-672: .*\n\n[^]*cycles +[\d,]+\n/);
  t.equal(text(), run[displaySymbol]()['text/plain']);
});

t.test('a wrong name that types did not stop is told where it is written', (t) => {
  const known = usableTechniques().join(', ');
  const rows: readonly (readonly [options: object, message: string])[] = [
    [{ technique: 'bad' }, `no technique is called 'bad'; there are: ${known}`],
    [{ technique: 'toString' }, `no technique is called 'toString'; there are: ${known}`],
    [{ technique: 5 }, `no technique is called '5'; there are: ${known}`],
    [{ profile: 'bad' }, `no processor profile is called 'bad'; there are: ${profileNames().join(', ')}`],
  ];
  for (const [options, message] of rows) {
    t.throws(() => machine(options as CellRunOptions), { name: 'RangeError', message });
    t.throws(() => run(asm`hlt`, options as CellRunOptions), { name: 'RangeError', message });
  }
  t.throws(() => session.technique('bad' as 'native'), { message: /'bad'; there are: native/ });
  t.throws(() => switches('bad' as 'native'), { name: 'RangeError', message: /'bad'; there are: native/ });
  t.end();
});

t.test('an option that there is not is told, where types are not checked', async (t) => {
  const guest = asm`hlt`;
  const calls: Readonly<Record<string, (options: unknown) => unknown>> = {
    'machine(options)': (options) => machine(options as CellRunOptions),
    'run(guest, options)': (options) => run(guest, options as CellRunOptions),
    'compare(guest, options)': (options) => compare(guest, options as CellRunOptions),
    'machines(guests, options)': (options) => machines([guest], options as MachinesOptions),
    'audit(guest, options)': (options) => audit(guest, options as CellRunOptions),
  };
  const all: typeof calls = {
    ...calls,
    'processor(base, changes)': (options) => processor('nehalem', options as ProcessorChanges),
  };
  const rows: [call: string, options: unknown, name: string, message: string][] = [
    ...Object.keys(calls).flatMap((call): [string, unknown, string, string][] => [
      [call, { foo: 1 }, 'RangeError', `${call}: no option is called 'foo'; there are: `],
      [call, { memorybytes: 1 }, 'RangeError', `'memorybytes'; did you mean 'memoryBytes'? There are: `],
      [call, { limits: { instuctions: 5 } }, 'RangeError', `limits of ${call}: no option is called 'inst`],
      [call, 'native', 'TypeError', `${call}: expected options by name, as in { `],
      [call, null, 'TypeError', `found null`],
    ]),
    ['compare(guest, options)', { technique: 'native' }, 'RangeError', "did you mean 'techniques'?"],
    ['processor(base, changes)', { frequency: 1 }, 'RangeError', "did you mean 'frequencyHz'?"],
    ['processor(base, changes)', { tlb: { entrie: 5 } }, 'RangeError', "did you mean 'entries'?"],
    ['machines(guests, options)', { trace: true }, 'RangeError', "'trace'; there are: technique, profile"],
  ];
  for (const [call, options, name, message] of rows) {
    const given = async () => all[call](options);
    const { name: found, message: said } = await given().then(
      () => t.fail('took it') as never,
      (error: Error) => error,
    );
    t.equal(found, name, said);
    t.ok(said.includes(message), `${call}: ${said}`);
  }
});

t.test('a limit that nothing ever reaches is told', async (t) => {
  const endless = asm`jmp $`;
  const rows: [limits: object, message: string][] = [
    [{ instructions: NaN }, 'limits.instructions is NaN: expected a number from 0'],
    [{ cycles: -1 }, 'limits.cycles is -1: expected a number from 0'],
    [{ cycles: '5' }, 'limits.cycles is 5: expected a number from 0'],
  ];
  for (const [limits, message] of rows) {
    t.throws(() => run(endless, { limits }), { name: 'RangeError', message });
    t.throws(() => machines([endless], { limits }), { name: 'RangeError', message });
  }
  t.equal(run(endless, { limits: { instructions: Infinity, cycles: 5 } }).cycles, 5);
});

t.test('what is no guest is told so, where types are not checked', async (t) => {
  const rows: [given: unknown, message: RegExp][] = [
    ['hello', /^a guest is what asm`...`, assemble\(name, source\) or guest\(name\) make, not 'hello'$/],
    [undefined, /not undefined$/],
  ];
  for (const [given, message] of rows) {
    const program = given as Guest;
    t.throws(() => run(program), { name: 'TypeError', message });
    t.throws(() => audit(program), { name: 'TypeError', message });
    t.throws(() => machine().load(program), { name: 'TypeError', message });
    t.throws(() => machines([program]), { name: 'TypeError', message });
    await t.rejects(compare(program), { name: 'TypeError', message });
  }
});
