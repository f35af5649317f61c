import { Command, CommanderError } from 'commander';
import { VERSION } from '../package.js';
import { EXIT, Failure } from './failure.js';

/** Each is loaded when it is asked for, or when all are listed: the machine takes longer to load than some take to run. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => (await import('./run.js')).runCommand(),
  reproduce: async () => (await import('./reproduce.js')).reproduceCommand(),
  execute: async () => (await import('./execute.js')).executeCommand(),
  install: async () => (await import('./install.js')).installCommand(),
};

/**
 * Runs a command line to its end: `ringside`, then these words.
 * @returns the exit code. What is wrong with the words, or fails, has been said on stderr.
 */
export async function ringside(words: readonly string[]): Promise<number> {
  const program = new Command('ringside')
    .description('A simulated x86 PC, the ways to virtualize it, and where every cycle went')
    .version(VERSION)
    .showHelpAfterError('(ringside --help shows how it is used)');
  const loaded = Object.hasOwn(COMMANDS, words[0]) ? [COMMANDS[words[0]]] : Object.values(COMMANDS);
  for (const command of await Promise.all(loaded.map((load) => load())))
    program.addCommand(command.copyInheritedSettings(program));
  for (const command of [program, ...program.commands]) command.exitOverride();
  try {
    await program.parseAsync(words, { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof Failure) {
      process.stderr.write(`ringside: ${error.message}\n`);
      return error.exitCode;
    }
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    throw error;
  }
}
