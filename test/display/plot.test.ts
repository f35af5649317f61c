import t from 'tap';
import { flame, lanes, lines, stackedBars } from '../../kernel/display/plot.js';
import { spread, titleLines, withoutOverlap } from '../../kernel/display/plot/labels.js';
import { inkOn, look } from '../../kernel/display/plot/palette.js';
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

t.test('a figure without values says so', async (t) => {
  for (const bundle of [
    stackedBars({ ...exits, series: [] }),
    stackedBars({ ...exits, categories: [], series: [] }),
    lines({ ...whatIf, series: [] }),
    flame({ ...tree, root: box('none', 0) }),
  ]) {
    t.match(svgOf(bundle), />nothing to show</);
    t.match(JSON.stringify(bundle['application/vnd.plotly.v1+json']), /"nothing to show"/);
  }
  t.match(stackedBars({ ...exits, series: [] })['text/plain'], /\nnothing to show$/);
  t.match(lines({ ...whatIf, series: [] })['text/plain'], /\nnothing to show$/);
});

interface Plotly {
  data: { insidetextfont: { color: string[] }; marker: { color: string[] } }[];
  layout: { height: number; title: { text: string }; annotations: { text: string }[] };
}
const plotlyOf = (bundle: object) => Reflect.get(bundle, 'application/vnd.plotly.v1+json') as Plotly;
const numbered = (count: number, name: string) => Array.from({ length: count }, (_, at) => `${name} ${at}`);
const crowded = stackedBars({
  ...exits,
  categories: numbered(40, 'a rather long name'),
  series: numbered(30, 'reason').map((name) => ({ name, values: numbered(40, '').map(Number) })),
});

t.test('categories of one name are bars of their own', async (t) => {
  const bundle = stackedBars({ ...exits, categories: ['web', 'web', 'web'] });
  const { data, layout } = bundle['application/vnd.plotly.v1+json'] as {
    data: { x: string[] }[];
    layout: { annotations: { x: string }[] };
  };
  t.same(data[0].x, ['web', 'web\u200b', 'web\u200b\u200b']);
  t.same(
    layout.annotations.map(({ x }) => x),
    data[0].x,
  );
  t.equal(svgOf(bundle).match(/>web</g)?.length, 3);
});

t.test('many categories and series are still told apart', async (t) => {
  const svg = svgOf(crowded);
  const [, width, height] = /viewBox="0 0 (\d+) ([\d.]+)"/.exec(svg)!.map(Number);
  const legend = [...svg.matchAll(/<text class="ink" x="[\d.]+" y="([\d.]+)">reason/g)].map(([, y]) =>
    Number(y),
  );
  t.equal(legend.length, 30);
  for (const [at, y] of legend.slice(1).entries())
    t.ok(y - legend[at] >= 16, 'a line of the legend has its height');
  t.ok(Math.max(...legend) < height);
  const names = [...svg.matchAll(/translate\(([\d.]+),[\d.]+\) rotate\(40\)/g)].map(([, x]) => Number(x));
  t.ok(names.length >= 10 && names.length < 40, 'some names');
  for (const [at, x] of names.slice(1).entries()) t.ok(x - names[at] >= 20, 'beside each other');
  t.ok(Math.max(...names) + 60 < width);
  const sums = [...svg.matchAll(/<text class="ink halo" x="([\d.]+)" y="([\d.]+)"/g)];
  t.ok(sums.length > 5 && sums.length < 40);
  const plotly = plotlyOf(crowded).layout;
  t.ok(plotly.height >= 130 + 30 * 19, 'room for the legend');
  t.ok(plotly.annotations.length < 40, 'sums that do not overlap');
  t.equal(plotlyOf(figures.bars).layout.annotations.length, 3);
});

t.test('names of lines stand in ink beside their marker', async (t) => {
  t.match(plotlyOf(figures.lines).layout.annotations[1], {
    text: /^<span style="color:#d55e00">■<\/span> svm-shadow$/,
    font: undefined,
  });
  const all = lines({ ...whatIf, series: numbered(30, 'line').map((name) => ({ name, x: [1], y: [1] })) });
  const places = [...svgOf(all).matchAll(/y="([\d.]+)">line /g)]
    .map(([, y]) => Number(y))
    .sort((a, b) => a - b);
  for (const [at, y] of places.slice(1).entries()) t.ok(y - places[at] >= 17, 'a line of text each');
});

t.test('names of lines stand at the right end, whichever way the points go', async (t) => {
  const series = whatIf.series.map(({ name, x, y }) => ({ name, x: x.toReversed(), y: y.toReversed() }));
  const [there, back] = [lines(whatIf), lines({ ...whatIf, series })];
  t.same(plotlyOf(back).layout.annotations, plotlyOf(there).layout.annotations);
  const names = (bundle: typeof there) => svgOf(bundle).match(/<text class="ink" [^>]*>[a-z-]+</g);
  t.same(names(back), names(there));
});

t.test('heights of lines are measured from zero in both kinds of plot', async (t) => {
  const flat = lines({ ...whatIf, yLog: false, series: [{ name: 'flat', x: [1, 2], y: [1000, 1010] }] });
  t.match(plotlyOf(flat).layout, { yaxis: { rangemode: 'tozero' } });
  t.match(svgOf(flat), />0<\/text>/);
});

t.test('small boxes of a flame graph are one, with what they have together', async (t) => {
  const small = numbered(100, 'rare').map((name) => box(name, 1, box('CPUID', 1)));
  const bundle = flame({ ...tree, root: box('exits', 1000, box('often', 900), ...small) });
  t.match(bundle['text/plain'], /\n  \(100 smaller\) +100 +10.0%$/);
  t.equal(svgOf(bundle).match(/<rect /g)?.length, 4, 'ground, root, the two on it');
});

t.test('names in a flame graph can be read on each colour', async (t) => {
  for (const { insidetextfont, marker } of plotlyOf(figures.flame).data)
    t.same(insidetextfont.color, marker.color.map(inkOn));
  for (let index = 0; index < 8; index++) {
    const [low, high] = [look(index).colour, inkOn(look(index).colour)].map(luminance).sort((a, b) => a - b);
    t.ok((high + 0.05) / (low + 0.05) >= 4.5, look(index).colour);
  }
});

const titles: [title: string, lines: string[]][] = [
  ['short', ['short']],
  [
    'Exits under svm-shadow by guest symbol (newest 65,536 events, 1,234,567 older ones dropped)',
    ['Exits under svm-shadow by guest symbol (newest 65,536 events,', '1,234,567 older ones dropped)'],
  ],
  ['x'.repeat(70), [`${'x'.repeat(61)}…`]],
  ['word '.repeat(40).trim(), ['word '.repeat(12).trim(), `${'word '.repeat(12)}…`]],
];
for (const [title, expected] of titles)
  t.test(`a title of ${title.length} characters takes ${expected.length} lines`, async (t) => {
    t.same(titleLines(title), expected);
    const bundle = stackedBars({ ...exits, title });
    t.equal(plotlyOf(bundle).layout.title.text, expected.join('<br>'));
    t.equal(svgOf(bundle).match(/font-size="16" font-weight="600"/g)?.length, expected.length);
  });

t.test('a label that would cover an earlier one is left out', async (t) => {
  const at = (x: number, y: number) => ({ x, y, width: 10, height: 10 });
  t.same(withoutOverlap([at(0, 0), at(5, 5), at(10, 0), at(12, 9), at(0, 10)]), [
    true,
    false,
    true,
    false,
    true,
  ]);
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
