import { flagOf, textOf, textsOf } from './content.js';
import type { History } from './history.js';
import type { Interpreter, Outcome } from './interpreter.js';
import type { Message } from './messages.js';
import type { OutputSinks } from './output-sinks.js';
import type { Sockets } from './sockets.js';

/** Runs execute_requests: numbers them, publishes what they put out, makes their replies. */
export class Executions {
  #count = 0;

  constructor(
    private readonly interpreter: Interpreter,
    private readonly sockets: Sockets,
    private readonly sinks: OutputSinks,
    private readonly history: History,
  ) {}

  async execute(request: Message): Promise<object> {
    const { content, header } = request;
    const code = textOf(content, 'code');
    const silent = flagOf(content, 'silent', false);
    const keep = !silent && flagOf(content, 'store_history', true);
    // An execution that is not kept takes the next number for its name, and leaves it to the next.
    const cellNumber = this.#count + 1;
    if (keep) {
      this.#count = cellNumber;
      this.history.add(cellNumber, code);
    }
    const execution_count = this.#count;
    if (!silent) this.sockets.publish('execute_input', { code, execution_count }, header);

    const output = silent ? this.sinks.silent(request) : this.sinks.of(request);
    const outcome = await this.interpreter.execute({ code, cellNumber }, output).catch(faultOutcome);
    if (outcome.status === 'error') {
      const { ename, evalue, traceback } = outcome;
      if (!silent) this.sockets.publish('error', { ename, evalue, traceback }, header);
      return {
        status: 'error',
        execution_count,
        ename,
        evalue,
        traceback,
        payload: [],
        user_expressions: {},
      };
    }
    if (outcome.result !== undefined && !silent) {
      this.sockets.publish('execute_result', { ...outcome.result, execution_count }, header);
      if (keep) this.history.addResult(cellNumber, String(outcome.result.data['text/plain'] ?? ''));
    }
    const expressions = textsOf(content, 'user_expressions');
    const values =
      Object.keys(expressions).length === 0 ? {} : await this.interpreter.evaluate(expressions, output);
    return {
      status: 'ok',
      execution_count,
      payload: outcome.page === undefined ? [] : [{ source: 'page', data: outcome.page.data, start: 0 }],
      user_expressions: mapValues(values, expressionReply),
    };
  }

  /** Reply to an execution that an earlier failure cancelled. */
  aborted(): object {
    return { status: 'aborted', execution_count: this.#count };
  }
}

/** A fault of the interpreter is an error of the cell like any other: the front end shows no others. */
function faultOutcome(fault: Error): Outcome {
  const { name, message } = fault;
  return { status: 'error', ename: name, evalue: message, traceback: [`${name}: ${message}`] };
}

/** A value in `user_expressions` of an execute_reply. */
function expressionReply(outcome: Outcome): object {
  if (outcome.status === 'error') return outcome;
  return { status: 'ok', ...(outcome.result ?? { data: { 'text/plain': 'undefined' }, metadata: {} }) };
}

function mapValues<A, B>(record: Record<string, A>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
