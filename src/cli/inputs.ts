/** Input tensors that a command line names, and calibration samples. */
import { type Graph, type ImageOptions, InputError, loadTensor, type NamedTensors, randomInputs, type Tensor } from '../index.ts';
import { splitNamedFile } from './options.ts';

/**
 * Tensors for all inputs of a network from `NAME=FILE` arguments (a bare FILE where there is one input only); random ones when a seed is given instead.
 * @throws InputError when an input is missing, unknown, given twice, or its file does not fit
 */
export async function loadInputs(
  graph: Pick<Graph, 'inputs'>,
  files: readonly string[],
  options: { readonly seed?: number; readonly image: ImageOptions },
): Promise<Map<string, Tensor>> {
  if (files.length === 0 && options.seed !== undefined) return randomInputs(graph, options.seed);
  const tensors = new Map<string, Tensor>();
  for (const text of files) {
    const { name, file } = resolveInput(graph, text);
    if (tensors.has(name)) throw new InputError(`input '${name}' is given twice`);
    const input = graph.inputs.find((i) => i.name === name)!;
    tensors.set(name, await loadTensor(file, input, options.image));
  }
  const missing = graph.inputs.filter((input) => !tensors.has(input.name));
  if (missing.length > 0) {
    const list = missing.map((input) => `'${input.name}' (${input.dtype} ${input.dims?.join('×') ?? ''})`).join(', ');
    throw new InputError(`no file for input ${list}; give --input NAME=FILE, or --seed N for random values`);
  }
  return tensors;
}

/**
 * Calibration samples: each file is one for a network with one input; with several inputs, the i-th files of all inputs are sample i.
 * @throws InputError
 */
export async function loadSamples(
  graph: Pick<Graph, 'inputs'>,
  files: readonly string[] | undefined,
  image: ImageOptions,
): Promise<NamedTensors[] | undefined> {
  if (!files) return undefined;
  const byInput = new Map<string, string[]>(graph.inputs.map((input) => [input.name, []]));
  for (const text of files) {
    const { name, file } = resolveInput(graph, text);
    byInput.get(name)!.push(file);
  }
  const counts = new Set([...byInput.values()].map((list) => list.length));
  if (counts.size > 1) throw new InputError('--calibrate: every input needs the same number of files');
  const samples: NamedTensors[] = [];
  for (let i = 0; i < [...counts][0]; i++) {
    const sample = new Map<string, Tensor>();
    for (const input of graph.inputs) sample.set(input.name, await loadTensor(byInput.get(input.name)![i], input, image));
    samples.push(sample);
  }
  return samples;
}

/** Name and file of `NAME=FILE` or, for a network with one input, `FILE`. */
function resolveInput(graph: Pick<Graph, 'inputs'>, text: string): { name: string; file: string } {
  const names = graph.inputs.map((input) => input.name);
  const { name, file } = splitNamedFile(text);
  if (name !== undefined && names.includes(name)) return { name, file };
  const known = names.map((n) => `'${n}'`).join(', ');
  if (name !== undefined && names.length > 1) throw new InputError(`input '${name}': the model has no such input, only ${known}`);
  if (names.length !== 1) throw new InputError(`${text}: which input is it? The model has ${known}; give NAME=FILE`);
  if (name !== undefined) throw new InputError(`input '${name}': the model has no such input, only ${known}`);
  return { name: names[0], file: text };
}
