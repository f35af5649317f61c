import { inspect } from 'node:util';
import { display } from '../language/runner/api.js';
import type { DisplayHandle } from '../language/runner/api.js';
import { ALREADY_SHOWN } from '../language/runner/display-handle.js';
import { escapeHtml } from '../display/bundle.js';
import type { MimeBundle } from '../display/bundle.js';
import { bundleOf, htmlOf } from './bundles.js';
import { Box, Checkbox, Dropdown, Slider, Text } from './controls.js';
import type { StaticPicture, ValueWidget } from './widget.js';

/** Numbers from `min` to `max`. */
export class Range {
  constructor(
    readonly min: number,
    readonly max: number,
    readonly options: { readonly step?: number; readonly value?: number },
  ) {}
}

/** For {@link interact}: a slider from `min` to `max`, at `value` (the middle) in the beginning. */
export function range(
  min: number,
  max: number,
  options: { readonly step?: number; readonly value?: number } = {},
): Range {
  return new Range(min, max, options);
}

/** What a parameter can be given: a range, yes or no, a text, a list of choices, or a widget of one's own. */
export type Control = Range | boolean | string | readonly (string | number)[] | ValueWidget<unknown>;

type ValueOf<C> = C extends Range
  ? number
  : C extends boolean
    ? boolean
    : C extends string
      ? string
      : C extends readonly (infer E)[]
        ? E
        : C extends ValueWidget<infer V>
          ? V
          : never;

export type Values<C> = { readonly [K in keyof C]: ValueOf<C[K]> };

/**
 * Shows a control for each parameter and what `f` gives for their values, again at each change:
 * `interact(({ exitCycles }) => runs.get('svm-shadow').reprice(exitRoundTrip(exitCycles)), { exitCycles: range(0, 5000) })`.
 * Where there are no widgets, the first values and what `f` gives for them are shown.
 */
export function interact<const C extends Readonly<Record<string, Control>>>(
  f: (values: Values<C>) => unknown,
  controls: C,
): Promise<DisplayHandle> {
  // Also of a cell that ends with it and does not await it, all is shown that there is.
  return Object.assign(show(f, controls), { [ALREADY_SHOWN]: true });
}

async function show<C extends Readonly<Record<string, Control>>>(
  f: (values: Values<C>) => unknown,
  controls: C,
): Promise<DisplayHandle> {
  const widgets = Object.entries(controls).map(([name, control]): [string, ValueWidget<unknown>] => [
    name,
    widgetFor(name, control),
  ]);
  display(new Controls(widgets.map(([, widget]) => widget)));
  const values = () => Object.fromEntries(widgets.map(([name, widget]) => [name, widget.value])) as Values<C>;
  const caption = () => widgets.map(([name, { words }]) => `${name} = ${words}`).join(', ');
  const now = () => outcome(() => f(values()), caption());
  const handle = display(await now());
  for (const [, widget] of widgets) widget.onChange(async () => handle.update(await now()));
  return handle;
}

/** Controls whose values are said elsewhere: what is read of them stays true when a reader has changed them. */
class Controls extends Box {
  constructor(private readonly controls: readonly ValueWidget<unknown>[]) {
    super('column', controls);
  }

  override picture(): StaticPicture[] {
    return this.controls.map((control) => control.choices());
  }
}

function widgetFor(name: string, control: Control): ValueWidget<unknown> {
  const label = name;
  if (control instanceof Range) {
    const { min, max, options } = control;
    const middle = (min + max) / 2;
    const whole = Number.isInteger(min) && Number.isInteger(max);
    const value = options.value ?? (whole && options.step === undefined ? Math.round(middle) : middle);
    return new Slider({ label, min, max, ...options, value }) as ValueWidget<unknown>;
  }
  if (typeof control === 'boolean') return new Checkbox({ label, value: control }) as ValueWidget<unknown>;
  if (typeof control === 'string') return new Text({ label, value: control }) as ValueWidget<unknown>;
  if (isList(control)) return new Dropdown<unknown>(control, { label });
  return control;
}

function isList(control: Control): control is readonly (string | number)[] {
  return Array.isArray(control);
}

/** What `f` gives, under the values it was given: a reader without a kernel sees both. A failure is shown in its place. */
async function outcome(f: () => unknown, caption: string): Promise<object> {
  let bundle: MimeBundle;
  try {
    bundle = await bundleOf(await f());
  } catch (error) {
    bundle = { 'text/plain': inspect(error) };
  }
  const figure = bundle[PLOTLY];
  const shown: MimeBundle = {
    ...bundle,
    ...(isFigure(figure) && { [PLOTLY]: subtitled(figure, caption) }),
    ...captioned(bundle, caption),
    'text/plain': `${caption}\n${bundle['text/plain']}`,
  };
  return { [Symbol.for('Jupyter.display')]: () => shown };
}

/** Front ends prefer HTML to Markdown, which can hold formulas and HTML. */
function captioned(bundle: MimeBundle, caption: string): Readonly<Record<string, string>> {
  const said = `<div>${escapeHtml(caption)}</div>`;
  const source = bundle['text/markdown'] ?? bundle['text/latex'];
  return source === undefined || 'text/html' in bundle
    ? { 'text/html': `${said}${htmlOf(bundle)}` }
    : { 'text/markdown': `${said}\n\n${String(source)}` };
}

const PLOTLY = 'application/vnd.plotly.v1+json';
const SUBTITLE_PIXELS = 22;

interface Figure {
  readonly layout: {
    readonly title: { readonly text: string };
    readonly height: number;
    readonly margin: { readonly t: number };
  };
}

function isFigure(value: unknown): value is Figure {
  const layout = (value as { layout?: Partial<Figure['layout']> } | undefined)?.layout;
  return (
    typeof layout?.title?.text === 'string' &&
    typeof layout.height === 'number' &&
    typeof layout.margin?.t === 'number'
  );
}

/** A front end that draws the figure shows no HTML beside it: the values are said in the figure too. */
function subtitled(figure: Figure, caption: string): Figure {
  const { title, height, margin } = figure.layout;
  return {
    ...figure,
    layout: {
      ...figure.layout,
      title: {
        ...title,
        text: `${title.text}<br><span style="font-size:13px">${escapeHtml(caption)}</span>`,
      },
      height: height + SUBTITLE_PIXELS,
      margin: { ...margin, t: margin.t + SUBTITLE_PIXELS },
    },
  };
}
