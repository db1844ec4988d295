/** What the networks with golden inputs find in them, in words. */
import { indexOfMax } from '../src/runtime/accuracy.ts';
import { type Detection, decodeFastestDet, decodeUltraface, decodeYolox, decodeYunet } from './detections.ts';
import { floatsOf, type GoldenName, type Values } from './golden-runs.ts';

/** Objects of the networks that detect some. */
export const DETECTIONS = {
  ultraface: (values: Values) => decodeUltraface(floatsOf(values, 'scores'), floatsOf(values, 'boxes'), 0.7),
  yunet: (values: Values) => decodeYunet((name) => floatsOf(values, name), 320, 0.6),
  fastestDet: (values: Values) => decodeFastestDet(floatsOf(values, '758'), 22, 22, 0.65),
  yoloxNano: (values: Values) => decodeYolox(floatsOf(values, 'output'), 416, 0.5),
} as const satisfies Partial<Record<GoldenName, (values: Values) => Detection[]>>;

/** Share of the picture that is the person. */
export function maskShare(values: Values): number {
  const mask = floatsOf(values, 'mask');
  return mask.filter((v) => v > 0.5).length / mask.length;
}

/** Of the 58 characters those where a sentence, or a token, ends. */
export function sentenceEnds(values: Values): number[] {
  const logits = floatsOf(values, 'output').subarray(0, 2 * 58);
  return Array.from({ length: 58 }, (_, i) => i).filter((i) => logits[2 * i] > 0);
}

/** Classes of COCO that the pictures show. */
const COCO: Readonly<Record<number, string>> = { 0: 'person', 1: 'bicycle', 2: 'car', 16: 'dog' };
const labelsOf = (found: readonly Detection[]): string =>
  found
    .map(({ label }) => COCO[label] ?? `class ${label}`)
    .sort()
    .join(', ');

/** A few words on what comes out. */
export const FINDINGS: Readonly<Record<GoldenName, (values: Values) => string>> = {
  mnist: (values) => `the digit ${indexOfMax(floatsOf(values, 'Plus214_Output_0'))}`,
  superResolution: (values) => `a picture of ${floatsOf(values, 'output').length} pixels`,
  ultraface: (values) => `${DETECTIONS.ultraface(values).length} faces`,
  yunet: (values) => `${DETECTIONS.yunet(values).length} faces`,
  fastestDet: (values) => labelsOf(DETECTIONS.fastestDet(values)),
  yoloxNano: (values) => labelsOf(DETECTIONS.yoloxNano(values)),
  background: (values) => `a person on ${(100 * maskShare(values)).toFixed(1)} % of the picture`,
  silero: (values) => `speech: ${floatsOf(values, 'output')[0].toFixed(3)}`,
  sentences: (values) => `sentences or tokens end at characters ${sentenceEnds(values).join(', ')}`,
  tracker: (values) => {
    const scores = floatsOf(values, 'output1');
    const best = indexOfMax(scores);
    return `the target at row ${best >> 4}, column ${best & 15} of 16, score ${scores[best].toFixed(3)}`;
  },
};
