import t from 'tap';
import type { Test } from 'tap';
import type { Technique } from '../../emulator/index.js';
import { displaySymbol } from '../../kernel/session/display.js';
import { asm, guest, machine, run, session, table } from '../../kernel/session/index.js';
import { matchesGolden } from '../golden.js';

const first = guest('first-exits');
/** Enough for the guests here, and quickly digested. */
const memoryBytes = 8 << 20;

for (const technique of ['svm-shadow', 'svm-nested', 'binary-translation', 'native'] as const)
  t.test(`page tables under ${technique}: the guest's, the monitor's and the TLB`, async (t) => {
    const vm = machine({ technique, memoryBytes });
    await vm.run(first);
    const text = [vm.pageTables('read_port'), vm.pageTables(), vm.pageTables(0x800000, 0x801000)].map(String);
    matchesGolden(t, `display/page-tables-${technique}.txt`, `${text.join('\n\n')}\n`);
  });

t.test("while paging is off, what is there of tables is the monitor's", async (t) => {
  const vm = machine({ technique: 'svm-shadow', memoryBytes: 4 << 20 });
  await vm.run(asm`hlt`);
  t.match(String(vm.pageTables(0x100000)), /paging is off[^]*PTE +0x[^]*page +0x00100000 +0x01100000/);
  t.match(String(vm.pageTables()), /paging is off/);
});

/** Changes the entries of two pages that it has used, and tells the processor of neither. */
const FORGETFUL = asm`
        mov dword [0x200000], 0x201003
        mov edi, 0x201000
        mov eax, 3
        mov ecx, 1024
  fill: stosd
        add eax, 0x1000
        loop fill
        mov eax, 0x200000
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        mov eax, [0x300000]
        mov dword [0x201c00], 0x302003
        mov ebx, [0x301000]
        mov dword [0x201c04], 0x301001
        hlt
  `;

t.test('a TLB entry that the guest has not invalidated is stale', async (t) => {
  const vm = machine({ memoryBytes });
  await vm.run(FORGETFUL);
  const way = vm.pageTables(0x300000);
  t.same(way.stale, ['TLB: the tables now lead to another page']);
  t.match(String(way), /0x00300000 ASID 0 ▲/);
  t.same(vm.pageTables(0x301000).stale, ['TLB: the tables no longer grant W']);
  t.same(vm.pageTables(0x100000).stale, []);
  t.match(String(vm.pageTables(0x300000, 0x302000)), /1 entry, 1 stale ▲/);
  t.equal(vm.pageTables().stale.length, 2);
});

t.test('with lazy traces the shadow is stale as a TLB is, and says so', async (t) => {
  const vm = machine({ technique: 'svm-shadow', memoryBytes, switches: { traces: 'lazy' } });
  await vm.run(FORGETFUL);
  t.same(vm.pageTables(0x300000).stale, ["shadow: the guest's entry now names another page"]);
  t.match(String(vm.pageTables(0x300000)), /0x01300000 [PAD ]+▲/);
  const eager = machine({ technique: 'svm-shadow', memoryBytes });
  await eager.run(FORGETFUL);
  t.same(eager.pageTables().stale, []);
});

t.test("a shadow entry that no longer agrees with the guest's is stale", async (t) => {
  const vm = machine({ technique: 'svm-shadow', memoryBytes });
  await vm.run(first);
  const { vmm } = Reflect.get(vm, 'current') as { vmm: { guest: { memory: { u8: Uint8Array } } } };
  // Behind the monitor's back, as no software can: what it traces is always brought up to date.
  const entry = 0x201000 + 0x100 * 4;
  const stale = (change: (bytes: DataView) => void): readonly string[] => {
    const { u8 } = vmm.guest.memory;
    const bytes = new DataView(u8.buffer, u8.byteOffset + entry, 4);
    const before = bytes.getUint32(0, true);
    change(bytes);
    const found = vm.pageTables(0x100000).stale.filter((text) => text.startsWith('shadow'));
    bytes.setUint32(0, before, true);
    return found;
  };
  t.same(
    stale(() => {}),
    [],
  );
  t.same(
    stale((bytes) => bytes.setUint32(0, 0x100000, true)),
    ['shadow: the guest has taken the page away'],
  );
  t.same(
    stale((bytes) => bytes.setUint32(0, 0x105067, true)),
    ["shadow: the guest's entry now names another page"],
  );
  t.same(
    stale((bytes) => bytes.setUint32(0, 0x100065, true)),
    ["shadow: the guest's entry no longer grants W"],
  );
});

