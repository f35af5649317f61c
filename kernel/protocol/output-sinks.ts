import type { Comms } from './comms.js';
import { flagOf } from './content.js';
import type { InputRequests } from './input.js';
import type { OutputSink } from './interpreter.js';
import type { Message } from './messages.js';
import type { Sockets } from './sockets.js';

/** Makes the places where output goes: IOPub, under the request that it belongs to. */
export class OutputSinks {
  constructor(
    private readonly sockets: Sockets,
    private readonly input: InputRequests,
    private readonly comms: Comms,
  ) {}

  /** It may be needed as long as the kernel lives, so it holds on to as little of the request as it can. */
  of({ header, identities, content }: Message): OutputSink {
    const { sockets, comms } = this;
    const mayAsk = flagOf(content, 'allow_stdin', false);
    const transient = (id?: string) => (id === undefined ? {} : { display_id: id });
    return {
      stream: (name, text) => sockets.publish('stream', { name, text }, header),
      display: (data, id) => sockets.publish('display_data', { ...data, transient: transient(id) }, header),
      updateDisplay: (data, id) =>
        sockets.publish('update_display_data', { ...data, transient: { display_id: id } }, header),
      clearOutput: (wait) => sockets.publish('clear_output', { wait }, header),
      comm: (message) => {
        comms.note(message);
        const { type, commId, targetName, data, metadata, buffers } = message;
        const target = type === 'comm_open' ? { target_name: targetName } : {};
        sockets.publish(type, { comm_id: commId, ...target, data }, header, { metadata, buffers });
      },
      input: async (prompt, password) => {
        if (!mayAsk) throw new Error('this front end cannot be asked for input');
        return this.input.ask({ header, identities }, prompt, password);
      },
    };
  }

  /** For a silent execution: it may talk to the user and to widgets, and shows nothing. */
  silent(request: Message): OutputSink {
    const nothing = () => undefined;
    const { input, comm } = this.of(request);
    return { stream: nothing, display: nothing, updateDisplay: nothing, clearOutput: nothing, comm, input };
  }
}
