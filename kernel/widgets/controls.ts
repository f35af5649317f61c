import { inspect } from 'node:util';
import type { MimeBundle } from '../display/bundle.js';
import { bundleOf, htmlOf } from './bundles.js';
import type { State } from './model.js';
import { reference } from './widget-protocol.js';
import { ValueWidget, Widget } from './widget.js';
import type { StaticPicture } from './widget.js';

export interface SliderOptions {
  readonly label?: string;
  readonly min?: number;
  readonly max?: number;
  readonly step?: number;
  readonly value?: number;
}

/** A number between two ends. */
export class Slider extends ValueWidget<number> {
  #value: number;
  readonly #range: { min: number; max: number; label: string };

  /** @throws RangeError unless min <= value <= max and step > 0 */
  constructor({ label = '', min = 0, max = 100, step = defaultStep(min, max), value = min }: SliderOptions) {
    if (!(min <= value && value <= max && step > 0))
      throw new RangeError(
        `a slider needs min <= value <= max and step > 0, found min ${min}, value ${value}, max ${max}, step ${step}`,
      );
    const whole = [min, max, step, value].every(Number.isInteger);
    super(whole ? 'intSlider' : 'floatSlider', {
      ...{ description: label, min, max, step, value, disabled: false, orientation: 'horizontal' },
      ...{ continuous_update: true, readout: true, readout_format: whole ? 'd' : '.3~g' },
    });
    this.#value = value;
    this.#range = { min, max, label };
  }

