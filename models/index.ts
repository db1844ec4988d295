/** The model zoo: networks by the names that the command line takes, with published figures where there are any. */
import type { Graph } from '../src/graph/graph.ts';
import { buildAlexnet, buildBvlcAlexnet, buildZfnet } from './alexnet.ts';
import type { Scope } from './builder.ts';
import { buildDeeplab } from './deeplab.ts';
import { buildDensenet121 } from './densenet.ts';
import { buildDsCnn } from './ds-cnn.ts';
import { buildEfficientnetLite0 } from './efficientnet-lite.ts';
import { buildEnet } from './enet.ts';
import { buildEspcn } from './espcn.ts';
import { buildFcn8s } from './fcn8s.ts';
import { buildGooglenet } from './googlenet.ts';
import { buildInceptionV3 } from './inception-v3.ts';
import { buildLinknet } from './linknet.ts';
import { buildMobilenetV1, buildMobilenetV2, buildMobilenetV3Small } from './mobilenet.ts';
import { buildGruTagger, buildLstmLanguageModel } from './recurrent.ts';
import { buildResnet } from './resnet.ts';
import { buildShufflenetV1, buildShufflenetV2 } from './shufflenet.ts';
import { buildSqueezenet } from './squeezenet.ts';
import { buildSsdMobilenetV1 } from './ssd-mobilenet.ts';
import { buildTinyYolov2, buildYolov3Tiny } from './tiny-yolo.ts';
import { buildBertMini, buildVitTiny } from './transformers.ts';
import { buildUnet } from './unet.ts';
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

/** What to build. */
export interface BuildOptions {
  /** Default 'network'. 'convolutions' ends behind the last convolution and what is fused behind it, and makes no weights beyond. */
  readonly scope?: Scope;
  /** Rows and columns of the input image, for models that are `sized`. Default: the published size. */
  readonly size?: number;
}

/** A built-in network. */
export interface Model {
  readonly title: string;
  /** Builds the ONNX graph with seeded weights: the same bits every time. */
  build(options?: BuildOptions): Graph;
  /** Whether it can be built for another size of the input: nothing in it depends on that. */
  readonly sized?: boolean;
  readonly paper?: PaperFigures;
}

function model(title: string, build: (scope: Scope) => Graph, paper?: Omit<PaperFigures, 'scope'>): Model {
  return {
    title,
    build: ({ scope = 'network' } = {}) => build(scope),
    ...(paper ? { paper: { ...paper, scope: 'convolutions' as const } } : {}),
  };
}

/** A model of any size of the input. */
function sized(title: string, build: (scope: Scope, size?: number) => Graph): Model {
  return { title, build: ({ scope = 'network', size } = {}) => build(scope, size), sized: true };
}

/** Which of the two printed a figure is only known for AlexNet's. */
const PAPERS = 'EMC2 2018 or arXiv 1708.02579';

/** The built-in networks by name. */
export const MODELS: Readonly<Record<string, Model>> = {
  alexnet: model('AlexNet (one tower)', buildAlexnet, {
    fps: 98,
    gbps: 1.2,
    layerOccupancies: [0.699, 0.991, 0.994, 0.972, 0.986],
    source: 'EMC2 2018; layers: arXiv 1708.02579',
  }),
  'alexnet-bvlc': model('AlexNet (two towers, LRN)', buildBvlcAlexnet),
  zfnet: model('ZFNet', buildZfnet),
  googlenet: model('GoogLeNet', buildGooglenet, { fps: 36.3, source: PAPERS }),
  'inception-v3': model('Inception-v3', buildInceptionV3),
  vgg16: model('VGG-16', (scope) => buildVgg(16, scope)),
  vgg19: model('VGG-19', (scope) => buildVgg(19, scope)),
  resnet18: model('ResNet-18', (scope) => buildResnet(18, scope), { fps: 21.4, gbps: 2.2, source: PAPERS }),
  resnet34: model('ResNet-34', (scope) => buildResnet(34, scope)),
  resnet50: model('ResNet-50 v1', (scope) => buildResnet(50, scope), { fps: 17.2, source: PAPERS }),
  'resnet50-v1.5': model('ResNet-50 v1.5', (scope) => buildResnet(50, scope, 'v1.5')),
  resnet101: model('ResNet-101 v1', (scope) => buildResnet(101, scope)),
  'resnet101-v1.5': model('ResNet-101 v1.5', (scope) => buildResnet(101, scope, 'v1.5')),
  'squeezenet1.0': sized('SqueezeNet 1.0', (scope, size) => buildSqueezenet('1.0', scope, size)),
  'squeezenet1.1': sized('SqueezeNet 1.1', (scope, size) => buildSqueezenet('1.1', scope, size)),
  'mobilenet-v1': sized('MobileNet v1', buildMobilenetV1),
  'mobilenet-v2': sized('MobileNet v2', buildMobilenetV2),
  'mobilenet-v3-small': sized('MobileNet v3 small', buildMobilenetV3Small),
  'efficientnet-lite0': model('EfficientNet-lite0', buildEfficientnetLite0),
  densenet121: model('DenseNet-121', buildDensenet121),
  'shufflenet-v1': model('ShuffleNet v1 (three groups)', buildShufflenetV1),
  'shufflenet-v2': model('ShuffleNet v2', buildShufflenetV2),
  'tiny-yolov2': model('Tiny-YOLOv2', buildTinyYolov2),
  'yolov3-tiny': model('YOLOv3-tiny', buildYolov3Tiny),
  'ssd-mobilenet-v1': model('SSD with MobileNet v1', buildSsdMobilenetV1),
  unet: model('U-Net', buildUnet),
  linknet: model('LinkNet', buildLinknet),
  enet: model('ENet', buildEnet),
  'deeplabv3-mobilenet-v2': model('DeepLab v3 on MobileNet v2', buildDeeplab),
  fcn8s: model('FCN-8s', buildFcn8s),
  espcn: model('ESPCN super-resolution', buildEspcn),
  'ds-cnn': model('DS-CNN keyword spotting', buildDsCnn),
  'lstm-lm': model('LSTM language model (two layers)', buildLstmLanguageModel),
  'gru-tagger': model('GRU tagger (bidirectional)', buildGruTagger),
  'bert-mini': model('BERT-mini encoder', buildBertMini),
  'vit-tiny': model('Vision transformer (DeiT-Ti)', buildVitTiny),
};
