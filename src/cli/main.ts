#!/usr/bin/env node
/** Entry of the command `snowflake`: exit code 0 done, 1 the job failed, 2 bad usage or bad input. */
import { CommanderError } from 'commander';
import { InputError, JobError } from '../index.ts';
import { createCommandLine } from './command-line.ts';
import { printError } from './io.ts';

// A closed pipe (`snowflake … | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await createCommandLine().parseAsync(process.argv);
} catch (error) {
  process.exitCode = reportError(error);
}

/** Prints what the user needs to know and gives the exit code. */
function reportError(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // commander has printed its message
  if (process.env.SNOWFLAKE_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  if (error instanceof InputError) {
    printError(error.message);
    return 2;
  }
  if (error instanceof JobError) {
    printError(error.message);
    return 1;
  }
  printError(`${error instanceof Error ? error.message : String(error)} (a defect; SNOWFLAKE_DEBUG=1 shows where)`);
  return 1;
}
