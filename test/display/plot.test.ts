import t from 'tap';
import { lines, stackedBars } from '../../kernel/display/plot.js';
import { spread } from '../../kernel/display/plot/labels.js';
import { look } from '../../kernel/display/plot/palette.js';
import { matchesGolden } from '../golden.js';

const exits = {
  title: 'Exits by reason',
  xLabel: 'technique',
  yLabel: 'exits',
  categories: ['native', 'binary-translation', 'svm-shadow'],
  series: [
    { name: 'IOIO_IN', values: [0, 0, 1000] },
    { name: 'PAGE_FAULT_TRACE', values: [0, 120, 380] },
    { name: 'CR3_WRITE', values: [0, 301, 300] },
  ],
};
const whatIf = {
  title: 'What if an exit cost less?',
  xLabel: 'cycles of a world switch',
  yLabel: 'cycles',
  xLog: true,
  yLog: true,
  series: [
    { name: 'binary-translation', x: [200, 1000, 4000], y: [210_000, 210_000, 210_000] },
    { name: 'svm-shadow', x: [200, 1000, 4000], y: [180_000, 400_000, 1_700_000] },
  ],
};
const figures = { bars: stackedBars(exits), lines: lines(whatIf) };

function svgOf(bundle: object): string {
  const html = String(Reflect.get(bundle, 'text/html'));
  return Buffer.from(/base64,([^"]+)"/.exec(html)?.[1] ?? '', 'base64').toString('utf8');
}

for (const [name, bundle] of Object.entries(figures))
  t.test(`${name}: every representation is as reviewed`, async (t) => {
    matchesGolden(t, `display/${name}.txt`, `${bundle['text/plain']}\n`);
    matchesGolden(t, `display/${name}.svg`, `${svgOf(bundle).replaceAll('><', '>\n<')}\n`);
    matchesGolden(
      t,
      `display/${name}.json`,
      `${JSON.stringify(bundle['application/vnd.plotly.v1+json'], null, 1)}\n`,
    );
  });

t.test('a figure has no scripts, and the payload for Plotly is an object', async (t) => {
  for (const bundle of Object.values(figures)) {
    t.notMatch(svgOf(bundle), /<script|foreignObject|\son\w+=/);
    t.type(bundle['application/vnd.plotly.v1+json'], Object);
  }
});

t.test('labels are text, whatever they hold', async (t) => {
  const hostile = '</text><script>alert(1)</script>&"';
  const bundle = stackedBars({
    title: hostile,
    xLabel: hostile,
    yLabel: hostile,
    categories: [hostile],
    series: [{ name: hostile, values: [1] }],
  });
  t.notMatch(svgOf(bundle), /<script/);
  t.notMatch(JSON.stringify(bundle['application/vnd.plotly.v1+json']), /<script/);
  t.notMatch(bundle['text/html'], /<script/);
});

const wrong: [what: string, make: () => unknown, message: RegExp][] = [
  [
    'a value missing',
    () => stackedBars({ ...exits, series: [{ name: 'a', values: [1] }] }),
    /'a' has 1 values for 3/,
  ],
  [
    'a negative value',
    () => stackedBars({ ...exits, series: [{ name: 'a', values: [1, -1, 0] }] }),
    /holds -1/,
  ],
  [
    'a value that is no number',
    () => stackedBars({ ...exits, series: [{ name: 'a', values: [1, NaN, 0] }] }),
    /holds NaN/,
  ],
  ['x without y', () => lines({ ...whatIf, series: [{ name: 'a', x: [1], y: [] }] }), /'a' has 1 x for 0 y/],
];
for (const [what, make, message] of wrong)
  t.test(`${what} is refused`, async (t) => void t.throws(make, { name: 'RangeError', message }));

t.test('empty figures and values with no place on a logarithmic axis still draw', async (t) => {
  const empty = [
    stackedBars({ ...exits, series: [] }),
    stackedBars({ ...exits, categories: [], series: [] }),
    lines({ ...whatIf, series: [] }),
    lines({ ...whatIf, series: [{ name: 'zero', x: [0, 1], y: [0, 0] }] }),
    lines({ ...whatIf, xLog: false, yLog: false, series: [{ name: 'flat', x: [1], y: [0] }] }),
  ];
  for (const bundle of empty) t.notMatch(svgOf(bundle) + JSON.stringify(bundle), /NaN|Infinity/);
});

t.test('sixteen series look different in more than colour', async (t) => {
  const looks = Array.from({ length: 16 }, (_, index) => look(index));
  for (const channels of [
    ['hatch', 'colour'],
    ['marker', 'dash', 'colour'],
  ] as const)
    t.equal(new Set(looks.map((one) => channels.map((key) => Reflect.get(one, key)).join())).size, 16);
  t.equal(new Set(looks.slice(0, 8).map(({ hatch }) => hatch)).size, 8, 'eight hatches without colour');
  t.equal(new Set(looks.slice(0, 8).map(({ marker }) => marker)).size, 8, 'eight markers without colour');
});

// WCAG 2.2, "relative luminance" and "contrast ratio".
function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const value = parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
for (let index = 0; index < 8; index++) {
  const { colour } = look(index);
  t.test(`${colour} stands out on a light and on a dark page`, async (t) => {
    for (const ground of ['#ffffff', '#14181d']) {
      const [low, high] = [luminance(colour), luminance(ground)].sort((a, b) => a - b);
      t.ok((high + 0.05) / (low + 0.05) >= 3, `on ${ground}: ${((high + 0.05) / (low + 0.05)).toFixed(2)}`);
    }
  });
}

const spreads: [wanted: number[], expected: number[]][] = [
  [
    [10, 50],
    [10, 50],
  ],
  [
    [10, 12],
    [10, 20],
  ],
  [
    [12, 10],
    [20, 10],
  ],
  [
    [99, 98],
    [100, 90],
  ],
  [
    [100, 100, 100],
    [80, 90, 100],
  ],
];
for (const [wanted, expected] of spreads)
  t.test(
    `labels at ${wanted} go to ${expected}`,
    async (t) => void t.same(spread(wanted, 10, 0, 100), expected),
  );
