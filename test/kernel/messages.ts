import type { KernelMessage } from '@jupyterlab/services';

/*
 * What a kernel sends, typed for tests: those of JupyterLab's own client where they fit, ours where tests look deeper
 * than they say.
 */

/** Fields of any member of a union, without asking first which it is: those that not all have may be missing. */
type AnyOf<Union> = { readonly [Name in NameOf<Union>]: FieldOf<Union, Name> };
type NameOf<Union> = Union extends unknown ? keyof Union : never;
type FieldOf<Union, Name extends PropertyKey> = Union extends unknown
  ? Name extends keyof Union
    ? Union[Name]
    : undefined
  : never;

/** Content of a reply: a test compares its status with the one that it expects. */
type Reply<Ok> = AnyOf<Ok | KernelMessage.IReplyErrorContent | KernelMessage.IReplyAbortContent>;

/** MIME type to data. */
interface MimeBundle {
  readonly 'text/plain'?: string;
  readonly 'text/html'?: string;
  readonly 'application/vnd.jupyter.widget-view+json'?: { readonly model_id: string };
  readonly 'application/vnd.plotly.v1+json'?: {
    readonly layout: { readonly title: { readonly text: string } };
  };
  readonly [type: string]: unknown;
}

interface DisplayData {
  readonly data: MimeBundle;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly transient?: { readonly display_id?: string };
}

interface ExecuteReply extends KernelMessage.IReplyOkContent {
  readonly payload: readonly unknown[];
  readonly user_expressions: Readonly<
    Record<string, AnyOf<(KernelMessage.IReplyOkContent & DisplayData) | KernelMessage.IReplyErrorContent>>
  >;
}

/** Position and kind of each match, an extension that JupyterLab understands (IPython, "jupyter_types_experimental"). */
interface TypedMatch {
  readonly text: string;
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

interface CompleteReply extends KernelMessage.IReplyOkContent {
  readonly matches: readonly string[];
  readonly cursor_start: number;
  readonly cursor_end: number;
  readonly metadata: { readonly _jupyter_types_experimental: readonly TypedMatch[] };
}

interface InspectReply extends KernelMessage.IReplyOkContent {
  readonly found: boolean;
  readonly data: MimeBundle;
  readonly metadata: Readonly<Record<string, unknown>>;
}

type WidgetState = Readonly<Record<string, unknown>>;

/** Data of comms are any JSON; these are the fields of widgets (ipywidgets, "Jupyter widgets messaging protocol"). */
interface CommData {
  readonly method?: string;
  readonly state?: WidgetState;
  /** By comm id. */
  readonly states?: Readonly<Record<string, { readonly model_name: string; readonly state: WidgetState }>>;
  readonly [field: string]: unknown;
}

interface CommContent {
  readonly comm_id: string;
  readonly data: CommData;
}

/** Message type to content (Jupyter messaging protocol 5.5). */
export interface Contents {
  execute_reply: Reply<ExecuteReply> & { readonly execution_count: number };
  complete_reply: Reply<CompleteReply>;
  inspect_reply: Reply<InspectReply>;
  is_complete_reply: AnyOf<KernelMessage.IIsCompleteReplyMsg['content']>;
  history_reply: AnyOf<KernelMessage.IHistoryReplyMsg['content']>;
  kernel_info_reply: AnyOf<KernelMessage.IInfoReplyMsg['content']>;
  comm_info_reply: AnyOf<KernelMessage.ICommInfoReplyMsg['content']>;
  interrupt_reply: AnyOf<KernelMessage.IInterruptReplyMsg['content']>;
  shutdown_reply: { readonly status: 'ok'; readonly restart: boolean };
  /** There is no debugger. */
  debug_reply: KernelMessage.IReplyErrorContent;

  status: KernelMessage.IStatusMsg['content'];
  execute_input: KernelMessage.IExecuteInputMsg['content'];
  execute_result: DisplayData & { readonly execution_count: number };
  display_data: DisplayData;
  update_display_data: DisplayData;
  stream: KernelMessage.IStreamMsg['content'];
  error: KernelMessage.IErrorMsg['content'];
  clear_output: KernelMessage.IClearOutputMsg['content'];
  comm_open: CommContent & { readonly target_name: string };
  comm_msg: CommContent;
  comm_close: CommContent;
  iopub_welcome: { readonly subscription: string };

  input_request: KernelMessage.IInputRequestMsg['content'];
}

export type MessageType = keyof Contents;

type AskedBy<Type> = Type extends `${infer Name}_reply` ? Name : never;
/** What has a reply: `complete` of complete_request and complete_reply. */
export type Question = AskedBy<MessageType>;

interface Message<Type extends MessageType> {
  readonly type: Type;
  /** Id of the request that it belongs to. */
  readonly parent: string;
  readonly header: Readonly<Record<string, unknown>>;
  readonly content: Contents[Type];
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly buffers: readonly Buffer[];
}

/** A message as it came, with the content that its type has: `type` tells a union's members apart. */
export type Received<Type extends MessageType = MessageType> = { [Each in Type]: Message<Each> }[Type];

/** Whether a message is of the type that answers a request, with content or with an error. */
export function isReplyTo<Name extends Question>(
  message: Received,
  request: `${Name}_request`,
): message is Received & Message<`${Name}_reply`> {
  return message.type === request.replace(/_request$/, '_reply');
}

/** Those of a type, in order. */
export function allOf<Type extends MessageType>(messages: readonly Received[], type: Type): Received<Type>[] {
  return messages.filter((message): message is Received & Message<Type> => message.type === type);
}

type Json = Readonly<Record<string, unknown>>;

/**
 * The message in the JSON of its four parts. Here what came from outside gets its type, from what its header says and
 * unchecked: whether a kernel sends what the protocol says is what tests find out, by the values that they compare.
 */
export function received(parts: readonly string[], buffers: readonly Buffer[]): Received {
  const [header, parent, metadata, content] = parts.map((part) => JSON.parse(part) as Json);
  const message: Record<keyof Received, unknown> = {
    type: header['msg_type'],
    parent: String(parent['msg_id'] ?? ''),
    header,
    content,
    metadata,
    buffers,
  };
  return message as Received;
}