t.test('the VMCB, with what the last #VMEXIT and the monitor since have changed', async (t) => {
  const vm = machine({ technique: 'svm-shadow', memoryBytes });
  vm.breakOn({ exit: 'CR3_WRITE' });
  await vm.run(first);
  matchesGolden(t, 'display/vmcb.txt', `${String(vm.vmcb)}\n`);
  t.match(vm.vmcb.field('exitCode'), { area: 'control', offset: 0x70, bytes: 8, meaning: 'CR3_WRITE' });
  t.ok(vm.vmcb.moved.some(({ name }) => name === 'rip'));
  t.ok(vm.vmcb.all.fields.length > 80);
  t.throws(() => vm.vmcb.field('nosuch'), {
    name: 'RangeError',
    message: /no field 'nosuch'; it has: interceptCr/,
  });
  const forwarded = machine({ technique: 'svm-shadow', memoryBytes });
  forwarded.breakOn({ exit: 'PAGE_FAULT_TRUE' });
  await forwarded.run(guest('page-faults'));
  t.match(
    forwarded.vmcb.written.map(({ name, meaning }) => `${name}: ${meaning}`),
    /^eventInjection: exception #PF, error code 0x/m,
  );
  const none = machine();
  await none.run(asm`hlt`);
  t.throws(() => none.vmcb, { name: 'RangeError', message: /'native' has no VMCB/ });
});

t.test('registers, with those that the last command has changed', async (t) => {
  const vm = machine({ memoryBytes });
  vm.load(asm`
        mov ecx, 3
        add ecx, 0x10
        hlt
  `);
  t.same(vm.registers.changed, []);
  vm.step();
  t.same(vm.registers.changed, ['ecx', 'eip']);
  vm.step();
  matchesGolden(t, 'display/registers.txt', `${String(vm.registers)}\n`);
  vm.stepBack(2);
  t.match(vm.registers, { values: { ecx: 0, eip: 0x100000 }, before: { ecx: 0x13 } });
});

const WINDOW = { fromCycle: 100_000, toCycle: 160_000 };
t.test('the time in which a guest waits is in no lane, and the title says how much', async (t) => {
  const waiting = run(guest('timer'), { technique: 'svm-shadow', memoryBytes, trace: true });
  const { title } = (
    waiting.timeline()[displaySymbol]()['application/vnd.plotly.v1+json'] as { layout: { title: string } }
  ).layout;
  t.match(title, { text: /^Who has the processor: svm-shadow; nobody for \d+\.\d% of the<br>time \(HLT\)$/ });
});

t.test('symbols beyond those whose names can be read are one bar', async (t) => {
  const groups = run(guest('little-os'), { technique: 'binary-translation', trace: true }).exits.bySymbol();
  const text = String(groups.plot());
  const sum = (all: readonly (typeof groups.groups)[number][]) =>
    all.flatMap(({ exits }) => Object.values(exits)).reduce((total, { count }) => total + count, 0);
  const [, others, count] = /\n(\d+) others +▏\S* ?([\d,]+)\n/.exec(text)!;
  t.equal(Number(others), groups.groups.length - 16);
  t.equal(Number(count.replace(',', '')), sum(groups.groups.slice(16)));
});

for (const technique of ['svm-shadow', 'binary-translation'] as const)
  t.test(`where the time of ${technique} went, from its trace`, async (t) => {
    const traced = run(first, { technique, memoryBytes, trace: true });
    const figures = [traced.timeline(), traced.timeline(WINDOW), traced.flame(), traced.exits.histogram()];
    const text = figures.map((figure) => figure[displaySymbol]()['text/plain']);
    if (technique === 'svm-shadow') matchesGolden(t, 'display/trace.txt', `${text.join('\n\n')}\n`);
    else t.match(text[0], /translator ▕.*[▁-█].*▏/);
    for (const figure of figures)
      t.same(Object.keys(figure[displaySymbol]()), [
        'application/vnd.plotly.v1+json',
        'text/html',
        'text/plain',
      ]);
  });

