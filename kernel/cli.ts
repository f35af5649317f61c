#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { executeCommand } from './commands/execute.js';
import { EXIT, Failure } from './commands/failure.js';
import { installCommand } from './commands/install.js';
import { reproduceCommand } from './commands/reproduce.js';
import { runCommand } from './commands/run.js';
import { VERSION } from './package.js';

const program = new Command('ringside')
  .description('A simulated x86 PC, the ways to virtualize it, and where every cycle went')
  .version(VERSION)
  .showHelpAfterError('(ringside --help shows how it is used)');
for (const command of [runCommand(), reproduceCommand(), executeCommand(), installCommand()])
  program.addCommand(command.copyInheritedSettings(program));
for (const command of [program, ...program.commands]) command.exitOverride();

// The reader of our output may leave early, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) =>
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed),
);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof Failure) {
    process.stderr.write(`ringside: ${error.message}\n`);
    process.exitCode = error.exitCode;
  } else if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else throw error;
}
