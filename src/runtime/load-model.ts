/** Models, machines and input tensors from files, checked, with messages that name the file and what was expected. */
import { dirname, join } from 'node:path';
import type { Graph, Tensor, ValueInfo } from '../graph/graph.ts';
import { type ReadOptions, readOnnx, readTensorPb } from '../graph/onnx/read-onnx.ts';
import { type Machine, PRESETS } from '../machine/machine.ts';
import { parseMachineText } from '../machine/parse-machine.ts';
import { isProgramFile } from '../program/program-file.ts';
import { InputError } from '../util/errors.ts';
import { checkTensor, concreteDims } from './check-tensor.ts';
import { readInputFile } from './files.ts';
import { loadImage } from './image.ts';
import { type ImageOptions, isImageName } from './image-tensor.ts';
import { isNpy, readNpy } from './npy.ts';

/**
 * The graph of an ONNX file. External weights are read from the file's folder.
 * @param shapes values of free dimensions: by input name all dims, by dimension name one number
 * @throws InputError when it is not a usable model
 */
export function loadModel(path: string, shapes?: ReadOptions['shapes']): Graph {
  const bytes = readInputFile(path);
  if (isProgramFile(bytes))
    throw new InputError(`${path}: a compiled program; run, profile, inspect and disassemble take it, here give the network`);
  return readOnnx(bytes, {
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
  const bytes = readInputFile(path);
  if (!/\.(npy|pb)$/i.test(path) && !isNpy(bytes)) {
    throw new InputError(`${path}: not an input that can be read; give a .npy, ONNX .pb, JPEG or PNG file with its suffix`);
  }
  const tensor = /\.pb$/i.test(path) ? readTensorPb(bytes, path) : readNpy(bytes, path);
  checkTensor(tensor, input, path);
  return tensor;
}
