/** Operators that constant folding can evaluate: shape arithmetic and the weight transformations that exporters leave in graphs. */
import { ARITHMETIC, BINARY, VARIADIC } from './arithmetic.ts';
import { CONSTANTS } from './constants.ts';
import type { Evaluator } from './evaluator.ts';
import { MOVEMENT } from './movement.ts';

/** Operators that need every present input to be constant. */
export const EVALUATORS: ReadonlyMap<string, Evaluator> = new Map(
  Object.entries<Evaluator>({ ...MOVEMENT, ...CONSTANTS, ...ARITHMETIC, ...BINARY, ...VARIADIC }),
);

/** Inputs that an operator cannot do without (1 where it is not listed): the others are optional. */
export const REQUIRED_INPUTS: ReadonlyMap<string, number> = new Map([
  ['Constant', 0],
  ...[...Object.keys(BINARY), 'Reshape', 'Expand', 'Tile', 'Gather', 'DequantizeLinear'].map((op): [string, number] => [op, 2]),
  ...['Where', 'Range', 'ScatterND'].map((op): [string, number] => [op, 3]),
]);
