/** A layer that the machine can not hold, with the ONNX nodes that it covers: the runtime sends them to the host and compiles again. */
import { InputError } from '../util/errors.ts';

/** See the file's header. For a user it is bad input like any other. */
export class LayerRefusal extends InputError {
  /** ONNX nodes of the layer, main node first. */
  readonly nodes: readonly string[];

  constructor(message: string, nodes: readonly string[]) {
    super(message);
    this.nodes = nodes;
  }
}
