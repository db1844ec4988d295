/** The errors of activation tables that docs/numbers.md (section 6) states. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Expression, evaluateExpression, line, X } from '../frontend/expression.ts';
import { fitFraction } from './fractions.ts';
import { makeTable } from './tables.ts';

const HEADROOM = 1.1;
const RANGE = 8;
const UNIT = { low: 0, high: 1 } as const;

const FUNCTIONS: readonly (readonly [name: string, function_: Expression])[] = [
  ['Sigmoid', { op: 'Sigmoid', of: X }],
  ['Tanh', { op: 'Tanh', of: X }],
  ['SiLU', { op: 'mul', a: X, b: { op: 'Sigmoid', of: X } }],
  ['HardSwish', { op: 'mul', a: X, b: { op: 'clamp', ...UNIT, of: line(X, 1 / 6, 0.5) } }],
  ['Gelu', { op: 'mul', a: X, b: line({ op: 'Erf', of: line(X, Math.SQRT1_2, 0) }, 0.5, 0.5) }],
  ['Mish', { op: 'mul', a: X, b: { op: 'Tanh', of: { op: 'Softplus', of: X } } }],
  ['Elu', { op: 'Elu', alpha: 1, of: X }],
  ['Softplus', { op: 'Softplus', of: X }],
  ['Erf', { op: 'Erf', of: X }],
  ['Exp', { op: 'Exp', of: X }],
];

/** Greatest error over the words of ±RANGE, and the greatest value there. */
function measure(f: Expression): { worst: number; scale: number } {
  const inFraction = fitFraction(RANGE * HEADROOM);
  const words = Array.from({ length: 2 * RANGE * 2 ** inFraction + 1 }, (_, i) => i - RANGE * 2 ** inFraction);
  const exact = words.map((word) => evaluateExpression(f, word * 2 ** -inFraction));
  const scale = exact.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  const outFraction = fitFraction(scale * HEADROOM);
  const { base, slope, shiftOut } = makeTable(f, inFraction, outFraction);
  const half = shiftOut > 0 ? 2 ** (shiftOut - 1) : 0;
  const found = words.map((word) => {
    const segment = (word + 32768) >> 8;
    return Math.floor((base[segment] + slope[segment] * (word & 255) + half) / 2 ** shiftOut) * 2 ** -outFraction;
  });
  return { worst: found.reduce((most, v, i) => Math.max(most, Math.abs(v - exact[i])), 0), scale };
}

describe('errors of activation tables', () => {
  const stated = new Map(
    [...readFileSync('docs/numbers.md', 'utf8').matchAll(/^\| ([\w, ]+) \| ([\d.e+-]+) \| ([\d.]+) % \|$/gm)].map(([, name, error]) => [
      name,
      Number(error),
    ]),
  );

  it.each(FUNCTIONS)('%s', (name, f) => {
    const { worst, scale } = measure(f);
    expect(worst).toBeLessThanOrEqual(stated.get(name)! * 1.05);
    expect(worst / scale).toBeLessThan(0.0015);
  });
});
