import t from 'tap';
import type { BinaryTranslationVmm } from '../../../emulator/vmm/software/binary-translation.js';
import type { Switches } from '../../../emulator/vmm/switches.js';
import { ending, native, program, translated } from '../software/bench.js';
import { PAGING, tables } from '../software/guests.js';

/** Kernel and user code with all that the switches are about. */
const GUEST = program(`
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        mov ebp, 40
.again: call leaf
        cli
        pushf
        rdtsc
        mov eax, cr0
        xor edx, edx
        popf
        mov dword [0x201c00], 0x300000 | PTE_P | PTE_W
        add ebx, eax
        inc esi
        dec ebp
        jnz .again
        times 1500 add edx, 0x1234567
        call leaf
        xor eax, eax
        enter_user user, 0x80000
leaf:   inc edi
        ret
user:   mov ecx, 200
.loop:  add eax, ecx
        loop .loop
        int 0x80
system: mov dword [STACK_TOP - 12], 0
        exit 0
${tables({ 0x80: 'system' })}
`);

const EXPECTED = ending(native(GUEST));

function run(switches: Partial<Switches>): BinaryTranslationVmm {
  const vmm = translated(GUEST, switches);
  t.same(ending(vmm), EXPECTED, JSON.stringify(switches));
  return vmm;
}

const cycles = ({ host }: BinaryTranslationVmm) => host.ledger.cyclesExact;
const exits = (reason: string) => (vmm: BinaryTranslationVmm) =>
  [...vmm.exits].find(([name]) => name === reason)?.[1].count ?? 0;

t.test('each switch changes what it should, and nothing that the guest sees', async (t) => {
  type Measure = (vmm: BinaryTranslationVmm) => number;
  const rows: [switches: Partial<Switches>, what: string, measure: Measure, direction: 'more' | 'fewer'][] = [
    [{ chaining: false }, 'cycles', cycles, 'more'],
    [{ chaining: false }, 'lookups', (vmm) => vmm.statistics.lookups, 'more'],
    [{ chaining: false }, 'chained jumps', (vmm) => vmm.statistics.chains, 'fewer'],
    [{ chaining: false }, 'elided jumps', (vmm) => vmm.statistics.elided, 'fewer'],
    [{ returnCache: false }, 'cycles', cycles, 'more'],
    [{ returnCache: false }, 'misses', (vmm) => vmm.statistics.targetMisses, 'more'],
    [{ inCacheEmulation: false }, 'cycles', cycles, 'more'],
    [{ inCacheEmulation: false }, 'callouts for pushf', exits('PUSHF'), 'more'],
    [{ inCacheEmulation: false }, 'callouts for rdtsc', exits('RDTSC'), 'more'],
    [{ rdtsc: 'callout' }, 'cycles', cycles, 'more'],
    [{ rdtsc: 'trap' }, 'cycles', cycles, 'more'],
    [{ adaptive: false }, 'cycles', cycles, 'more'],
    [{ adaptive: false }, 'traps', exits('PAGE_FAULT_TRACE'), 'more'],
    [{ adaptive: false }, 'adapted', (vmm) => vmm.statistics.adapted, 'fewer'],
    [{ directExecution: false }, 'cycles', cycles, 'more'],
    [{ directExecution: false }, 'translated', (vmm) => vmm.statistics.instructions, 'more'],
    [{ unitLimit: 1 }, 'fragments', (vmm) => vmm.statistics.fragments, 'more'],
    [{ unitLimit: 24 }, 'fragments', (vmm) => vmm.statistics.fragments, 'fewer'],
    [{ cacheBytes: 8192 }, 'flushes', (vmm) => vmm.statistics.flushes, 'more'],
    [{ cacheBytes: 8192 }, 'translated', (vmm) => vmm.statistics.instructions, 'more'],
  ];
  const before = run({});
  for (const [switches, what, measure, direction] of rows) {
    const [now, then] = [measure(run(switches)), measure(before)];
    t.ok(
      direction === 'more' ? now > then : now < then,
      `${JSON.stringify(switches)}: ${what} ${then} -> ${now}`,
    );
  }
});

/** Reads or writes all of the page that the monitor keeps its data in, which the guest believes to be its own. */
const hostile = (access: string) =>
  program(`
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        mov dword [0x200000 + 1023 * 4], 0x203000 | PTE_P | PTE_W
        mov dword [0x203000], 0x210000 | PTE_P | PTE_W
        mov edi, 0xffc00000
        mov ecx, 1024
        xor eax, eax
.again: ${access}
        add edi, 4
        dec ecx
        jnz .again
        exit 0
${tables({})}
`);

t.test('without truncation a hostile kernel reads its monitor', async (t) => {
  const guest = hostile('or eax, [edi]');
  const seen = (truncation: boolean) => {
    const vmm = translated(guest, { truncation });
    t.equal(vmm.run({ instructions: 100_000 }).kind, 'exit');
    return vmm;
  };
  t.equal(ending(native(guest)).state.gprs.eax, 0, 'the page is empty');
  const guarded = seen(true);
  t.equal(guarded.guest.cpu.gpr(0), 0, 'with truncation it is the guest’s page');
  t.ok(
    exits('SIMULATE')(guarded) > 1000,
    'at the price of an emulated access each, without a trap once that is learnt',
  );
  const open = seen(false);
  t.not(open.guest.cpu.gpr(0), 0, 'without, it is the monitor’s');
  t.equal(exits('SIMULATE')(open), 0, 'and costs nothing');
});

t.test('without truncation a hostile kernel that writes there ends, and nothing else does', async (t) => {
  const rows = [
    'mov dword [edi], 0x100',
    'mov dword [edi], -1',
    'mov [edi], edi',
    'mov byte [edi + 1], 0xff',
  ];
  for (const access of rows) {
    const guest = hostile(access);
    t.same(ending(translated(guest)), ending(native(guest)), `${access}: with truncation`);
    const stop = translated(guest, { truncation: false }).run({ instructions: 100_000 });
    t.match(stop.kind, /^(exit|halted|tripleFault|budget)$/, `${access}: without`);
    if (stop.kind === 'halted') t.match(stop.because, /the guest has overwritten its monitor/);
  }
});

t.test('rdtsc: in the cache, by callout, by trap', async (t) => {
  const [inCache, callout, trap] = (['in-cache', 'callout', 'trap'] as const).map((rdtsc) =>
    cycles(run({ rdtsc })),
  );
  t.ok(inCache < callout && callout < trap, `${inCache} < ${callout} < ${trap}`);
});

t.test('without coherence code that changes itself runs stale, as under a naive translator', async (t) => {
  const guest = program(`
start:  mov esp, STACK_TOP
        mov ecx, 5
        xor ebx, ebx
.again: inc byte [.add + 2]
.add:   add ebx, 10
        dec ecx
        jnz .again
        exit 0
`);
  const sum = (coherence: boolean) => {
    const vmm = translated(guest, { coherence });
    vmm.run({ instructions: 10_000 });
    return vmm.guest.cpu.gpr(3);
  };
  t.equal(sum(true), 11 + 12 + 13 + 14 + 15);
  // Translated from `start` while the immediate is 10, and from `.again` once it is 11.
  t.equal(sum(false), 10 + 4 * 11);
});
