/*
 * Facts of the widget messaging protocol, version 2 (ipywidgets 8, "Jupyter widgets messaging protocol" and "Model state").
 */

/** Target of the comm that every widget's model is, and of the one that front ends ask for all states by. */
export const WIDGET_TARGET = 'jupyter.widget';
export const CONTROL_TARGET = 'jupyter.widget.control';
export const PROTOCOL_VERSION = '2.1.0';
export const VIEW_MIME = 'application/vnd.jupyter.widget-view+json';

const BASE = { module: '@jupyter-widgets/base', version: '2.0.0' };
const CONTROLS = { module: '@jupyter-widgets/controls', version: '2.0.0' };
const OUTPUT = { module: '@jupyter-widgets/output', version: '1.0.0' };

/** Kinds of models: where front ends find their code, and the model of their style if they have one. */
export const MODELS = {
  layout: { model: 'LayoutModel', view: 'LayoutView', from: BASE },
  sliderStyle: { model: 'SliderStyleModel', view: 'StyleView', from: CONTROLS },
  descriptionStyle: { model: 'DescriptionStyleModel', view: 'StyleView', from: CONTROLS },
  checkboxStyle: { model: 'CheckboxStyleModel', view: 'StyleView', from: CONTROLS },
  textStyle: { model: 'TextStyleModel', view: 'StyleView', from: CONTROLS },
  buttonStyle: { model: 'ButtonStyleModel', view: 'StyleView', from: CONTROLS },
  intSlider: { model: 'IntSliderModel', view: 'IntSliderView', from: CONTROLS, style: 'sliderStyle' },
  floatSlider: { model: 'FloatSliderModel', view: 'FloatSliderView', from: CONTROLS, style: 'sliderStyle' },
  dropdown: { model: 'DropdownModel', view: 'DropdownView', from: CONTROLS, style: 'descriptionStyle' },
  checkbox: { model: 'CheckboxModel', view: 'CheckboxView', from: CONTROLS, style: 'checkboxStyle' },
  text: { model: 'TextModel', view: 'TextView', from: CONTROLS, style: 'textStyle' },
  button: { model: 'ButtonModel', view: 'ButtonView', from: CONTROLS, style: 'buttonStyle' },
  row: { model: 'HBoxModel', view: 'HBoxView', from: CONTROLS },
  column: { model: 'VBoxModel', view: 'VBoxView', from: CONTROLS },
  output: { model: 'OutputModel', view: 'OutputView', from: OUTPUT },
} as const;

export type ModelName = keyof typeof MODELS;

/** The part of a model's state that says what it is. */
export function identity(name: ModelName): Readonly<Record<string, unknown>> {
  const { model, view, from } = MODELS[name];
  // A style's view is of the base, wherever its model is from.
  const viewFrom = view === 'StyleView' ? BASE : from;
  return {
    _model_name: model,
    _model_module: from.module,
    _model_module_version: from.version,
    _view_name: view,
    _view_module: viewFrom.module,
    _view_module_version: viewFrom.version,
  };
}

/** How one model's state names another model. */
export function reference(id: string): string {
  return `IPY_MODEL_${id}`;
}
