/** The graph that a page asks for: built from the zoo or read from a dropped file, as the command line opens it. */
import { fixFrameDimension, type Graph, InputError, MODELS, type PublishedFigures, readOnnx } from '../../src/browser.ts';
import type { NetworkSource, Scope } from './protocol.ts';

export interface OpenedNetwork {
  readonly name: string;
  readonly graph: Graph;
  readonly paper?: PublishedFigures;
}

/** @throws InputError when there is no such network or the file is no usable model */
export async function openNetwork(source: NetworkSource, scope: Scope): Promise<OpenedNetwork> {
  if (source.kind === 'file') {
    const bytes = new Uint8Array(await source.file.arrayBuffer());
    const name = source.name.replace(/\.onnx$/i, '');
    const readExternal = (location: string): Uint8Array => {
      throw new InputError(`${source.name}: its weights lie in another file, '${location}'; the studio opens models of one file`);
    };
    return { name, graph: fixFrameDimension({ ...readOnnx(bytes, { source: source.name, readExternal }), name }) };
  }
  const model = Object.hasOwn(MODELS, source.name) ? MODELS[source.name] : undefined;
  if (!model) throw new InputError(`model '${source.name}': no such built-in network`);
  const paper = model.paper?.scope === scope ? model.paper : undefined;
  return { name: source.name, graph: model.build({ scope }), paper };
}
