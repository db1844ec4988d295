/** The model zoo: networks by the names that the command line takes, with published figures where there are any. */
import type { Graph } from '../src/graph/graph.ts';
import { buildAlexnet } from './alexnet.ts';
import type { Scope } from './builder.ts';
import { buildResnet } from './resnet.ts';
import { buildVgg } from './vgg.ts';

export interface PaperFigures {
  readonly fps?: number;
  readonly gbps?: number;
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
  alexnet: model('AlexNet (one tower)', buildAlexnet, { fps: 98, gbps: 1.2, source: 'EMC2 2018' }),
  resnet18: model('ResNet-18', (scope) => buildResnet(18, scope), { fps: 21.4, gbps: 2.2, source: 'EMC2 2018' }),
  vgg16: model('VGG-16', (scope) => buildVgg(16, scope)),
};
