export type {
  CommMessage,
  Completeness,
  Completion,
  Completions,
  ExecuteRequest,
  Interpreter,
  LanguageInfo,
  Outcome,
  OutputSink,
} from './interpreter.js';
export type { DisplayData, ErrorContent, MimeBundle } from './messages.js';
export { ConnectionError, isLoopback, readConnectionFile } from './connection.js';
export type { Connection } from './connection.js';
export { BindError } from './sockets.js';
export { HistoryStore } from './history-store.js';
export { Kernel } from './kernel.js';
