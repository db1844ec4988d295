/** How commands speak: results on stdout, messages on stderr, colour only on a terminal that wants it. */

/** Whether to colour text on a stream (https://no-color.org). */
function hasColour(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
}

function paint(code: number, text: string, stream: NodeJS.WriteStream): string {
  return hasColour(stream) ? `\u001b[${code}m${text}\u001b[0m` : text;
}

/** A result line on stdout. */
export function print(text = ''): void {
  process.stdout.write(`${text}\n`);
}

/** A heading on stdout. */
export function printHeading(text: string): void {
  print(paint(1, text, process.stdout));
}

/** A remark that is no result, on stderr. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** An error message on stderr. */
export function printError(text: string): void {
  process.stderr.write(`${paint(31, 'error:', process.stderr)} ${text}\n`);
}

/** Stable, indented JSON on stdout. Numbers that JSON can't hold (an infinite SQNR) become null. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}
