/** The network that a command line names: a built-in model or an ONNX file. */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import {
  fixFrameDimension,
  type Graph,
  InputError,
  isProgramFile,
  loadModel,
  MODELS,
  type Program,
  type PublishedFigures,
  readFileStart,
  readInputFile,
  readProgram,
  type Scope,
} from '../index.ts';
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

/** Enough of a file to recognise a program. */
const SIGNATURE_BYTES = 16;

/** The program in a file, where the argument names a program file; undefined for anything else. @throws InputError when it is damaged */
export function openProgram(argument: string): Program | undefined {
  if (Object.hasOwn(MODELS, argument) || !existsSync(argument)) return undefined;
  return isProgramFile(readFileStart(argument, SIGNATURE_BYTES)) ? readProgram(readInputFile(argument), argument) : undefined;
}

/** Options that a program file has decided already, by name. */
const DECIDED = ['machine', 'shape', 'scope', 'batch', 'numbers', 'calibrate', 'host'];

/** @throws InputError when one of the options that only matter to the compiler is given beside a program file */
export function refuseCompileOptions(argument: string, command: Command): void {
  const given = DECIDED.find((name) => command.getOptionValueSource(name) === 'cli');
  if (given === undefined) return;
  const flag = given === 'host' ? '--no-host' : `--${given}`;
  throw new InputError(`${argument}: ${flag} was decided when the program was compiled; give the network instead, or compile it again`);
}
