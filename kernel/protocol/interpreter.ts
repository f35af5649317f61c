import type { DisplayData, ErrorContent } from './messages.js';

/** Name of the language, as kernel_info_reply's `language_info` gives it. */
export interface LanguageInfo {
  readonly name: string;
  readonly version: string;
  readonly mimetype: string;
  readonly file_extension: string;
  readonly codemirror_mode: string;
  readonly pygments_lexer: string;
  readonly nbconvert_exporter: string;
}

/** Where the output of one execution goes. It stays valid after the execution, for output that comes late. */
export interface OutputSink {
  stream(name: 'stdout' | 'stderr', text: string): void;
  display(data: DisplayData, displayId?: string): void;
  updateDisplay(data: DisplayData, displayId: string): void;
  clearOutput(wait: boolean): void;
  comm(message: CommMessage): void;
  /** Asks the front end for a line of text. Rejects when the front end cannot be asked or the cell is interrupted. */
  input(prompt: string, password: boolean): Promise<string>;
}

/** A message of a comm, to or from the front end (Jupyter messaging protocol 5.5, "Custom Messages"). */
export interface CommMessage {
  readonly type: 'comm_open' | 'comm_msg' | 'comm_close';
  readonly commId: string;
  /** Whom a comm_open is for; empty in other messages. */
  readonly targetName: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly buffers: readonly Uint8Array[];
}

export interface ExecuteRequest {
  readonly code: string;
  /** Number of the cell, for its name in stack traces: `Cell 3`. */
  readonly cellNumber: number;
}

export type Outcome =
  | {
      readonly status: 'ok';
      readonly result?: DisplayData;
      /** Help that the cell asked for, to be shown beside the notebook. */
      readonly page?: DisplayData;
    }
  | ({ readonly status: 'error' } & ErrorContent);

/** Offsets count UTF-16 units of `code`; the protocol layer converts from and to code points. */
export interface Completions {
  readonly matches: readonly Completion[];
  readonly start: number;
  readonly end: number;
}

export interface Completion {
  readonly text: string;
  /** What it is, in the words of JupyterLab: function, instance, class, module, keyword, property, ... */
  readonly type: string;
}

export type Completeness =
  | { readonly status: 'complete' | 'invalid' | 'unknown' }
  | { readonly status: 'incomplete'; readonly indent: string };

/** A language that the protocol layer can serve. Methods reject only for faults of the interpreter itself. */
export interface Interpreter {
  readonly language: LanguageInfo;
  readonly banner: string;
  execute(request: ExecuteRequest, output: OutputSink): Promise<Outcome>;
  /** Values of expressions after a successful cell (`user_expressions`), by name. */
  evaluate(
    expressions: Readonly<Record<string, string>>,
    output: OutputSink,
  ): Promise<Record<string, Outcome>>;
  complete(code: string, cursor: number): Promise<Completions>;
  /** Documentation of the name at the cursor, or nothing. */
  inspect(code: string, cursor: number, detail: 0 | 1): Promise<DisplayData | undefined>;
  isComplete(code: string): Promise<Completeness>;
  /** Hands a front end's comm message to whoever it is for; false when nobody takes the comm that it opens. */
  comm(message: CommMessage, output: OutputSink): Promise<boolean>;
  /** Stops the running execution, which then ends with an error; without one it does nothing. */
  interrupt(): Promise<void>;
  shutdown(): Promise<void>;
}
