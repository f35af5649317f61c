export type {
  Completeness,
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
export { Kernel } from './kernel.js';
