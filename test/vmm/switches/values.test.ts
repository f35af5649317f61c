import t from 'tap';
import { runImage } from '../../../emulator/index.js';
import type { Technique } from '../../../emulator/index.js';
import {
  changedSwitches,
  checkSwitches,
  describeValues,
  parseSwitch,
  withDefaults,
} from '../../../emulator/vmm/switch-values.js';
import { SWITCHES } from '../../../emulator/vmm/switches.js';
import type { SwitchName, SwitchRow } from '../../../emulator/vmm/switches.js';
import { techniques } from '../../../emulator/vmm/catalog.js';

const ROWS: [name: string, row: SwitchRow][] = Object.entries(SWITCHES);
/** mov eax, 1; hlt */
const IMAGE = Uint8Array.of(0xb8, 1, 0, 0, 0, 0xf4);

t.test('every row is sound: its default is one of its values, its techniques exist', async (t) => {
  for (const [name, row] of ROWS) {
    const [technique] = row.techniques;
    t.doesNotThrow(() => checkSwitches(technique, { [name]: row.default }), name);
    t.same(parseSwitch(`${name}=${String(row.default)}`), [name, row.default]);
    for (const each of row.techniques)
      t.ok(
        techniques.some((known) => known.name === each),
        `${name}: ${each}`,
      );
    t.match(describeValues(row), /./);
    t.match(row.description, /^[^A-Z].*[^.]$/, `${name}: one line, no sentence`);
  }
});

t.test('settings as text', async (t) => {
  const rows: [text: string, expected: [SwitchName, unknown] | RegExp][] = [
    ['cacheBytes=8192', ['cacheBytes', 8192]],
    ['cacheBytes=64K', ['cacheBytes', 65536]],
    ['cacheBytes=1m', ['cacheBytes', 1 << 20]],
    ['cacheBytes=', /cacheBytes=: expected a multiple of 4096 from 8192 to \d+ \(bytes\)/],
    ['cacheBytes=9000', /expected a multiple of 4096/],
    ['cacheBytes=4096', /from 8192/],
    ['cacheBytes=4M', /to 4063232/],
    ['cacheBytes=1e5', /expected a multiple/],
    ['cacheBytes', /'cacheBytes': expected NAME=VALUE, such as kernelRing=ring1/],
    ['=1', /no switch is called ''; there are: .*cacheBytes/],
    ['toString=1', /no switch is called 'toString'/],
  ];
  for (const [text, expected] of rows) {
    if (expected instanceof RegExp)
      t.throws(() => parseSwitch(text), { name: 'RangeError', message: expected }, text);
    else t.same(parseSwitch(text), expected, text);
  }
});

t.test('what a run refuses', async (t) => {
  const rows: [technique: Technique, switches: Readonly<Record<string, unknown>>, message: RegExp][] = [
    ['native', { cacheBytes: 65536 }, /'native' has no switch 'cacheBytes', which is for .*; it has none/],
    ['binary-translation', { cacheByte: 1 }, /no switch is called 'cacheByte'; there are: /],
    ['binary-translation', { cacheBytes: '64K' }, /cacheBytes = 64K: expected a multiple/],
    ['binary-translation', { cacheBytes: 8192.5 }, /expected a multiple/],
    ['binary-translation', { cacheBytes: NaN }, /cacheBytes = NaN/],
  ];
  for (const [technique, switches, message] of rows)
    t.throws(() => runImage(IMAGE, { technique, switches }), { name: 'RangeError', message });
});

t.test('a switch is part of what a run is, its default is not', async (t) => {
  const hash = (switches: object) => runImage(IMAGE, { technique: 'binary-translation', switches }).hash;
  t.equal(hash({ cacheBytes: SWITCHES.cacheBytes.default }), hash({}));
  t.not(hash({ cacheBytes: 8192 }), hash({}));
  t.same(changedSwitches(withDefaults({ cacheBytes: 8192 })), { cacheBytes: 8192 });
});
