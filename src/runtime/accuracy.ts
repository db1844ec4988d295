/** How far a tensor is from its float32 reference. */
import { InputError } from '../util/errors.ts';

/** Distance of a tensor from its reference. */
export interface Accuracy {
  readonly maxError: number;
  readonly meanError: number;
  /** 10·log10(Σ ref² ÷ Σ (ref − out)²); +∞ when equal. */
  readonly sqnrDb: number;
  /** Whether the greatest elements stand at the same place. */
  readonly sameTop1: boolean;
}

/** @throws InputError when the lengths differ. */
export function measureAccuracy(reference: Float32Array, output: Float32Array): Accuracy {
  if (reference.length !== output.length) throw new InputError(`${output.length} values compared with ${reference.length}`);
  let maxError = 0;
  let sumError = 0;
  let signal = 0;
  let noise = 0;
  for (let i = 0; i < reference.length; i++) {
    const error = Math.abs(reference[i] - output[i]);
    if (error > maxError) maxError = error;
    sumError += error;
    signal += reference[i] * reference[i];
    noise += error * error;
  }
  return {
    maxError,
    meanError: sumError / reference.length,
    sqnrDb: sqnrDb(signal, noise),
    sameTop1: indexOfMax(reference) === indexOfMax(output),
  };
}

/** Decibels from the two sums of squares. */
export function sqnrDb(signal: number, noise: number): number {
  return noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(signal / noise);
}

/** Index of the first greatest value. */
export function indexOfMax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}
