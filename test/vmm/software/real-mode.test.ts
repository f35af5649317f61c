import t from 'tap';
import { techniques, usableTechniques } from '../../../emulator/vmm/catalog.js';
import { BinaryTranslationVmm } from '../../../emulator/vmm/software/binary-translation.js';
import type { Switches } from '../../../emulator/vmm/switches.js';
import { formatTranslation } from '../../../emulator/vmm/software/translations.js';
import { matchesGolden } from '../../golden.js';
import { accountSum, ending } from './bench.js';
import { boot, bootProgram } from './boot.js';
import { MODE_SWITCH_GUESTS } from './mode-switch-guests.js';
import { REAL_MODE_GUESTS } from './real-mode-guests.js';

const PLAIN: Partial<Switches> = {
  chaining: false,
  returnCache: false,
  inCacheEmulation: false,
  rdtsc: 'trap',
  adaptive: false,
  directExecution: false,
  unitLimit: 1,
};

for (const guest of [...REAL_MODE_GUESTS, ...MODE_SWITCH_GUESTS]) {
  t.test(guest.name, async (t) => {
    const program = bootProgram(guest);
    const expected = ending(boot(guest, program, 'native'));
    t.same(expected.stop, { kind: 'exit', code: 0 }, 'the guest ends');
    for (const { name: technique } of techniques) {
      if (!usableTechniques().includes(technique)) continue;
      // Where this kernel looks at its ring or its tables, trap-and-emulate is right only if that traps.
      const switches = technique === 'trap-and-emulate' ? { sensitiveTraps: true } : {};
      t.same(ending(boot(guest, program, technique, switches)), expected, technique);
    }
    const bt = (switches: Partial<Switches>) => boot(guest, program, 'binary-translation', switches);
    t.same(ending(bt({ cacheBytes: 8192 })), expected, 'the smallest cache');
    t.same(ending(bt(PLAIN)), expected, 'every mechanism switched off');
    const vmm = bt({});
    ending(vmm);
    for (const reason of guest.exits ?? [])
      t.ok([...vmm.exits.keys()].includes(reason as never), `there was a ${reason}`);
    t.ok(Math.abs(accountSum(vmm.host) - vmm.host.ledger.ticks / 1000) < 1e-6, 'accounts sum to the clock');
    const sliced = bt({});
    const few = vmm.host.cpu.instructions < 10_000;
    t.same(ending(sliced, few ? 1 : 97), expected, 'the same in slices');
    t.equal(sliced.host.ledger.ticks, vmm.host.ledger.ticks, 'slices cost nothing');
  });
}

t.test('real-mode code runs from the translation cache', async (t) => {
  const guest = REAL_MODE_GUESTS[0];
  const vmm = boot(guest, bootProgram(guest), 'binary-translation');
  if (!(vmm instanceof BinaryTranslationVmm)) throw new Error('not binary translation');
  vmm.run();
  t.equal(vmm.exits.has('EMULATE'), false, 'nothing is interpreted');
  const { instructions, misses } = vmm.statistics;
  t.ok(vmm.guest.cpu.instructions < 12, `${vmm.guest.cpu.instructions} emulated: segment loads and ports`);
  t.ok(vmm.host.cpu.instructions > 15 * 300, `${vmm.host.cpu.instructions} executed in the cache`);
  t.ok(instructions < 100 && misses < 20, `${instructions} translated, each once`);
});

t.test('a unit of real-mode code beside its translation', async (t) => {
  const guest = REAL_MODE_GUESTS[1];
  const program = bootProgram(guest);
  const vmm = boot(guest, program, 'binary-translation');
  if (!(vmm instanceof BinaryTranslationVmm)) throw new Error('not binary translation');
  vmm.run();
  const { near_one, takes_two, wide, table } = program.symbols;
  const units = vmm.translations
    .list()
    .filter(({ eip }) => eip === 0x7c00 || (eip >= near_one && eip < table));
  t.ok([near_one, takes_two, wide].every((eip) => units.some((unit) => unit.eip === eip)));
  matchesGolden(t, 'real-mode-translations.txt', units.map(formatTranslation).join('\n'));
});
