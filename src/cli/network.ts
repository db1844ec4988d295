/** The network that a command line names: a built-in model or an ONNX file. */
import { basename } from 'node:path';
import { fixFrameDimension, type Graph, InputError, loadModel, MODELS, type PublishedFigures, type Scope } from '../index.ts';
import type { Shapes } from './options.ts';

export interface Network {
  readonly name: string;
  readonly graph: Graph;
  readonly paper?: PublishedFigures;
}

/** For help texts. */
export const MODEL_ARGUMENT = 'ONNX file, or the name of a built-in model (see `snowflake models`)';

/**
 * Opens a network. Built-in models are built to the scope, so that they make no weights beyond it.
 * @throws InputError when there is none, or the file is no usable model
 */
export function openNetwork(argument: string, options: { shape?: Shapes; scope?: Scope } = {}): Network {
  const model = Object.hasOwn(MODELS, argument) ? MODELS[argument] : undefined;
  if (model) {
    const { scope } = options;
    return { name: argument, graph: model.build({ scope }), paper: model.paper?.scope === scope ? model.paper : undefined };
  }
  if (!/[./\\]/.test(argument)) {
    throw new InputError(`model '${argument}': no such built-in model (there are ${Object.keys(MODELS).join(', ')}); give an .onnx file`);
  }
  const name = basename(argument).replace(/\.onnx$/i, '');
  // Messages about the graph then name the file rather than what its exporter wrote into it.
  return { name, graph: fixFrameDimension({ ...loadModel(argument, options.shape), name }) };
}
