/**
 * Networks with real weights on real inputs (../shared/data/pretrained), on the simulated machine and the host: what they are known to find comes out, the
 * bits are the reference's, and every output is close to ONNX Runtime's, or the cause is named here.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { indexOfMax } from '../src/runtime/accuracy.ts';
import { compareOutputs, runFloat } from '../src/runtime/verify-model.ts';
import { type Detection, overlap } from './detections.ts';
import { DETECTIONS, FINDINGS, maskShare, sentenceEnds } from './golden-findings.ts';
import { floatsOf, type GoldenName, type GoldenRun, hasGolden, runGolden } from './golden-runs.ts';
import { greatestByChannel, roundValue } from './round-value.ts';

if (!hasGolden) console.log('test/real-networks.test.ts is skipped: the public models beside the project (../shared/data) are not here');

/** Least SQNR of an output, dB. */
const LEAST_SQNR_DB = 40;

/** Runs a network; bits must be the reference's, and no input beyond its binary point. */
async function run(name: GoldenName): Promise<GoldenRun> {
  const outcome = await runGolden(name);
  expect(outcome.difference).toBeUndefined();
  expect(outcome.words).toBeGreaterThan(0);
  expect(outcome.saturatedInputs).toBe(0);
  return outcome;
}

function expectAccurate({ sqnrDb }: GoldenRun, least = LEAST_SQNR_DB): void {
  expect(sqnrDb.size).toBeGreaterThan(0);
  for (const [output, decibels] of sqnrDb) expect(decibels, output).toBeGreaterThan(least);
}

/** The same objects at the same places with about the same scores. */
function expectSame(found: readonly Detection[], wanted: readonly Detection[], scores = 0.02, places = 0.9): void {
  expect(found).toHaveLength(wanted.length);
  for (const one of wanted) {
    const match = found.find(({ label, box }) => label === one.label && overlap(box, one.box) > places);
    expect(match, `label ${one.label} at ${one.box.map((v) => v.toFixed(2))}`).toBeDefined();
    expect(Math.abs(match!.score - one.score)).toBeLessThan(scores);
  }
}

describe.skipIf(!hasGolden)('networks with real weights', { timeout: 300_000 }, () => {
  it.each([
    ['ultraface', '44 faces'],
    ['yunet', '56 faces'],
    ['fastestDet', 'person, person, person, person'],
  ] as const)('%s finds %s', async (name, finding) => {
    const outcome = await run(name);
    expect(FINDINGS[name](outcome.golden)).toBe(finding);
    expectSame(DETECTIONS[name](outcome.outputs), DETECTIONS[name](outcome.golden));
    expectAccurate(outcome);
    expect(outcome.cycles).toBeGreaterThan(0);
  });

  it('YOLOX nano finds the dog, the car and the bicycle', async () => {
    const outcome = await run('yoloxNano');
    expect(FINDINGS.yoloxNano(outcome.golden)).toBe('bicycle, car, dog');
    expectSame(DETECTIONS.yoloxNano(outcome.outputs), DETECTIONS.yoloxNano(outcome.golden), 0.06, 0.85);
    // Below 40 dB for one cause: a value has one binary point. Of the first layer's 16 channels one reaches 97, and the depthwise layer behind it amplifies
    // others that stay below 1. Float32 with nothing else rounded loses as much; with a binary point for each channel it would not.
    const first = '687';
    const { graph, inputs, golden } = outcome;
    const channels = await greatestByChannel(graph, first, inputs);
    expect(Math.max(...channels)).toBeGreaterThan(97);
    const fraction = (greatest: number): number => 15 - Math.ceil(Math.log2(greatest));
    const roundedTo = async (fractions: readonly number[]): Promise<number> => {
      const rounded = roundValue(graph, first, fractions);
      return compareOutputs([golden], await runFloat({ graph: rounded, name: 'rounded' }, [inputs]))[0].sqnrDb;
    };
    expect(await roundedTo([fraction(Math.max(...channels))])).toBeLessThan(27);
    expect(await roundedTo(channels.map(fraction))).toBeGreaterThan(55);
    expectAccurate(outcome, 25);
  });

  it('the person in the picture gets a mask', async () => {
    const outcome = await run('background');
    const mask = floatsOf(outcome.outputs, 'mask');
    expect(maskShare(outcome.outputs)).toBeCloseTo(0.356, 2);
    expect(mask[0]).toBeLessThan(0.05);
    expect(mask[255]).toBeLessThan(0.05);
    expectAccurate(outcome);
  });

  it('super-resolution enlarges the cat', async () => {
    expectAccurate(await run('superResolution'));
  });

  it('the digit is a 2', async () => {
    const outcome = await run('mnist');
    expect(indexOfMax(floatsOf(outcome.outputs, 'Plus214_Output_0'))).toBe(2);
    expectAccurate(outcome);
  });

  it('Silero hears speech', async () => {
    const outcome = await run('silero');
    expect(floatsOf(outcome.outputs, 'output')[0]).toBeGreaterThan(0.99);
    expectAccurate(outcome);
  });

  it('the sentence ends where it ends', async () => {
    const outcome = await run('sentences');
    expect(sentenceEnds(outcome.outputs)).toEqual(sentenceEnds(outcome.golden));
    expect(sentenceEnds(outcome.outputs)).toHaveLength(2);
    expectAccurate(outcome);
  });

  describe('the tracker', () => {
    let outcome: GoldenRun;
    beforeAll(async () => {
      outcome = await run('tracker');
    }, 300_000);

    it('sees its target in the centre', () => {
      const scores = floatsOf(outcome.outputs, 'output1');
      expect(indexOfMax(scores)).toBe(8 * 16 + 8);
      expect(scores[8 * 16 + 8]).toBeCloseTo(0.932, 2);
    });

    it('is close to float32', () => {
      expectAccurate(outcome);
    });
  });
});
