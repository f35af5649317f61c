export { collectWhenIdle } from './collect-when-idle.js';
export type { CheckerThread } from './checker-thread.js';
export { TypeScriptInterpreter } from './interpreter.js';
export type { InterpreterOptions } from './interpreter.js';
export type { Prelude } from './cell.js';
export type { Magic } from './syntax/magic.js';
