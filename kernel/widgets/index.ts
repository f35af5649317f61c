/*
 * Prelude module of every cell: widgets of ipywidgets 8.
 */
import { Box, Button, Checkbox, Dropdown, Output, Slider, Text } from './controls.js';
import type { SliderOptions } from './controls.js';
import type { Widget } from './widget.js';

export { interact, range } from './interact.js';

/** Things on the page that kernel and reader change. */
export const widgets = {
  /** A number between two ends. */
  slider: (options: SliderOptions = {}) => new Slider(options),
  /** One of several values: a list, or values by name. */
  dropdown: <const T>(
    options: readonly T[] | Readonly<Record<string, T>>,
    settings: { readonly label?: string; readonly value?: T } = {},
  ) => new Dropdown<T>(options, settings),
  /** Yes or no. */
  checkbox: (options: { readonly label?: string; readonly value?: boolean } = {}) => new Checkbox(options),
  /** A line of text. */
  text: (options: { readonly label?: string; readonly value?: string } = {}) => new Text(options),
  /** Something to click. */
  button: (label: string, clicked?: () => unknown) => new Button(label, clicked),
  /** A place for values among widgets. */
  output: () => new Output(),
  /** Widgets beside or below each other. */
  box: (children: readonly Widget[], { direction = 'column' }: { direction?: 'row' | 'column' } = {}) =>
    new Box(direction, children),
};
