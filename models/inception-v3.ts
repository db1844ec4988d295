/** Inception-v3 (arXiv 1512.00567) without the auxiliary head, as in torchvision, batch normalization folded. */
import type { Graph } from '../src/graph/graph.ts';
import { NetworkBuilder, type Scope, type Value } from './builder.ts';

type Kernel = number | readonly [number, number];

/** Convolution that keeps the size of its input: [channels, kernel]. */
type Step = readonly [number, Kernel];

class InceptionBuilder {
  readonly net = new NetworkBuilder('inception-v3', [3, 299, 299]);
  #block = '';
  #branch = 0;
  #step = 0;

  /** Following names start with this. */
  enter(block: string): void {
    this.#block = block;
    this.#branch = 0;
  }

  /** A chain of size-keeping convolutions. */
  branch(x: Value, ...steps: readonly Step[]): Value {
    this.#branch++;
    this.#step = 0;
    return this.extend(x, ...steps);
  }

  extend(x: Value, ...steps: readonly Step[]): Value {
    let y = x;
    for (const [channels, kernel] of steps) {
      const [kh, kw] = typeof kernel === 'number' ? [kernel, kernel] : kernel;
      y = this.net.conv(y, channels, { kernel, pad: [kh >> 1, kw >> 1], name: this.#name() });
    }
    return y;
  }

  /** 3×3 convolution with stride 2 and no padding, behind a branch. */
  reduce(x: Value, channels: number): Value {
    return this.net.conv(x, channels, { kernel: 3, stride: 2, name: this.#name() });
  }

  #name(): string {
    return `${this.#block}_branch${this.#branch}_conv${++this.#step}`;
  }

  /** 3×3 average at stride 1, and a 1×1 convolution. */
  poolBranch(x: Value, channels: number): Value {
    return this.branch(this.net.averagePool(x, { kernel: 3, stride: 1, pad: 1, name: `${this.#block}_average` }), [channels, 1]);
  }

  /** The 3×3/2 maximum beside reducing branches. */
  poolReduce(x: Value): Value {
    return this.net.maxPool(x, { kernel: 3, stride: 2, name: `${this.#block}_pool` });
  }

  join(...parts: readonly Value[]): Value {
    return this.net.concat(parts, `${this.#block}_output`);
  }
}

const ROW: Kernel = [1, 7];
const COLUMN: Kernel = [7, 1];

/** Input 1×3×299×299, output 1×1000. */
export function buildInceptionV3(scope: Scope): Graph {
  const b = new InceptionBuilder();
  const { net } = b;
  const pool = { kernel: 3, stride: 2 };
  let x = net.conv(net.input, 32, { kernel: 3, stride: 2, name: 'stem_conv1' });
  x = net.conv(x, 32, { kernel: 3, name: 'stem_conv2' });
  x = net.maxPool(net.conv(x, 64, { kernel: 3, pad: 1, name: 'stem_conv3' }), pool);
  x = net.conv(x, 80, { kernel: 1, name: 'stem_conv4' });
  x = net.maxPool(net.conv(x, 192, { kernel: 3, name: 'stem_conv5' }), pool);
  for (const [index, projection] of [32, 64, 64].entries()) {
    b.enter(`mixed5${'bcd'[index]}`);
    x = b.join(b.branch(x, [64, 1]), b.branch(x, [48, 1], [64, 5]), b.branch(x, [64, 1], [96, 3], [96, 3]), b.poolBranch(x, projection));
  }
  b.enter('mixed6a');
  x = b.join(b.reduce(b.branch(x), 384), b.reduce(b.branch(x, [64, 1], [96, 3]), 96), b.poolReduce(x));
  for (const [index, channels] of [128, 160, 160, 192].entries()) {
    b.enter(`mixed6${'bcde'[index]}`);
    const deep = b.branch(x, [channels, 1], [channels, COLUMN], [channels, ROW], [channels, COLUMN], [192, ROW]);
    x = b.join(b.branch(x, [192, 1]), b.branch(x, [channels, 1], [channels, ROW], [192, COLUMN]), deep, b.poolBranch(x, 192));
  }
  b.enter('mixed7a');
  x = b.join(b.reduce(b.branch(x, [192, 1]), 320), b.reduce(b.branch(x, [192, 1], [192, ROW], [192, COLUMN]), 192), b.poolReduce(x));
  for (const part of 'bc') {
    b.enter(`mixed7${part}`);
    const one = b.branch(x, [320, 1]);
    const fork = b.branch(x, [384, 1]);
    const wide = [b.extend(fork, [384, [1, 3]]), b.extend(fork, [384, [3, 1]])];
    const deepFork = b.branch(x, [448, 1], [384, 3]);
    const deep = [b.extend(deepFork, [384, [1, 3]]), b.extend(deepFork, [384, [3, 1]])];
    x = b.join(one, ...wide, ...deep, b.poolBranch(x, 192));
  }
  if (scope === 'convolutions') return net.build(x);
  return net.build(net.gemm(net.dropout(net.flatten(net.globalAveragePool(x))), 1000, 'none', 'fc'));
}
