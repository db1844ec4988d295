/** Errors that a user can mend: one clear message, no stack trace. Everything else is a defect. */

/** Bad usage or bad input: the command line exits with 2. The message names the file, node, line or field, what was expected, what to do. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/** The job itself failed (a wrong program, a mismatch): the command line exits with 1. */
export class JobError extends Error {
  override readonly name = 'JobError';
}
