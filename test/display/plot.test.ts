import t from 'tap';
import { flame, lanes, lines, stackedBars } from '../../kernel/display/plot.js';
import { spread } from '../../kernel/display/plot/labels.js';
import { look } from '../../kernel/display/plot/palette.js';
import type { FlameBox } from '../../kernel/display/plot.js';
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
const timeline = {
  title: 'Who has the processor',
  xLabel: 'cycles',
  from: 7_100_000,
  to: 7_100_900,
  lanes: [
    {
      name: 'guest',
      spans: [
        { from: 7_100_000, to: 7_100_100, what: 'guest' },
        { from: 7_100_400, to: 7_100_410, what: 'guest' },
      ],
    },
    { name: 'VMM', spans: [{ from: 7_100_100, to: 7_100_400, what: 'PAGE_FAULT_HIDDEN' }] },
    { name: 'translator', spans: [{ from: 7_100_410, to: 7_100_900, what: '0x101077: 8 instructions' }] },
  ],
};
/** More spans than can be told apart: every second cycle is the guest's. */
const dense = {
  ...timeline,
  from: 0,
  to: 1000,
  lanes: [
    {
      name: 'guest',
      spans: Array.from({ length: 500 }, (_, at) => ({ from: 2 * at, to: 2 * at + 1, what: '' })),
    },
    { name: 'VMM', spans: [] },
  ],
};
const box = (name: string, value: number, ...children: FlameBox[]): FlameBox => ({ name, value, children });
const tree = {
  title: 'Cycles of exits',
  unit: 'cycles',
  levels: ['all', 'symbol', 'reason'],
  root: box(
    'exits',
    1000,
    box('write_pages.page', 700, box('PAGE_FAULT_TRUE', 400), box('PAGE_FAULT_HIDDEN', 300)),
    box('timer_init', 290, box('IOIO_OUT', 290)),
    box('rare', 4, box('CPUID', 4)),
  ),
};
const figures = {
  bars: stackedBars(exits),
  lines: lines(whatIf),
  lanes: lanes(timeline),
  dense: lanes(dense),
  flame: flame(tree),
};

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
  const bundles = [
    stackedBars({
      title: hostile,
      xLabel: hostile,
      yLabel: hostile,
      categories: [hostile],
      series: [{ name: hostile, values: [1] }],
    }),
    lanes({
      title: hostile,
      xLabel: hostile,
      from: 0,
      to: 1,
      lanes: [{ name: hostile, spans: [{ from: 0, to: 1, what: hostile }] }],
    }),
    flame({ title: hostile, unit: hostile, levels: [hostile], root: box(hostile, 1) }),
  ];
  for (const bundle of bundles) {
    t.notMatch(svgOf(bundle), /<script/);
    t.notMatch(JSON.stringify(bundle['application/vnd.plotly.v1+json']), /<script/);
    t.notMatch(bundle['text/html'], /<script/);
  }
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
  ['a timeline of nothing', () => lanes({ ...timeline, to: timeline.from }), /between 7100000 and 7100000/],
  [
    'boxes wider than what they stand on',
    () => flame({ ...tree, root: box('a', 1, box('b', 2)) }),
    /2 stand on 'a', which has 1/,
  ],
  [
    'boxes above the levels',
    () => flame({ ...tree, levels: ['a'], root: box('a', 1, box('b', 1)) }),
    /'b' stands above the 1 levels/,
  ],
  ['x without y', () => lines({ ...whatIf, series: [{ name: 'a', x: [1], y: [] }] }), /'a' has 1 x for 0 y/],
];
for (const [what, make, message] of wrong)
  t.test(`${what} is refused`, async (t) => void t.throws(make, { name: 'RangeError', message }));

t.test('figures of one page have ids of their own', async (t) => {
  const ids = Object.values(figures).flatMap((bundle) =>
    [...svgOf(bundle).matchAll(/ id="([^"]*)"/g)].map(([, id]) => id),
  );
  t.ok(ids.length > 0 && ids.every((id) => id.startsWith('rs-')));
  t.equal(new Set(ids).size, ids.length);
});

t.test('Plotly places the sums of categories that look like numbers', async (t) => {
  const numeric = stackedBars({
    ...exits,
    categories: ['20', '500', 'more'],
  })['application/vnd.plotly.v1+json'] as { layout: { annotations: { x: unknown }[] } };
  t.same(
    numeric.layout.annotations.map(({ x }) => x),
    [0, 1, 'more'],
  );
});

t.test('empty figures and values with no place on a logarithmic axis still draw', async (t) => {
  const empty = [
    stackedBars({ ...exits, series: [] }),
    stackedBars({ ...exits, categories: [], series: [] }),
    lines({ ...whatIf, series: [] }),
    lines({ ...whatIf, series: [{ name: 'zero', x: [0, 1], y: [0, 0] }] }),
    lanes({ ...timeline, lanes: [{ name: 'none', spans: [] }] }),
    flame({ ...tree, root: box('none', 0, box('nothing', 0)) }),
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
