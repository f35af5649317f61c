import t from 'tap';
import type { BinaryTranslationVmm } from '../../../emulator/vmm/software/binary-translation.js';
import { ending, native, program, translated } from './bench.js';
import type { Program } from './bench.js';
import { PAGING, tables } from './guests.js';

/** Stores to each of `places` in turn, `count` times, by one and the same instruction. */
const stores = (places: readonly string[], count: number): Program =>
  program(`
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        mov dword [0x200000 + 1019 * 4], 0xfec00000 | PTE_P | PTE_W | PTE_PS
        mov dword [0x200000 + 1023 * 4], 0x202000 | PTE_P | PTE_W
        mov dword [0x202000], 0x310000 | PTE_P | PTE_W
        mov eax, cr4
        or eax, CR4_PSE
        mov cr4, eax
        mov esi, places
.place: lodsd
        mov edi, eax
        mov ecx, ${count}
        mov eax, [edi]
        jmp .again
.again: mov [edi], eax
        dec ecx
        jnz .again
        cmp esi, places_end
        jne .place
        exit 0
        align 4
places: dd ${places.join(', ')}
places_end:
${tables({})}
`);

const TABLE = '0x201c00';
const OTHER_TABLE = '0x201c04';
const DEVICE = '0xfee00080'; // the local APIC's task priority
const ABOVE = '0xffc00000'; // what the guest has where the monitor lies
const MEMORY = '0x210000';

const count = (vmm: BinaryTranslationVmm, reason: string) =>
  [...vmm.exits].find(([name]) => name === reason)?.[1].count ?? 0;

function run(guest: Program): BinaryTranslationVmm {
  const vmm = translated(guest);
  t.same(ending(vmm), ending(native(guest)));
  return vmm;
}

t.test('what it learns', async (t) => {
  const rows: [
    name: string,
    places: readonly string[],
    times: number,
    expected: {
      trace?: number;
      emulate?: number;
      simulate: number;
      adapted: number;
      reverted: number;
      redirected: number;
    },
  ][] = [
    [
      'the first page table writes trap, later ones are callouts',
      [TABLE],
      100,
      { trace: 2, simulate: 98, adapted: 1, reverted: 0, redirected: 0 },
    ],
    [
      'a single trap proves nothing',
      [TABLE],
      1,
      { trace: 1, simulate: 0, adapted: 0, reverted: 0, redirected: 0 },
    ],
    [
      'another table is the same guilt',
      [TABLE, OTHER_TABLE],
      100,
      { trace: 2, simulate: 198, adapted: 1, reverted: 0, redirected: 0 },
    ],
    ['a device', [DEVICE], 100, { emulate: 2, simulate: 98, adapted: 1, reverted: 0, redirected: 0 }],
    [
      'the monitor’s own range',
      [ABOVE],
      100,
      { emulate: 2, simulate: 98, adapted: 1, reverted: 0, redirected: 0 },
    ],
    ['ordinary memory never', [MEMORY], 100, { simulate: 0, adapted: 0, reverted: 0, redirected: 0 }],
    [
      'innocent again after 64 harmless accesses',
      [TABLE, MEMORY],
      100,
      { trace: 2, simulate: 98 + 64, adapted: 1, reverted: 1, redirected: 0 },
    ],
    [
      'the second time patience is twice as long',
      [TABLE, MEMORY, TABLE, MEMORY],
      200,
      { trace: 4, simulate: 198 + 64 + 198 + 128, adapted: 2, reverted: 2, redirected: 0 },
    ],
    [
      'from page table to device, without a trap',
      [TABLE, DEVICE],
      100,
      { trace: 2, emulate: 0, simulate: 198, adapted: 1, reverted: 0, redirected: 1 },
    ],
  ];
  // Setting up traps too.
  const setUp = count(run(stores([MEMORY], 1)), 'PAGE_FAULT_TRACE');
  for (const [name, places, times, expected] of rows) {
    const vmm = run(stores(places, times));
    const { adapted, reverted, redirected } = vmm.statistics;
    const { trace = 0, emulate = 0, ...rest } = expected;
    // Reading the place before the loop is one access of its own.
    const emulated =
      count(vmm, 'EMULATE') - places.filter((place) => place === DEVICE || place === ABOVE).length;
    t.same(
      {
        trace: count(vmm, 'PAGE_FAULT_TRACE') - setUp,
        emulate: emulated,
        simulate: count(vmm, 'SIMULATE'),
        adapted,
        reverted,
        redirected,
      },
      { trace, emulate, ...rest },
      name,
    );
  }
});

t.test(
  'the old translation becomes a jump to the new one, and back, with no other byte changed',
  async (t) => {
    const guest = stores([TABLE, MEMORY, TABLE], 200);
    const loop = guest.symbols['start.again'];
    const versions = (vmm: BinaryTranslationVmm) => vmm.translations.list().filter(({ eip }) => eip === loop);
    const vmm = translated(guest);
    const seen: string[] = [];
    const callers = new Set<string>();
    const turns = () => vmm.statistics.adapted + vmm.statistics.reverted;
    for (let before = 0; before < 3;) {
      if (vmm.run({ instructions: 1 }).kind !== 'budget') break;
      if (turns() === before) continue;
      before = turns();
      const [first, second] = versions(vmm);
      seen.push(
        first.supersededBy === second.linear
          ? 'forward'
          : second.supersededBy === first.linear
            ? 'back'
            : '?',
      );
      const others = vmm.translations
        .list()
        .filter(({ eip, linear }) => eip !== loop && linear < first.linear);
      callers.add(JSON.stringify(others));
    }
    t.same(seen, ['forward', 'back', 'forward']);
    t.equal(callers.size, 1, 'those who lead there were not touched');
    t.equal(versions(vmm).length, 2, 'what was translated once serves again');
    t.equal(versions(vmm)[0].supersededBy, versions(vmm)[1].linear);
    t.equal(versions(vmm)[1].instructions[0].form, 'simulate');
    t.match(versions(vmm)[1].instructions[0].why, /kept trapping on a traced page/);
    const [{ translated: lines }] = versions(vmm)[0].instructions;
    t.match(lines[0], { text: /^jmp/, leadsTo: `ccf 0x${loop.toString(16)}` });
  },
);
