/** The lines of the listing: instructions, and a heading where a layer or tile begins. Texts are made when they are shown or searched. */
import { formatWord } from '../../src/browser.ts';
import type { ProgramView } from '../worker/protocol.ts';

export class Listing {
  readonly count: number;
  readonly #program: ProgramView;
  /** Index of the span before whose first instruction line l stands, or −1 − instruction. */
  readonly #lines: Int32Array;
  readonly #lineOf: Int32Array;
  readonly #texts: (string | undefined)[];

  constructor(program: ProgramView) {
    this.#program = program;
    const { instructions, sourceMap } = program;
    this.count = instructions.length + sourceMap.length;
    this.#lines = new Int32Array(this.count);
    this.#lineOf = new Int32Array(instructions.length);
    this.#texts = new Array(instructions.length);
    const spanAt = new Map(sourceMap.map((span, i) => [span.first, i]));
    let line = 0;
    for (let i = 0; i < instructions.length; i++) {
      const span = spanAt.get(i);
      if (span !== undefined) this.#lines[line++] = span;
      this.#lineOf[i] = line;
      this.#lines[line++] = -1 - i;
    }
  }

  /** Span index of a heading, or instruction of a line. */
  at(line: number): { readonly span: number; readonly instruction: number } {
    const value = this.#lines[line];
    return value >= 0 ? { span: value, instruction: -1 } : { span: -1, instruction: -1 - value };
  }

  lineOf(instruction: number): number {
    return this.#lineOf[instruction];
  }

  text(instruction: number): string {
    this.#texts[instruction] ??= formatWord(this.#program.instructions[instruction]);
    return this.#texts[instruction];
  }

  heading(span: number): string {
    const { layer, tile } = this.#program.sourceMap[span];
    const info = this.#program.layers[layer];
    return `${info ? `${info.name}: ${info.op}` : 'no layer'}${tile ? ` · ${tile}` : ''}`;
  }

  /** Next line after `from` (before it, backwards) whose text or heading holds the words; −1 for none. Goes on at the other end. */
  find(words: string, from: number, direction: 1 | -1): number {
    const wanted = words.toLowerCase();
    for (let step = 1; step <= this.count; step++) {
      const line = (((from + direction * step) % this.count) + this.count) % this.count;
      const { span, instruction } = this.at(line);
      const text = span >= 0 ? this.heading(span) : `${instruction} ${this.text(instruction)}`;
      if (text.toLowerCase().includes(wanted)) return line;
    }
    return -1;
  }
}
