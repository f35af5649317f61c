import { escapeHtml } from '../display/bundle.js';
import type { MimeBundle } from '../display/bundle.js';
import { Model } from './model.js';
import type { State } from './model.js';
import { MODELS, reference, VIEW_MIME } from './widget-protocol.js';
import type { ModelName } from './widget-protocol.js';

/** What a reader sees of a widget where there is no kernel or no support for widgets. */
export interface StaticPicture {
  readonly label: string;
  /** The value in words. */
  readonly value: string;
  /** The value with its form, where it has one. */
  readonly html?: string;
}

/** Something on the page that kernel and reader change. As a cell's value it is shown; its last state stays readable. */
export abstract class Widget {
  protected readonly model: Model;
  readonly #listeners = new Set<() => unknown>();
  readonly #holders = new Set<Widget>();

  protected constructor(name: ModelName, state: State) {
    const row = MODELS[name];
    const layout = new Model('layout', {});
    const style = !('style' in row) ? {} : { style: reference(new Model(row.style, {}).id) };
    this.model = new Model(
      name,
      { layout: reference(layout.id), ...style, ...state },
      (changes) => this.received(changes),
      (content) => this.custom(content),
      () => this.#pictures(),
    );
  }

  /** Makes a widget a part of this one: what is read of it is read here too. */
  protected holds(part: Widget): void {
    part.#holders.add(this);
  }

  /** What is read now of this widget and of those that it is part of, by model. */
  #pictures(): State {
    const outer = Array.from(this.#holders, (holder) => holder.#pictures());
    return Object.assign({ [this.modelId]: this.#still() }, ...outer) as State;
  }

  /** Name of the model, for those that hold this widget. */
  get modelId(): string {
    return this.model.id;
  }

  /** The state in words. */
  abstract picture(): readonly StaticPicture[];

  /** Takes over what a front end changed; a value that makes no sense is not taken. */
  protected received(_changes: State): unknown {
    return this.changed();
  }

  /** A message that is no change of state, as a click is. */
  protected custom(_content: State): unknown {
    return undefined;
  }

  /** Calls `listener` after each change that a reader makes. @returns how to stop that */
  protected listen(listener: () => unknown): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  protected async changed(): Promise<void> {
    for (const listener of this.#listeners) await listener();
  }

  [Symbol.for('Jupyter.display')](): MimeBundle {
    return {
      [VIEW_MIME]: { version_major: 2, version_minor: 0, model_id: this.modelId },
      ...this.#still(),
    };
  }

  /** What is read where there are no widgets. */
  #still(): MimeBundle {
    const lines = this.picture();
    const html = lines.map(({ label, value, html: formed }) =>
      formed === undefined
        ? `<div>${escapeHtml(label)}: <b>${escapeHtml(value)}</b></div>`
        : `<div>${formed}</div>`,
    );
    return {
      'text/html': `<div class="ringside-widget">${html.join('')}</div>`,
      'text/plain': lines.map(({ label, value }) => `${label}: ${value}`).join('\n'),
    };
  }
}

/** A widget that holds a value. */
export abstract class ValueWidget<T> extends Widget {
  /** The value now. Setting it changes what the reader sees and calls no listener. */
  abstract value: T;

  /** What a reader could choose, in words. */
  abstract choices(): StaticPicture;

  /** The value now, in words. */
  get words(): string {
    return String(this.value);
  }

  /** Calls `listener` with the value whenever a reader changes it. @returns how to stop that */
  onChange(listener: (value: T) => unknown): () => void {
    return this.listen(() => listener(this.value));
  }
}
