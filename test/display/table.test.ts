import t from 'tap';
import { escapeHtml } from '../../kernel/display/bundle.js';
import type { MimeBundle } from '../../kernel/display/bundle.js';
import { sideBySide } from '../../kernel/display/code.js';
import { formatNumber, roundNumber } from '../../kernel/display/numbers.js';
import type { NumberFormat } from '../../kernel/display/numbers.js';
import { table } from '../../kernel/display/table.js';
import { matchesGolden } from '../golden.js';

const runs = table({
  caption: 'one guest, two techniques',
  columns: [
    { key: 'technique', label: 'technique' },
    { key: 'cycles', label: 'cycles', format: 'integer' },
    { key: 'ratio', label: '× native', format: 'times' },
    { key: 'reason', label: 'top reason' },
    { key: 'at', label: 'at', code: true },
  ],
  rows: [
    { technique: 'native', cycles: 101_234, ratio: 1, reason: null, at: '  cli' },
    { technique: 'svm-shadow', cycles: 1_712_345.4, ratio: 16.914, reason: 'IOIO_IN', at: 'in  al, 80h' },
  ],
});
const listing = sideBySide({
  caption: 'port_loop',
  leftTitle: 'guest',
  rightTitle: 'translated',
  rows: [
    { left: 'mov ecx, 1000\ncli', right: 'mov ecx, 1000\nand dword gs:[8], ~200h', note: 'cli in the cache' },
    { left: 'in al, 80h', right: 'call callout' },
  ],
});

const marked = table({
  columns: [
    { key: 'name', label: 'register' },
    { key: 'value', label: 'value', format: 'integer' },
    { key: 'entry', label: 'entry', code: true },
  ],
  rows: [
    { name: 'eax', value: { value: 1234, mark: 'changed' }, entry: '0x1000\nP W' },
    { name: 'ebx', value: 5, entry: { value: '0x2000\nP', mark: 'stale' } },
  ],
});

t.test('marks are symbols and weight, beside a colour, on the side that is not aligned', async (t) => {
  matchesGolden(t, 'display/marked.txt', `${marked['text/plain']}\n`);
  matchesGolden(t, 'display/marked.html', `${String(marked['text/html'])}\n`);
});

t.test('a table and a listing read as text', async (t) => {
  matchesGolden(t, 'display/table.txt', `${runs['text/plain']}\n\n${listing['text/plain']}\n`);
});

t.test('a table and a listing as HTML', async (t) => {
  matchesGolden(t, 'display/table.html', `${runs['text/html']}\n${listing['text/html']}\n`);
});

const columns = [{ key: 'n', label: 'number' }];
const many = (count: number) => Array.from({ length: count }, (_, n) => ({ n }));
const sizes: [what: string, bundle: MimeBundle, text: RegExp, rows: number][] = [
  ['no rows', table({ caption: 'exits', columns, rows: [] }), /^exits\n\nnumber\n─+\n\(none\)$/, 1],
  ['no columns', table({ caption: 'paging is off', columns: [], rows: [] }), /^paging is off$/, 0],
  ['nothing at all', table({ columns: [], rows: [] }), /^\(an empty table\)$/, 0],
  ['as many rows as are shown', table({ columns, rows: many(500) }), /\n +499$/, 500],
  ['too many rows', table({ columns, rows: many(3000) }), /\n +499\n… and 2,500 more rows$/, 501],
  [
    'a listing of too many rows',
    sideBySide({
      ...{ leftTitle: 'guest', rightTitle: 'cache', moreBy: 'at(address)' },
      rows: many(1500).map(({ n }) => ({ left: String(n), right: '' })),
    }),
    /\n399 +│\n… and 1,100 more rows: at\(address\)$/,
    401,
  ],
];
for (const [what, bundle, text, rows] of sizes)
  t.test(`a table of ${what} says so, and no more than can be read`, async (t) => {
    t.match(bundle['text/plain'], text);
    const html = String(bundle['text/html']);
    t.equal(html.split('<tbody>').at(1)?.match(/<tr /g)?.length ?? 0, rows);
    t.equal(html.startsWith('<table'), rows > 0, 'a caption alone is text');
    t.match(html, escapeHtml(bundle['text/plain'].split('\n').at(-1)!.trim()));
  });

t.test('addresses stand in a face in which all digits have one width', async (t) => {
  const { 'text/html': html } = table({
    columns: [{ key: 'at', label: 'address', format: 'hex' }],
    rows: [{ at: 0x10f }],
  });
  t.match(html, /<td style="text-align:right;[^"]*monospace[^"]*">0x0000010f</);
});

t.test('what a guest wrote can neither add markup nor steer a terminal', async (t) => {
  const hostile = `<img src=x onerror=alert(1)>"'&\x1b[2J\x1b]0;title\x07\x9b31m`;
  const bundles = [
    table({ caption: hostile, columns: [{ key: hostile, label: hostile }], rows: [{ [hostile]: hostile }] }),
    sideBySide({
      leftTitle: hostile,
      rightTitle: hostile,
      rows: [{ left: hostile, right: hostile, note: hostile }],
    }),
  ];
  for (const bundle of bundles) {
    t.notMatch(bundle['text/html'], /<img|[\x1b\x07\x9b]/);
    t.match(bundle['text/html'], '&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;');
    t.notMatch(bundle['text/plain'], /[\x1b\x07\x9b]/);
  }
});

const numbers: [value: number, format: NumberFormat, text: string][] = [
  [1234567.891, 'integer', '1,234,568'],
  [1234.567, 'decimal', '1,234.57'],
  [-0.001, 'decimal', '-0.001'],
  [0.000_123_456, 'decimal', '0.000123'],
  [-1e-12, 'decimal', '0'],
  [0.005, 'compact', '0.005'],
  [0.1234, 'percent', '12.3%'],
  [1, 'percent', '100.0%'],
  [0.0001, 'percent', '<0.1%'],
  [0, 'percent', '0.0%'],
  [3.14159, 'times', '3.14×'],
  [1, 'times', '1.00×'],
  [1234.5, 'times', '1,235×'],
  [0xc0000000, 'hex', '0xc0000000'],
  [-1, 'hex', '0xffffffff'],
  [9999, 'compact', '9,999'],
  [12_345, 'compact', '12.3k'],
  [5_000_000, 'compact', '5M'],
  [NaN, 'decimal', '–'],
];
for (const [value, format, text] of numbers)
  t.test(`${value} as ${format} is ${text}`, async (t) => void t.equal(formatNumber(value, format), text));

t.test('stored numbers do not show the last bits of a sum', async (t) => {
  t.equal(roundNumber(0.1 + 0.2), 0.3);
  t.equal(roundNumber(Infinity), null);
  t.equal(roundNumber(123456789012), 123456789012);
});
