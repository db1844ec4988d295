/** Operators that move words or interleave results: reference = simulator, bit for bit, on random small networks of each. */
import { describe, expect, it } from 'vitest';
import { MODELS } from '../models/index.ts';
import { hostParts, lowerGraph } from '../src/compiler/frontend/lower-graph.ts';
import { type Machine, XC7Z045 } from '../src/machine/machine.ts';
import { InputError } from '../src/util/errors.ts';
import { checkConformance } from './conformance.ts';
import { MOVES, randomMove } from './random-moves.ts';

const NETWORKS = Number(process.env.RANDOM_NETWORKS ?? 60);

/** How many networks ran; those that no accelerator runs (a view that only renames an input) are refused by the front end. */
async function checkMoves(name: string, first: number, count: number, machine: Machine, frames: number): Promise<number> {
  let ran = 0;
  for (let seed = first; seed < first + count; seed++) {
    try {
      const graph = randomMove(MOVES[name], seed);
      const { difference } = await checkConformance(graph, machine, frames, seed);
      expect(difference, `seed ${seed}`).toBeUndefined();
      ran++;
    } catch (error) {
      if (!(error instanceof InputError)) throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
    }
  }
  return ran;
}

describe('random networks are bit-exact', () => {
  it.each(Object.keys(MOVES))('%s', { timeout: 120_000 }, async (name) => {
    expect(await checkMoves(name, 0, NETWORKS, XC7Z045, 1)).toBeGreaterThan(NETWORKS * 0.8);
    expect(await checkMoves(name, 500, NETWORKS / 10, XC7Z045, 3)).toBeGreaterThan(NETWORKS * 0.05);
    const small: Machine = { ...XC7Z045, mapsBytes: 16384, weightsBytes: 8192, queueDepth: 2, resultFifoGranules: 4, vecFifoGranules: 1 };
    await checkMoves(name, 600, NETWORKS / 10, small, 1);
  });
});

describe('networks made of such operators run on the accelerator alone', () => {
  it.each(['shufflenet-v1', 'shufflenet-v2', 'enet', 'linknet', 'espcn'])('%s', (name) => {
    expect(hostParts(lowerGraph(MODELS[name].build()))).toEqual([]);
  });
});
