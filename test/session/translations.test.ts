import t from 'tap';
import { displaySymbol } from '../../kernel/session/display.js';
import { asm, machine } from '../../kernel/session/index.js';

const GUEST = asm`
        mov ecx, 50
again:  call leaf
        cli
        in al, 0x80
        dec ecx
        jnz again
        hlt
leaf:   xor eax, eax
        ret
`;

t.test('guest and translated code side by side, with the reason where they differ', async (t) => {
  const vm = machine({ technique: 'binary-translation' });
  await vm.run(GUEST);
  const text = String(vm.translations.at(GUEST.symbols.again));
  t.match(text, /call .*│.*push.*; pushes the guest’s return address/);
  const all = vm.translations[displaySymbol]()['text/plain'] as string;
  for (const why of ['IDENT', 'in the cache', 'privileged', 'its target is looked up when it runs'])
    t.ok(all.includes(why), why);
});

t.test('what translation has cost and saved', async (t) => {
  const vm = machine({ technique: 'binary-translation' });
  await vm.run(GUEST);
  const { values } = vm.translations.statistics;
  t.match(values, { targetMisses: 1, flushes: 0, invalidated: 0, adapted: 0 });
  t.ok(values.hits < values.lookups && values.chains + values.elided <= values.continuations);
  t.ok(
    values.translatorCycles / values.instructions > 2300,
    'the price of the translator, and what chaining adds',
  );
  t.ok(values.usedBytes > 100 && values.usedBytes < values.sizeBytes);
  const text = vm.translations.statistics[displaySymbol]()['text/plain'] as string;
  t.match(text, /hash misses +1 /);
  t.match(text, /instructions translated +\d+ +[\d.]+ translator cycles each/);
});

t.test('a technique that does not translate says so', async (t) => {
  const vm = machine({ technique: 'native' });
  await vm.run(GUEST);
  t.throws(() => vm.translations, { name: 'RangeError', message: /does not translate/ });
});
