/** Models, machines and input tensors from files, checked, with messages that name the file and what was expected. */
import { dirname, join } from 'node:path';
import type { Graph, Tensor, ValueInfo } from '../graph/graph.ts';
import { type ReadOptions, readOnnx, readTensorPb } from '../graph/onnx/read-onnx.ts';
import { type Machine, PRESETS } from '../machine/machine.ts';
import { parseMachineText } from '../machine/parse-machine.ts';
import { InputError } from '../util/errors.ts';
import { readInputFile } from './files.ts';
import { type ImageOptions, isImageName, loadImage } from './image.ts';
import { readNpy } from './npy.ts';

/**
 * The graph of an ONNX file. External weights are read from the file's folder.
 * @param shapes values of free dimensions: by input name all dims, by dimension name one number
 * @throws InputError when it is not a usable model
 */
export function loadModel(path: string, shapes?: ReadOptions['shapes']): Graph {
  return readOnnx(readInputFile(path), {
    source: path,
    shapes,
    readExternal: (location) => readInputFile(join(dirname(path), location)),
  });
}

/**
 * A machine by the name of a preset or from a JSON file.
 * @throws InputError when there is no such machine or it is impossible
 */
export function loadMachine(nameOrPath: string): Machine {
  if (Object.hasOwn(PRESETS, nameOrPath)) return PRESETS[nameOrPath];
  if (!/[./\\]/.test(nameOrPath)) {
    throw new InputError(`machine '${nameOrPath}': no such preset (there is ${Object.keys(PRESETS).join(', ')}); give a .json file`);
  }
  return parseMachineText(Buffer.from(readInputFile(nameOrPath)).toString('utf8'), nameOrPath);
}

/**
 * A tensor for a network's input from a `.npy`, ONNX `.pb` or image file.
 * @throws InputError when the file does not fit the input's type and shape
 */
export async function loadTensor(path: string, input: ValueInfo, image: ImageOptions = {}): Promise<Tensor> {
  if (isImageName(path)) return loadImage(path, concreteDims(input), input.dtype, image);
  const tensor = path.endsWith('.pb') ? readTensorPb(readInputFile(path), path) : readNpy(readInputFile(path), path);
  checkTensor(tensor, input, path);
  return tensor;
}

/** Dims of an input, all known. @throws InputError naming the dimension that is not. */
export function concreteDims(input: ValueInfo): readonly number[] {
  if (!input.dims) throw new InputError(`input '${input.name}' has no shape in the model; give it with --shape ${input.name}=…`);
  return input.dims.map((dim) => {
    if (typeof dim === 'number') return dim;
    const shape = input.dims!.map((d) => d ?? '?').join(',');
    throw new InputError(
      `input '${input.name}' has the dynamic shape ${shape}: give it with --shape ${input.name}=${shape.replace(/[^\d,]+/g, '1')}`,
    );
  });
}

/** @throws InputError when the tensor is not of the input's type and shape, naming both. */
export function checkTensor(tensor: Tensor, input: ValueInfo, what: string): void {
  const dims = concreteDims(input);
  const shape = (d: readonly number[]): string => (d.length === 0 ? 'a scalar' : d.join('×'));
  if (tensor.dtype !== input.dtype) {
    throw new InputError(`${what}: holds ${tensor.dtype}, but input '${input.name}' takes ${input.dtype}`);
  }
  if (tensor.dims.length !== dims.length || tensor.dims.some((d, i) => d !== dims[i])) {
    throw new InputError(`${what}: has shape ${shape(tensor.dims)}, but input '${input.name}' takes ${shape(dims)}`);
  }
}
