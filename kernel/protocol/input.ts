import type { Message } from './messages.js';
import type { Session } from './session.js';
import type { Sockets } from './sockets.js';

/** Whom to ask: the request's own client. */
export type Asker = Pick<Message, 'header' | 'identities'>;

/** Questions to the user on the stdin channel, one at a time. */
export class InputRequests {
  #pending: { resolve: (value: string) => void; reject: (error: Error) => void } | undefined;

  constructor(
    private readonly sockets: Sockets,
    private readonly session: Session,
  ) {}

  /** Asks the client that sent a request. Rejects while another question is open, or at {@link cancel}. */
  ask({ header, identities }: Asker, prompt: string, password: boolean): Promise<string> {
    if (this.#pending !== undefined) return Promise.reject(new Error('another input is being awaited'));
    const question = this.session.message('input_request', { prompt, password }, header, identities);
    this.sockets.send('stdin', question);
    return new Promise((resolve, reject) => (this.#pending = { resolve, reject }));
  }

  answer(message: Message): void {
    const value = message.content['value'];
    if (message.header.msg_type !== 'input_reply' || typeof value !== 'string') {
      this.sockets.drop('stdin', 'unknown type');
      return;
    }
    this.#pending?.resolve(value);
    this.#pending = undefined;
  }

  cancel(): void {
    this.#pending?.reject(new Error('interrupted'));
    this.#pending = undefined;
  }
}