t.test('the numbers behind the figures add up', async (t) => {
  for (const technique of ['trap-and-emulate', 'binary-translation', 'svm-shadow', 'svm-nested'] as const) {
    const traced = run(first, { technique, memoryBytes, trace: true });
    const { exits, cycles, accounts } = traced.result;
    const exitCycles = Object.values(exits).reduce((sum, row) => sum + row.cycles, 0);
    const exitCount = Object.values(exits).reduce((sum, row) => sum + row.count, 0);
    const { lanes } = traced.timeline();
    const length = (lane: keyof typeof lanes) =>
      lanes[lane].reduce((sum, { fromCycle, toCycle }) => sum + toCycle - fromCycle, 0);
    near(t, length('guest') + length('vmm') + length('translator'), cycles, `${technique}: all of the time`);
    near(t, length('vmm'), exitCycles, `${technique}: the monitor's`);
    t.ok(length('translator') <= accounts.translate, `${technique}: the translator's`);
    const { root } = traced.flame();
    near(t, root.cycles, exitCycles, `${technique}: the flame graph`);
    t.equal(root.count, exitCount);
    const binned = traced.exits
      .histogram()
      .bins[technique].flatMap(({ counts }) => Object.values(counts))
      .reduce((sum, count) => sum + count, 0);
    t.equal(binned, exitCount, `${technique}: the histogram`);
  }
});

function near(t: Test, found: number, wanted: number, what: string): void {
  t.ok(Math.abs(found - wanted) < 1e-3 + 1e-9 * wanted, `${what}: ${found}, not ${wanted}`);
}

t.test('nobody has the processor while the guest waits in HLT', async (t) => {
  const technique: Technique = 'svm-shadow';
  const traced = run(guest('timer'), { technique, memoryBytes, trace: true });
  const { lanes } = traced.timeline();
  const busy = Object.values(lanes)
    .flat()
    .reduce((sum, { fromCycle, toCycle }) => sum + toCycle - fromCycle, 0);
  const { idle } = traced.result.accounts;
  t.ok(idle > 0);
  // With what it takes the monitor to notice the interrupt.
  const rest = traced.cycles - busy;
  t.ok(rest >= idle && rest < idle * 1.001, `${rest} of nobody, ${idle} idle`);
});

t.test('a table shows what its types would not let in', async (t) => {
  const row = { when: new Date(0), list: [1, 2], none: null } as unknown as Record<string, string>;
  t.match(String(table([row])), /1970-01-01T00:00:00.000Z +\[ 1, 2 \]$/);
});

t.test('a run without a trace says how to get one, and so does a repriced one', async (t) => {
  const plain = run(first, { technique: 'svm-shadow', memoryBytes });
  for (const ask of [
    () => plain.timeline(),
    () => plain.flame(),
    () => plain.exits.histogram(),
    () => run(first, { technique: 'svm-shadow', memoryBytes, trace: true }).reprice({ vmexit: 1 }).flame(),
  ])
    t.throws(ask, { name: 'RangeError', message: /run\(guest, \{ trace: true \}\)/ });
  const traced = run(first, { technique: 'svm-shadow', memoryBytes, trace: true });
  t.equal(traced.result.hash, plain.result.hash, 'a trace changes nothing');
  for (const [fromCycle, toCycle] of [
    [5, 5],
    [6, 5],
    [1e9, 2e9],
    [-2, -1],
    [NaN, 5],
  ])
    t.throws(() => traced.timeline({ fromCycle, toCycle }), {
      name: 'RangeError',
      message: /the run has 0 to/,
    });
  t.equal(traced.timeline({ toCycle: 1e9 }).toCycle, traced.cycles, 'there is nothing after the end');
});

t.test('magics speak of what ran last, on a machine too', async (t) => {
  const { value, cycles, runs } = await session.time(async () => {
    const vm = machine({ technique: 'svm-shadow', memoryBytes });
    const done = await vm.run(first);
    return { vm, done };
  });
  t.equal(cycles, value.done.cycles);
  t.equal(runs, 1);
  t.match(session.exits()[displaySymbol]()['text/plain'], /svm-shadow +IOIO_OUT/);
  t.match(session.sweep('exit', 0, 1000, 2)[displaySymbol]()['text/plain'], /svm-shadow/);
  value.vm.stepBack(10);
  const forward = await session.time(() => value.vm.step(10));
  t.ok(forward.cycles > 0);
  const back = await session.time(() => value.vm.stepBack(10));
  t.equal(back.cycles, 0, 'going back takes no time of the model');
});
