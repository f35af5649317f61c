import { randomUUID } from 'node:crypto';
import type { Header, Message } from './messages.js';
import { PROTOCOL_VERSION } from './messages.js';

/** Makes the headers of one kernel's messages: its own session id, a new message id each. */
export class Session {
  readonly id = randomUUID();
  #messages = 0;

  message(
    type: string,
    content: object,
    parent?: Header,
    identities: readonly Buffer[] = [],
    { metadata = {}, buffers = [] }: Partial<Pick<Message, 'metadata' | 'buffers'>> = {},
  ): Message {
    const header: Header = {
      msg_id: `${this.id}_${++this.#messages}`,
      msg_type: type,
      session: this.id,
      username: 'kernel',
      date: new Date().toISOString(),
      version: PROTOCOL_VERSION,
    };
    return {
      identities,
      header,
      parentHeader: parent ?? {},
      metadata,
      content: content as Message['content'],
      buffers,
    };
  }
}
