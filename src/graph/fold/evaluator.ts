/** What evaluates an operator on constants. Float results are those of double arithmetic rounded once, integers are exact. */
import type { DataType, Tensor } from '../graph.ts';
import type { NodeContext } from '../shapes/node-context.ts';

/** Type of an output as shape inference found it. */
export interface OutputType {
  readonly dtype: DataType;
  readonly dims: readonly number[];
}

/** Outputs of a node whose inputs are constant; undefined where it cannot be evaluated exactly. */
export type Evaluator = (
  node: NodeContext,
  inputs: readonly Tensor[],
  outputs: readonly OutputType[],
) => readonly (Tensor | undefined)[] | undefined;
