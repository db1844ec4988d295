/** The model zoo: networks by the names that the command line takes, with published figures where there are any. */
import type { Graph } from '../src/graph/graph.ts';
import { buildAlexnet } from './alexnet.ts';
import type { Scope } from './builder.ts';
import { buildResnet } from './resnet.ts';
import { buildVgg } from './vgg.ts';

export interface PaperFigures {
  readonly fps?: number;
  readonly gbps?: number;
  /** Occupancy of each convolution in order, 0 to 1, padding taps skipped. */
  readonly layerOccupancies?: readonly number[];
  readonly source: string;
  /** What the figure counts. */
  readonly scope: 'convolutions';
}

export interface BuildOptions {
  /** Default 'network'. 'convolutions' ends behind the last convolution and what is fused behind it, and makes no weights beyond. */
  readonly scope?: Scope;
}

export interface Model {
  readonly title: string;
  /** Builds the ONNX graph with seeded weights: the same bits every time. */
  build(options?: BuildOptions): Graph;
  readonly paper?: PaperFigures;
}

function model(title: string, build: (scope: Scope) => Graph, paper?: Omit<PaperFigures, 'scope'>): Model {
  return {
    title,
    build: ({ scope = 'network' } = {}) => build(scope),
    ...(paper ? { paper: { ...paper, scope: 'convolutions' as const } } : {}),
  };
}

export const MODELS: Readonly<Record<string, Model>> = {
  alexnet: model('AlexNet (one tower)', buildAlexnet, {
    fps: 98,
    gbps: 1.2,
    layerOccupancies: [0.699, 0.991, 0.994, 0.972, 0.986],
    source: 'EMC2 2018; layers: arXiv 1708.02579 (which gives 100.3 FPS)',
  }),
  resnet18: model('ResNet-18', (scope) => buildResnet(18, scope), { fps: 21.4, gbps: 2.2, source: 'EMC2 2018' }),
  vgg16: model('VGG-16', (scope) => buildVgg(16, scope)),
};
