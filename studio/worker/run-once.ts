/** One run with the user's inputs: outputs, and on request the distance of every layer from float32. */
import {
  concreteDims,
  countSaturated,
  createFloatSession,
  createMachineDevice,
  createReferenceDevice,
  dequantizeOutput,
  exposeValues,
  type Graph,
  type ImageOptions,
  InputError,
  imageToTensor,
  isImageName,
  measureAccuracy,
  type NamedTensors,
  randomInputs,
  readNpy,
  readTensorPb,
  runModel,
  type Tensor,
  tensorNames,
  toNumbers,
  writeOnnx,
} from '../../src/browser.ts';
import { decoderOf } from './decode-image.ts';
import type { Calls, LayerAccuracy, RunInput, RunView, TensorView } from './protocol.ts';
import type { Session } from './session.ts';

export async function runOnce(session: Session, argument: Calls['run']['argument']): Promise<RunView> {
  const { model } = session;
  const frames: Map<string, Tensor>[] = [];
  for (let frame = 0; frame < session.options.batch; frame++) {
    const inputs = randomInputs(model.graph, argument.seed + frame);
    for (const input of argument.inputs) inputs.set(input.name, await readInput(model.graph, input, argument.image));
    frames.push(inputs);
  }
  const run = await runModel(model, createMachineDevice(model.programs), frames);
  const layers = argument.compare
    ? await compareLayers(
        session,
        run.device.map((part) => part.inputWords),
        frames,
      )
    : [];
  return {
    outputs: viewsOf(run.outputs[0]),
    inputs: viewsOf(frames[0]),
    saturatedInputs: run.saturatedInputs,
    seconds: run.deviceSeconds,
    layers,
  };
}

function viewsOf(tensors: NamedTensors): TensorView[] {
  return [...tensors].map(([name, tensor]) => ({
    name,
    dims: tensor.dims,
    values: tensor.data instanceof Float32Array ? tensor.data : Float32Array.from(toNumbers(tensor)),
  }));
}

async function readInput(graph: Graph, { name, file }: RunInput, image: ImageOptions): Promise<Tensor> {
  const info = graph.inputs.find((input) => input.name === name);
  if (!info) throw new InputError(`the network has no input '${name}'`);
  if (isImageName(file.name) || file.type.startsWith('image/'))
    return imageToTensor(file.name, decoderOf(file), concreteDims(info), info.dtype, image);
  const bytes = new Uint8Array(await file.arrayBuffer());
  return file.name.endsWith('.pb') ? readTensorPb(bytes, file.name) : readNpy(bytes, file.name);
}

/** Every layer's result in float32 (ONNX Runtime) and in integers (the reference, whose bits are the machine's), worst first. */
async function compareLayers(
  { model }: Session,
  inputWords: readonly (readonly ReadonlyMap<string, Int16Array>[])[],
  frames: readonly NamedTensors[],
): Promise<LayerAccuracy[]> {
  const produced = new Set(model.graph.nodes.flatMap((node) => node.outputs));
  const names = new Set(model.integerGraphs.flatMap((graph) => graph.layers.map((layer) => graph.tensors[layer.output].name)));
  const float = await createFloatSession(
    writeOnnx(
      exposeValues(
        model.graph,
        [...names].filter((name) => produced.has(name)),
      ),
    ),
    model.name,
  );
  const found: LayerAccuracy[] = [];
  try {
    const expected = await float.run(frames[0]);
    const reference = createReferenceDevice(model.integerGraphs, { frames: frames.length });
    for (const [part, graph] of model.integerGraphs.entries()) {
      const result = await reference.run(inputWords[part], part);
      const saturated = new Map(countSaturated(graph, result, 1).map((entry) => [entry.layer, entry.saturated]));
      const ids = tensorNames(graph);
      for (const layer of graph.layers) {
        const words = result.read(ids[layer.output], 0);
        const values = expected.get(graph.tensors[layer.output].name);
        if (!words || !(values?.data instanceof Float32Array) || values.data.length !== words.length) continue;
        const border = { name: layer.name, tensor: layer.output, dims: values.dims, order: 'nchw' as const };
        const computed = dequantizeOutput(graph, border, words).data as Float32Array;
        found.push({
          ...measureAccuracy(values.data, computed),
          layer: layer.name,
          tensor: graph.tensors[layer.output].name,
          saturated: saturated.get(layer.name) ?? 0,
          words: words.length,
        });
      }
    }
  } finally {
    await float.release();
  }
  return found.sort((a, b) => a.sqnrDb - b.sqnrDb);
}
