#!/usr/bin/env node
import { EXIT } from './commands/failure.js';
import { ringside } from './commands/program.js';

// The reader of our output may leave early, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) =>
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed),
);

process.exitCode = await ringside(process.argv.slice(2));
