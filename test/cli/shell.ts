import { messageOf } from '../../kernel/commands/failure.js';
import { ringside } from '../../kernel/commands/program.js';
import type { Finished } from './run-cli.js';

/*
 * A process that runs one command line after another (run-cli.ts), as loading the machine takes longer than most of them.
 */

type Write = typeof process.stdout.write;

process.on('message', (words: string[]) => void run(words).then((finished) => process.send!(finished)));

async function run(words: readonly string[]): Promise<Finished> {
  const finished: Finished = { code: null, stdout: '', stderr: '' };
  const streams = ['stdout', 'stderr'] as const;
  const writes = streams.map((name) => process[name].write);
  for (const name of streams)
    process[name].write = ((text: string | Uint8Array) => {
      finished[name] += typeof text === 'string' ? text : Buffer.from(text).toString('utf8');
      return true;
    }) as Write;
  try {
    finished.code = await ringside(words);
  } catch (error) {
    finished.stderr += error instanceof Error ? error.stack : messageOf(error);
  }
  streams.forEach((name, at) => (process[name].write = writes[at]));
  return finished;
}
