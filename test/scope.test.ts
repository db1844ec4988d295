/** Scope `convolutions` means the same for a built-in network, which is built that far, and for an ONNX file, which is cut there. */
import { expect, it } from 'vitest';
import { MODELS } from '../models/index.ts';
import { cutAfterConvolutions } from '../src/runtime/subgraph.ts';

it.each(['alexnet', 'resnet18', 'googlenet', 'squeezenet1.1', 'mobilenet-v2', 'tiny-yolov2'])('%s', (name) => {
  const cut = cutAfterConvolutions(MODELS[name].build());
  const built = MODELS[name].build({ scope: 'convolutions' });
  expect(cut.outputs.map((output) => output.name)).toEqual(built.outputs.map((output) => output.name));
  expect(cut.nodes.map((node) => node.name).sort()).toEqual(built.nodes.map((node) => node.name).sort());
  expect([...cut.initializers.keys()].sort()).toEqual([...built.initializers.keys()].sort());
});
