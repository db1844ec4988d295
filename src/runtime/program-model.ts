/** A compiled program as a network of its own: its borders come from the memory plan, so that it runs without the ONNX file. */
import type { BorderValue, IntegerTensor } from '../graph/integer-graph.ts';
import type { Program, TensorPlacement } from '../program/program.ts';
import { InputError } from '../util/errors.ts';
import type { RunnableModel } from './run-model.ts';

/**
 * The network that a program computes. Parts of the ONNX model that the host runs are not in it: inputs and outputs are those of the accelerator.
 * @throws InputError when the program computes several frames at once or does not name the shapes of its borders
 */
export function modelOfProgram(program: Program): RunnableModel {
  if (program.frames !== 1) {
    throw new InputError(`program ${program.name} computes ${program.frames} frames a run; compile it with --batch 1 to run single frames`);
  }
  const borders = program.tensors.filter((tensor) => tensor.role !== 'intermediate');
  const tensors = borders.map(
    ({ name, height, width, channels, fraction }, id): IntegerTensor => ({ id, name, height, width, channels, fraction }),
  );
  const valuesOf = (role: TensorPlacement['role']): BorderValue[] =>
    borders.flatMap(({ name, dims, order, role: own }, tensor) => {
      if (own !== role) return [];
      if (!dims || !order) throw new InputError(`program ${program.name}: ${role} '${name}' has no ONNX shape; compile it again`);
      return [{ name, tensor, dims, order }];
    });
  const [inputs, outputs] = [valuesOf('input'), valuesOf('output')];
  const infoOf = ({ name, dims }: BorderValue) => ({ name, dtype: 'float32' as const, dims });
  return {
    name: program.name,
    graph: { inputs: inputs.map(infoOf), outputs: outputs.map(infoOf) },
    parts: [{ where: 'accelerator', integerGraph: { name: program.name, tensors, layers: [], inputs, outputs } }],
    constants: new Map(),
  };
}
