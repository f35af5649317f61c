/** The version of the Jupyter messaging protocol that this kernel speaks. */
export const PROTOCOL_VERSION = '5.5';

/** Header of a message, as on the wire. */
export interface Header {
  readonly msg_id: string;
  readonly msg_type: string;
  readonly session: string;
  readonly username: string;
  readonly date: string;
  readonly version: string;
}

/** A message without its framing and signature. */
export interface Message {
  /** ROUTER identities, or on IOPub the topic. */
  readonly identities: readonly Buffer[];
  readonly header: Header;
  readonly parentHeader: Header | Record<string, never>;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly content: Readonly<Record<string, unknown>>;
  readonly buffers: readonly Uint8Array[];
}

/** MIME type to data: text as a string, JSON types as the object itself. */
export type MimeBundle = Readonly<Record<string, unknown>>;

/** One value in the representations a front end may choose from. */
export interface DisplayData {
  readonly data: MimeBundle;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export type ReplyContent = Readonly<Record<string, unknown>> & {
  readonly status: 'ok' | 'error' | 'aborted';
};

/** What went wrong in a cell, as Jupyter shows it. */
export interface ErrorContent {
  readonly ename: string;
  readonly evalue: string;
  readonly traceback: readonly string[];
}

/** Contents of the messages that this kernel publishes on IOPub, by message type. */
export interface Published {
  status: { execution_state: 'starting' | 'busy' | 'idle' };
  execute_input: { code: string; execution_count: number };
  execute_result: DisplayData & { execution_count: number };
  display_data: DisplayData & { transient: { display_id?: string } };
  update_display_data: DisplayData & { transient: { display_id: string } };
  clear_output: { wait: boolean };
  stream: { name: 'stdout' | 'stderr'; text: string };
  error: ErrorContent;
  comm_open: { comm_id: string; target_name?: string; data: object };
  comm_msg: { comm_id: string; data: object };
  comm_close: { comm_id: string; data: object };
  shutdown_reply: { status: 'ok'; restart: boolean };
}
