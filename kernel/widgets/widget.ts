import { openComm, registerCommTarget } from '../language/runner/api.js';
import type { Comm } from '../language/runner/api.js';
import { escapeHtml } from '../display/bundle.js';
import type { MimeBundle } from '../display/bundle.js';
import {
  CONTROL_TARGET,
  identity,
  MODELS,
  PROTOCOL_VERSION,
  reference,
  VIEW_MIME,
  WIDGET_TARGET,
} from './models.js';
import type { ModelName } from './models.js';

type State = Readonly<Record<string, unknown>>;

/** Every model of this kernel, for front ends that come later. */
const models = new Map<string, Model>();

/** One model: a state that kernel and front ends share over a comm. */
class Model {
  readonly #comm: Comm;
  #state: State;

  /** @param received called with what a front end changed, already taken over */
  constructor(
    name: ModelName,
    state: State,
    private readonly received: (changes: State) => unknown = () => undefined,
    private readonly custom: (content: State) => unknown = () => undefined,
    private readonly pictures: () => State = () => ({}),
  ) {
    this.#state = { ...identity(name), ...state };
    this.#comm = openComm(
      WIDGET_TARGET,
      { state: this.#state, buffer_paths: [] },
      { metadata: { version: PROTOCOL_VERSION } },
    );
    this.#comm.onMessage = (data) => this.#receive(data);
    models.set(this.id, this);
  }

  get id(): string {
    return this.#comm.id;
  }

  get state(): State {
    return this.#state;
  }

  update(changes: State): void {
    this.#state = { ...this.#state, ...changes };
    // Who keeps outputs for readers without a kernel learns what they are to read now.
    this.#comm.send(
      { method: 'update', state: changes, buffer_paths: [] },
      { metadata: { ringside: { pictures: this.pictures() } } },
    );
  }

  #send(state: State, method: 'update' | 'echo_update' = 'update'): void {
    this.#comm.send({ method, state, buffer_paths: [] });
  }

  #receive({ method, state, content }: State): unknown {
    switch (method) {
      case 'update': {
        // Names that the model does not have, or that say what it is, are not a front end's to set.
        const changes = Object.entries(isRecord(state) ? state : {}).filter(
          ([name]) => Object.hasOwn(this.#state, name) && !/^_(model|view)_/.test(name),
        );
        const taken = Object.fromEntries(changes);
        this.#state = { ...this.#state, ...taken };
        // Other front ends of the kernel follow, and the one that sent it knows that it has arrived ("Echo updates").
        if (changes.length > 0) this.#send(taken, 'echo_update');
        return this.received(taken);
      }
      case 'request_state':
        return this.#send(this.#state);
      case 'custom':
        return this.custom(isRecord(content) ? content : {});
      default:
        return undefined;
    }
  }
}

// A front end that opens the notebook later asks for all states at once ("The jupyter.widget.control comm target").
registerCommTarget(CONTROL_TARGET, (comm) => {
  comm.onMessage = ({ method }) => {
    if (method !== 'request_states') return;
    const states = Object.fromEntries(
      Array.from(models, ([id, { state }]) => [
        id,
        {
          model_name: state['_model_name'],
          model_module: state['_model_module'],
          model_module_version: state['_model_module_version'],
          state,
        },
      ]),
    );
    comm.send({ method: 'update_states', states, buffer_paths: [] });
  };
});

function isRecord(value: unknown): value is State {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

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
