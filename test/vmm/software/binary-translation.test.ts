import t from 'tap';
import { findProfile } from '../../../emulator/cost/catalog.js';
import type { TranslationStatistics } from '../../../emulator/vmm/software/statistics.js';
import type { Vmm } from '../../../emulator/vmm/vmm.js';
import { ending, native, program, translated } from './bench.js';

const LOOP = (body: string, count = 200) => `
start:  mov esp, STACK_TOP
        mov ecx, ${count}
.again: ${body}
        dec ecx
        jnz .again
        exit 0
leaf:   ret
`;

function cyclesOf(vmm: Vmm): number {
  vmm.run();
  return vmm.host.ledger.cycles;
}

t.test('what translation costs and saves, against the bare machine', async (t) => {
  const rows: [name: string, body: string, cheaper: boolean][] = [
    ['cli and sti in the cache', 'cli\n sti', true],
    ['port reads without a trap', 'in al, 0x80', true],
    ['calls and returns through the hash', 'call leaf', false],
  ];
  for (const [name, body, cheaper] of rows) {
    const guest = program(LOOP(body, 5000));
    t.equal(cyclesOf(translated(guest)) < cyclesOf(native(guest)), cheaper, name);
  }
});

t.test('statistics', async (t) => {
  const rows: [name: string, body: string, expected: Partial<TranslationStatistics>][] = [
    // start..jnz, then .again..jnz for the way back, then the exit
    [
      'a loop is chained to itself',
      'nop',
      { fragments: 3, chains: 2, elided: 1, flushes: 0, targetMisses: 0 },
    ],
    ['a return address misses once, then hits', 'call leaf', { targetMisses: 1, flushes: 0 }],
    // The first write finds nothing translated yet.
    ['a write to code drops its translation', 'mov byte [leaf], 0xc3\n call leaf', { invalidated: 199 }],
  ];
  for (const [name, body, expected] of rows) {
    const vmm = translated(program(LOOP(body)));
    ending(vmm);
    t.match(vmm.statistics, expected, name);
  }
});

t.test('every counter by hand', async (t) => {
  const vmm = translated(program(LOOP('call leaf', 20_000)));
  vmm.run();
  const before = vmm.host.ledger.snapshot();
  const { usedBytes, translatorCycles, ...counted } = vmm.statistics;
  t.same(counted, {
    // start to call; leaf; behind the call to jnz; .again to call; behind jnz to the next terminator: ret
    fragments: 5,
    instructions: 3 + 1 + 2 + 1 + 5,
    // start's call, jnz both ways: all others led to what there was
    continuations: 3,
    elided: 1, // leaf behind start
    chains: 2, // both ways of jnz
    chainRate: 1,
    // Each of the five was looked for once, and found by nobody.
    lookups: 5,
    hits: 0,
    misses: 5,
    hitRate: 0,
    // Each ret, of which the first found the table empty.
    targetLookups: 20_000,
    targetHits: 19_999,
    targetMisses: 1,
    targetHitRate: 19_999 / 20_000,
    invalidated: 0,
    invalidatedByPage: [],
    flushes: 0,
    adapted: 0,
    reverted: 0,
    redirected: 0,
    sizeBytes: 2 << 20,
    translatorCyclesPerInstruction: translatorCycles / 12,
  });
  const { prices } = findProfile('pentium4-672');
  // Two jumps and a slot of the table were written.
  const expected =
    12 * prices['translate.instruction'].value +
    3 * prices['translate.chain'].value +
    5 * prices['translate.lookup'].value;
  t.equal(translatorCycles, expected);
  t.ok(usedBytes > 0);
  t.same(vmm.host.ledger.snapshot(), before, 'looking costs nothing');
});

t.test('jumps of user code are no lookups', async (t) => {
  const user = program(`
start:  mov esp, STACK_TOP
        load_tables
        mov dword [0x7f000], leaf
        enter_user user, 0x80000
leaf:   ret
user:   mov ecx, 500
.again: push dword .back
        jmp [0x7f000]
.back:  loop .again
        int 0x80
system: exit 0
        align 8
idt:    no_gates 0x80
        gate system, GATE_INT3
idtr:   dw idtr - idt - 1
        dd idt
        flat_gdt
        kernel_tss STACK_TOP
`);
  const vmm = translated(user);
  ending(vmm);
  t.match(vmm.statistics, { targetLookups: 0, targetHits: 0, targetMisses: 0 });
});

t.test('dropped translations by page, across flushes', async (t) => {
  const guest = program(LOOP('mov byte [leaf], 0xc3\n call leaf'));
  const page = guest.symbols.leaf >>> 12;
  const vmm = translated(guest, { cacheBytes: 8192 });
  ending(vmm);
  const { flushes, invalidated, invalidatedByPage, fragments } = vmm.statistics;
  t.ok(flushes > 0 && invalidated > 0 && fragments > invalidated);
  t.same(invalidatedByPage, [{ page, fragments: invalidated }]);
});

t.test('user code is not translated', async (t) => {
  const guest = program(`
start:  mov esp, STACK_TOP
        load_tables
        enter_user user, 0x80000
user:   mov ecx, 1000
.again: loop .again
        int 0x80
system: exit 0
        align 8
idt:    no_gates 0x80
        gate system, GATE_INT3
idtr:   dw idtr - idt - 1
        dd idt
        flat_gdt
        kernel_tss STACK_TOP
`);
  const vmm = translated(guest);
  t.same(ending(vmm), ending(native(guest)));
  t.same(vmm.translations.at(guest.symbols.user), []);
  t.equal(vmm.translations.at(guest.symbols.system).length, 1);
});

t.test('two runs take the same time', async (t) => {
  const guest = program(LOOP('call leaf\n in al, 0x80'));
  t.equal(cyclesOf(translated(guest)), cyclesOf(translated(guest)));
});

t.test('an endless guest ends with its budget', async (t) => {
  const vmm = translated(program('start: jmp start'));
  t.same(vmm.run({ instructions: 1000 }), { kind: 'budget', budget: 'instructions' });
  t.same(vmm.run({ cycles: 1000 }), { kind: 'budget', budget: 'cycles' });
  vmm.host.stopRequested = true;
  t.same(vmm.run({ instructions: 1000 }), { kind: 'requested' });
});

t.test('guest memory written from outside between runs', async (t) => {
  const guest = program('start: inc eax\n inc eax\n jmp start');
  const vmm = translated(guest);
  vmm.run({ instructions: 100 });
  vmm.guest.memory.write8(guest.symbols.start, 0x43); // inc ebx
  vmm.guest.memory.write8(guest.symbols.start + 1, 0x43);
  const before = vmm.guest.cpu.gpr(0);
  vmm.run({ instructions: 100 });
  t.ok(vmm.guest.cpu.gpr(0) - before <= 2, 'the old code is gone');
  t.ok(vmm.guest.cpu.gpr(3) > 50, 'the new code runs');
});
