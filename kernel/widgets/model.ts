import { openComm, registerCommTarget } from '../language/runner/api.js';
import type { Comm } from '../language/runner/api.js';
import { CONTROL_TARGET, identity, PROTOCOL_VERSION, WIDGET_TARGET } from './widget-protocol.js';
import type { ModelName } from './widget-protocol.js';

export type State = Readonly<Record<string, unknown>>;

/** Every model of this kernel, for front ends that come later. */
const models = new Map<string, Model>();

/** One model: a state that kernel and front ends share over a comm. */
export class Model {
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
    this.#comm.onClose = () => models.delete(this.id);
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
