/** Predicted cycles against the timing simulator, layer by layer: what the schedule search believes is what happens. */
import { describe, expect, it } from 'vitest';
import { MODELS } from '../../../../models/index.ts';
import { compileModel } from '../../../runtime/compile-model.ts';
import { measureTiming } from '../../../runtime/measure-timing.ts';

interface Errors {
  /** Of layers with MACs; one without takes what it leaves idle, often nothing. Mean over the layers of |ln(predicted ÷ simulated)|, and the same weighted by simulated cycles. */
  readonly mean: number;
  readonly weighted: number;
  /** Predicted ÷ simulated cycles of all MAC layers together. */
  readonly total: number;
}

async function measureErrors(name: string): Promise<Errors> {
  const { program } = await compileModel(MODELS[name].build({ scope: 'convolutions' }), { scope: 'convolutions', numbers: 'q8.8', name });
  const timing = measureTiming(program);
  const layers = program.layers
    .map(({ predictedCycles, macs }, i) => ({ predicted: predictedCycles, simulated: timing.layers[i].cycles, macs }))
    .filter(({ macs }) => macs > 0);
  const sum = (value: (layer: { predicted: number; simulated: number }) => number): number =>
    layers.reduce((total, layer) => total + value(layer), 0);
  const error = (layer: { predicted: number; simulated: number }): number => Math.abs(Math.log(layer.predicted / layer.simulated));
  const simulated = sum((layer) => layer.simulated);
  const errors = {
    mean: sum(error) / layers.length,
    weighted: sum((layer) => error(layer) * layer.simulated) / simulated,
    total: sum((layer) => layer.predicted) / simulated,
  };
  const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
  console.log(
    `${name}: ${layers.length} layers, mean error ${percent(errors.mean)}, weighted by cycles ${percent(errors.weighted)}, sum ${percent(errors.total)}`,
  );
  return errors;
}

describe('predicted cycles', () => {
  it.each([
    ['alexnet', 0.01],
    ['googlenet', 0.02],
    ['mobilenet-v2', 0.02],
    ['squeezenet1.1', 0.03],
  ])('are close to simulated ones: %s', async (name, mean) => {
    const errors = await measureErrors(name);
    expect(errors.mean).toBeLessThan(mean);
    expect(errors.weighted).toBeLessThan(0.02);
    expect(Math.abs(errors.total - 1)).toBeLessThan(0.02);
  });
});