  get value(): number {
    return this.#value;
  }
  set value(value: number) {
    if (typeof value !== 'number' || Number.isNaN(value))
      throw new RangeError(`a slider's value is a number, not ${inspect(value)}`);
    this.#value = this.#within(value);
    this.model.update({ value: this.#value });
  }

  override picture(): StaticPicture[] {
    const { label, value } = this.choices();
    return [{ label, value: `${this.#value} (${value})` }];
  }

  override choices(): StaticPicture {
    const { min, max, label } = this.#range;
    return { label: label || 'slider', value: `${min} to ${max}` };
  }

  protected override received({ value }: State): unknown {
    if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
    this.#value = this.#within(value);
    // Who sent what is out of range is told what became of it.
    if (this.#value !== value) this.model.update({ value: this.#value });
    return this.changed();
  }

  #within(value: number): number {
    return Math.min(this.#range.max, Math.max(this.#range.min, value));
  }
}

/** One where both ends are whole numbers, otherwise a hundredth of the way between them. */
function defaultStep(min: number, max: number): number {
  return Number.isInteger(min) && Number.isInteger(max) ? 1 : (max - min) / 100;
}

/** One of several values, each shown by its name. */
export class Dropdown<T> extends ValueWidget<T> {
  #index: number;
  readonly #values: readonly T[];
  readonly #names: readonly string[];
  readonly #label: string;

  /**
   * @param options values by name, or a list of values that are their own names
   * @throws RangeError when `value` is not among them, or there are none
   */
  constructor(
    options: readonly T[] | Readonly<Record<string, T>>,
    { label = '', value }: { readonly label?: string; readonly value?: T } = {},
  ) {
    const entries = Array.isArray(options)
      ? options.map((option: T): [string, T] => [
          typeof option === 'object' ? inspect(option) : String(option),
          option,
        ])
      : Object.entries(options as Readonly<Record<string, T>>);
    const index = value === undefined ? 0 : entries.findIndex(([, option]) => Object.is(option, value));
    if (entries.length === 0) throw new RangeError('a dropdown needs something to choose');
    if (index < 0)
      throw new RangeError(
        `a dropdown has no ${inspect(value)}: ${entries.map(([name]) => name).join(', ')}`,
      );
    const names = entries.map(([name]) => name);
    super('dropdown', { description: label, _options_labels: names, index, disabled: false });
    this.#index = index;
    this.#names = names;
    this.#values = entries.map(([, option]) => option);
    this.#label = label;
  }

  get value(): T {
    return this.#values[this.#index];
  }
  set value(value: T) {
    const index = this.#values.findIndex((option) => Object.is(option, value));
    if (index < 0) throw new RangeError(`no such option; there are: ${this.#names.join(', ')}`);
    this.#index = index;
    this.model.update({ index });
  }

  override get words(): string {
    return this.#names[this.#index];
  }

  override picture(): StaticPicture[] {
    return [{ label: this.#label || 'choice', value: this.words }];
  }

  override choices(): StaticPicture {
    return { label: this.#label || 'choice', value: this.#names.join(', ') };
  }

  protected override received({ index }: State): unknown {
    if (typeof index !== 'number' || !(index in this.#values)) return undefined;
    this.#index = index;
    return this.changed();
  }
}

/** Yes or no. */
export class Checkbox extends ValueWidget<boolean> {
  #value: boolean;
  readonly #label: string;

  constructor({ label = '', value = false }: { readonly label?: string; readonly value?: boolean } = {}) {
    super('checkbox', { description: label, value, indent: true, disabled: false });
    this.#value = value;
    this.#label = label;
  }

  get value(): boolean {
    return this.#value;
  }
  set value(value: boolean) {
    this.#value = value;
    this.model.update({ value });
  }

  override picture(): StaticPicture[] {
    return [{ label: this.#label || 'checkbox', value: this.#value ? 'yes' : 'no' }];
  }

  override choices(): StaticPicture {
    return { label: this.#label || 'checkbox', value: 'yes or no' };
  }

  protected override received({ value }: State): unknown {
    if (typeof value !== 'boolean') return undefined;
    this.#value = value;
    return this.changed();
  }
}

/** A line of text. */
export class Text extends ValueWidget<string> {
  #value: string;
  readonly #label: string;

  constructor({ label = '', value = '' }: { readonly label?: string; readonly value?: string } = {}) {
    // On leaving the field or Enter, not at each key: a run may hang on it.
    super('text', { description: label, value, continuous_update: false, placeholder: '', disabled: false });
    this.#value = value;
    this.#label = label;
  }

  get value(): string {
    return this.#value;
  }
  set value(value: string) {
    this.#value = value;
    this.model.update({ value });
  }

  override picture(): StaticPicture[] {
    return [{ label: this.#label || 'text', value: this.#value }];
  }

  override choices(): StaticPicture {
    return { label: this.#label || 'text', value: 'a text' };
  }

  protected override received({ value }: State): unknown {
    if (typeof value !== 'string') return undefined;
    this.#value = value;
    return this.changed();
  }
}

/** Something to click. */
export class Button extends Widget {
  readonly #label: string;

  constructor(label: string, clicked: () => unknown = () => undefined) {
    super('button', { description: label, button_style: '', icon: '', tooltip: null, disabled: false });
    this.#label = label;
    this.listen(clicked);
  }

  /** Calls `listener` at each click. @returns how to stop that */
  onClick(listener: () => unknown): () => void {
    return this.listen(listener);
  }

  override picture(): StaticPicture[] {
    return [{ label: 'button', value: this.#label }];
  }

  protected override received(): unknown {
    return undefined;
  }

  protected override custom({ event }: State): unknown {
    return event === 'click' ? this.changed() : undefined;
  }
}

/** A place for values among widgets. */
export class Output extends Widget {
  #shown: MimeBundle[] = [];

  constructor() {
    super('output', { msg_id: '', outputs: [] });
  }

  /** Shows a value below those there are. @returns a promise for one that shows itself when it comes to it */
  show(value: unknown): Promise<void> | undefined {
    const add = (bundle: MimeBundle) => this.#set([...this.#shown, bundle]);
    const bundle = bundleOf(value);
    if (bundle instanceof Promise) return bundle.then(add);
    add(bundle);
    return undefined;
  }

  clear(): void {
    this.#set([]);
  }

  override picture(): StaticPicture[] {
    return this.#shown.map((bundle) => ({
      label: 'output',
      value: bundle['text/plain'],
      html: htmlOf(bundle),
    }));
  }

  #set(shown: MimeBundle[]): void {
    this.#shown = shown;
    this.model.update({
      outputs: shown.map((data) => ({ output_type: 'display_data', data, metadata: {} })),
    });
  }
}

/** Widgets beside or below each other. */
export class Box extends Widget {
  constructor(
    direction: 'row' | 'column',
    private readonly children: readonly Widget[],
  ) {
    super(direction, { box_style: '', children: children.map(({ modelId }) => reference(modelId)) });
    for (const child of children) this.holds(child);
  }

  override picture(): StaticPicture[] {
    return this.children.flatMap((child) => child.picture());
  }
}
