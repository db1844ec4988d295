/**
 * Transformer encoders: BERT-mini (arXiv 1810.04805 in the size of arXiv 1908.08962, behind the look-up of the words' embeddings) and the smallest
 * vision transformer (DeiT-Ti, arXiv 2012.12877).
 */
import type { Graph } from '../src/graph/graph.ts';
import { NetworkBuilder, type Scope, type Value } from './builder.ts';
import { addAttention, addGelu, addLayerNorm, addLinear, addReshape, addTranspose } from './sequence-layers.ts';

/** Opset that has LayerNormalization. */
const OPSET = 17;
const BERT = { words: 128, features: 256, heads: 4, layers: 4 };
const VIT = { size: 224, patch: 16, features: 192, heads: 3, layers: 12, classes: 1000 };
/** The hidden layer of the position-wise part. */
const WIDENING = 4;
/** Deviation that a sub-layer adds to its shortcut where the sum is not normalized at once. */
const BRANCH_GAIN = 0.5;
const POSITION_DEVIATION = 0.3;

function addPositions(net: NetworkBuilder, x: Value): Value {
  const [positions, features] = x.shape;
  const deviation = POSITION_DEVIATION;
  const table = net.addWeights('positions', [1, positions, features], { outChannels: positions, fanIn: features, deviation });
  const made = { shape: x.shape, variance: x.variance + deviation ** 2, square: x.square + deviation ** 2 };
  return net.addNode('Add', 'embedded', [x.name, table], made);
}

function addFeedForward(net: NetworkBuilder, x: Value, name: string, gain: number): Value {
  const features = x.shape[1];
  return addLinear(net, addGelu(net, addLinear(net, x, WIDENING * features, `${name}_wide`)), features, `${name}_narrow`, gain);
}

/** Input 1×128×256 embedded words, output 1×128×256. Sums are normalized ("post-norm"). */
export function buildBertMini(_scope: Scope): Graph {
  const { words, features, heads, layers } = BERT;
  const net = new NetworkBuilder('bert-mini', [words, features], { opset: OPSET });
  let x = addLayerNorm(net, addPositions(net, net.input), 'embedded_norm');
  for (let layer = 1; layer <= layers; layer++) {
    const name = `layer${layer}`;
    const projected = ['query', 'key', 'value'].map((what) => addLinear(net, x, features, `${name}_${what}`));
    const attended = addLinear(net, addAttention(net, projected, heads, `${name}_attention`), features, `${name}_dense`);
    x = addLayerNorm(net, net.add(attended, x, 'none', `${name}_add1`), `${name}_norm1`);
    x = addLayerNorm(net, net.add(addFeedForward(net, x, name, 1), x, 'none', `${name}_add2`), `${name}_norm2`);
  }
  return net.build(x);
}

/** Input 1×3×224×224, output 1×1000. Branches are normalized ("pre-norm"); queries, keys and values come from one product. */
export function buildVitTiny(scope: Scope): Graph {
  const { size, patch, features, heads, layers, classes } = VIT;
  const net = new NetworkBuilder('vit-tiny', [3, size, size], { opset: OPSET });
  const patches = net.conv(net.input, features, { kernel: patch, stride: patch, activation: 'none', name: 'patches' });
  if (scope === 'convolutions') return net.build(patches);
  const count = (size / patch) ** 2;
  let x = addTranspose(net, addReshape(net, patches, [features, count], 'patches_flat'), [2, 1], 'patches_rows');
  const token = net.addWeights('class_token', [1, 1, features], { outChannels: 1, fanIn: features, deviation: 1 });
  x = net.addNode('Concat', 'tokens', [token, x.name], { ...x, shape: [count + 1, features] }, { axis: 1 });
  x = addPositions(net, x);
  for (let layer = 1; layer <= layers; layer++) {
    const name = `block${layer}`;
    const all = addLinear(net, addLayerNorm(net, x, `${name}_norm1`), 3 * features, `${name}_qkv`);
    const sizes = net.addIntegers(`${name}_split.sizes`, [features, features, features]);
    const part = { ...all, shape: [count + 1, features] };
    const projected = net.addNodes('Split', `${name}_split`, [all.name, sizes], [part, part, part], { axis: 2 });
    const attended = addAttention(net, projected, heads, `${name}_attention`);
    x = net.add(addLinear(net, attended, features, `${name}_proj`, BRANCH_GAIN), x, 'none', `${name}_add1`);
    x = net.add(addFeedForward(net, addLayerNorm(net, x, `${name}_norm2`), name, BRANCH_GAIN), x, 'none', `${name}_add2`);
  }
  const row = net.addIntegers('class_row', [0]);
  const normed = addLayerNorm(net, x, 'norm');
  const first = net.addNode('Gather', 'class_features', [normed.name, row], { ...normed, shape: [1, features] }, { axis: 1 });
  return net.build(net.gemm(net.flatten(first), classes, 'none', 'head'));
}
