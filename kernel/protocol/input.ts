import type { Message } from './messages.js';
import type { Session } from './session.js';
import type { Sockets } from './sockets.js';

/** Whom to ask: the request's own client. */
export type Asker = Pick<Message, 'header' | 'identities'>;

interface Question {
  readonly message: Message;
  readonly resolve: (value: string) => void;
  readonly reject: (error: Error) => void;
}

/** Questions to the user on the stdin channel, one at a time: an answer does not say which it is of. */
export class InputRequests {
  /** The first one has been asked. */
  #pending: Question[] = [];

  constructor(
    private readonly sockets: Sockets,
    private readonly session: Session,
  ) {}

  /** Asks the client that sent a request, when it has answered what was asked before. Rejects at {@link cancel}. */
  ask({ header, identities }: Asker, prompt: string, password: boolean): Promise<string> {
    const message = this.session.message('input_request', { prompt, password }, header, identities);
    return new Promise((resolve, reject) => {
      if (this.#pending.push({ message, resolve, reject }) === 1) this.#send();
    });
  }

  answer(message: Message): void {
    const value = message.content['value'];
    if (message.header.msg_type !== 'input_reply' || typeof value !== 'string') {
      this.sockets.drop('stdin', 'unknown type');
      return;
    }
    this.#pending.shift()?.resolve(value);
    this.#send();
  }

  cancel(): void {
    for (const { reject } of this.#pending.splice(0)) reject(new Error('interrupted'));
  }

  #send(): void {
    const [next] = this.#pending;
    if (next !== undefined) this.sockets.send('stdin', next.message);
  }
}
