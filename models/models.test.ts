import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { writeOnnx } from '../src/graph/onnx/write-onnx.ts';
import { inferShapes } from '../src/graph/shape-inference.ts';
import { countElements } from '../src/graph/tensor.ts';
import { countMacs, sumMacs } from './count-macs.ts';
import { MODELS } from './index.ts';
import { fillNormal, hashText } from './random-weights.ts';

/** Millions of MACs of the convolutions, padding taps skipped / full, from the project brief or counted independently. */
const MACS: Readonly<Record<string, readonly [number, number?]>> = {
  alexnet: [599.3, 655.6],
  resnet18: [1679.9, 1813.6],
  vgg16: [14846, 15347],
  vgg19: [18834, 19508],
  googlenet: [1503.6, 1581.6],
  resnet34: [3374.4, 3663.2],
  resnet50: [3696.8, 3855.9],
  resnet101: [7226.3, 7568.1],
  'squeezenet1.1': [337.4, 349.2],
  'mobilenet-v1': [566.9],
  'mobilenet-v2': [298.4],
  // The fully connected layer added, the full counts are the 5.71, 2.83 and 3.49 G that other tools give.
  'inception-v3': [5465.9, 5711.2],
  densenet121: [2777.2, 2833.1],
  'tiny-yolov2': [3207.3, 3485.5],
};

describe('every model', () => {
  it.each(Object.keys(MODELS))('%s: the convolutions have the published number of MACs', (name) => {
    const whole = sumMacs(countMacs(MODELS[name].build({ scope: 'convolutions' })), 'convolutions');
    const [skipped, full] = MACS[name];
    const digits = skipped > 10000 ? 0 : 1;
    expect((whole.skipped / 1e6).toFixed(digits)).toBe(skipped.toFixed(digits));
    if (full !== undefined) expect((whole.full / 1e6).toFixed(digits)).toBe(full.toFixed(digits));
  });

  it.each(Object.keys(MODELS))('%s: shape inference finds the shapes that the builder gave', (name) => {
    const graph = MODELS[name].build({ scope: 'convolutions' });
    expect(inferShapes({ ...graph, values: new Map() }).values).toEqual(graph.values);
  });
});

/** Runs a model on noise in ONNX Runtime with every Conv and Gemm result exposed; root mean squares by node. */
async function measureScales(name: string): Promise<Map<string, number>> {
  const graph = MODELS[name].build();
  const exposed = graph.nodes.filter(({ op }) => op === 'Conv' || op === 'Gemm').map(({ outputs }) => graph.values.get(outputs[0])!);
  const session = await InferenceSession.create(writeOnnx({ ...graph, outputs: exposed }), {
    intraOpNumThreads: 1,
    graphOptimizationLevel: 'disabled',
  });
  const dims = graph.inputs[0].dims as number[];
  const input = new Float32Array(countElements(dims));
  fillNormal(input, 1, 1);
  const results = await session.run({ [graph.inputs[0].name]: new OrtTensor('float32', input, dims) });
  const scales = new Map<string, number>();
  for (const { name: output, dims: expected } of exposed) {
    const { data, dims: actual } = results[output];
    expect(actual).toEqual(expected);
    let squares = 0;
    for (const value of data as Float32Array) squares += value * value;
    scales.set(output, Math.sqrt(squares / data.length));
  }
  await session.release();
  return scales;
}

describe('activations of built networks', () => {
  it.each(['alexnet', 'resnet18', 'googlenet', 'squeezenet1.1', 'mobilenet-v1', 'mobilenet-v2', 'densenet121'])(
    '%s: shapes as ONNX Runtime has them, scale between 0.3 and 4',
    async (name) => {
      for (const [layer, scale] of await measureScales(name)) {
        expect(scale, layer).toBeGreaterThan(0.3);
        expect(scale, layer).toBeLessThan(4);
      }
    },
  );
});

describe('weights', () => {
  it('are the same bits every time, in both scopes', () => {
    const weights = (scope: 'convolutions' | 'network'): Float32Array =>
      MODELS.resnet18.build({ scope }).initializers.get('layer4_2_conv2.weight')!.data as Float32Array;
    const first = weights('network');
    expect(Buffer.from(first.buffer).equals(Buffer.from(weights('convolutions').buffer))).toBe(true);
    // Typed from a first run: a change of the generator changes every figure that was measured with it.
    expect([...first.subarray(0, 3)].map((value) => value.toFixed(6))).toEqual(['0.000308', '0.006285', '-0.014384']);
  });

  it('scope convolutions makes no fully connected weights', () => {
    const graph = MODELS.alexnet.build({ scope: 'convolutions' });
    expect([...graph.initializers.keys()].filter((name) => name.startsWith('fc'))).toEqual([]);
    expect(graph.outputs[0]).toEqual({ name: 'conv5_pool', dtype: 'float32', dims: [1, 256, 6, 6] });
  });

  it('are normal: mean, variance, kurtosis', () => {
    const values = new Float32Array(1 << 18);
    fillNormal(values, hashText('test'), 2);
    const moment = (power: number): number => values.reduce((sum, value) => sum + (value / 2) ** power, 0) / values.length;
    expect(moment(1)).toBeCloseTo(0, 2);
    expect(moment(2)).toBeCloseTo(1, 2);
    expect(moment(4)).toBeGreaterThan(2.9);
    expect(moment(4)).toBeLessThan(3.05);
  });
});
