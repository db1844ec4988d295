/**
 * The MAC unit: the SIMD path against the word-by-word twin over random descriptors, and both against a convolution written out in the test, whose
 * weights images are packed here by the specification's formula.
 */
import { describe, expect, it } from 'vitest';
import type { MacDescriptor } from '../../isa/fields.ts';
import { groupLines } from '../../isa/weights-group.ts';
import { createRandom, type Random } from '../../util/random.ts';
import { makeDescriptor } from '../descriptors.test-util.ts';
import { executeMac } from './mac.ts';
import { executeMacScalar } from './mac-scalar.ts';
import { randomWords, SMALL } from './programs.test-util.ts';
import { createMachineState, type MachineState } from './state.ts';

const MACHINE = { ...SMALL, weightsBytes: 8192 };

/** A random descriptor that keeps the rules; addresses anywhere, wrapping included. */
function randomDescriptor(random: Random): MacDescriptor {
  const pick = (...values: number[]): number => values[random.integer(0, values.length - 1)];
  const depthwise = random.integer(0, 4) === 0 ? 1 : 0;
  const lanes = depthwise ? 1 : pick(1, 2, 4, 8, 16);
  const words = random.integer(1, depthwise ? 64 : 40);
  const outWidth = random.integer(1, 6);
  const tapStep = depthwise ? 64 : pick(words, words, words + random.integer(0, 20));
  return makeDescriptor('MAC', {
    lanes,
    depthwise,
    words,
    tapStep,
    outWords: random.integer(1, depthwise ? words : 64 / lanes),
    kernelH: random.integer(1, 3),
    kernelW: random.integer(1, words > 20 ? 3 : 5),
    strideH: random.integer(1, 2),
    strideW: random.integer(1, 2),
    dilationH: random.integer(1, 2),
    dilationW: random.integer(1, 2),
    iy0: random.integer(-3, 2),
    ix0: random.integer(-3, 2),
    inHeight: random.integer(1, 6),
    inWidth: random.integer(1, 6),
    outWidth,
    x0: random.integer(0, outWidth - 1),
    count: random.integer(1, 12),
    srcBase: random.integer(0, 4095),
    srcRing: pick(0, 640),
    srcOffset: random.integer(0, 9) * 64,
    srcColumn: random.integer(-100, 100),
    rowStep: 128,
    kRowStep: pick(64, 128),
    colStep: random.integer(0, 80),
    outBase: random.integer(0, 4095),
    outRing: pick(0, 256),
    outOffset: random.integer(0, 3) * 64,
    outRowStep: 64,
    outColStep: random.integer(0, 64),
    outCus: random.integer(1, 3),
    weightsLine: random.integer(0, 255),
    clampLow: pick(-32768, 0, random.integer(-100, 0)),
    clampHigh: pick(32767, random.integer(0, 1000)),
  });
}

/** Fills all buffers with random words; parameters get shifts that leave something to see. */
function fillBuffers(state: MachineState, random: Random, magnitude: 'full' | 'extreme' | 'small'): void {
  const words = (length: number): Int16Array =>
    magnitude === 'small'
      ? Int16Array.from({ length }, () => random.integer(-60, 60))
      : randomWords(random, length, magnitude === 'extreme');
  for (const maps of state.maps) maps.set(words(maps.length));
  for (const weights of state.weights.flat()) weights.set(words(weights.length));
}

function copyState(from: MachineState): MachineState {
  const copy = createMachineState(from.machine, from.dram);
  for (const [cu, maps] of from.maps.entries()) copy.maps[cu].set(maps);
  for (const [cu, vmacs] of from.weights.entries()) for (const [v, weights] of vmacs.entries()) copy.weights[cu][v].set(weights);
  return copy;
}

function firstDifference(a: Int16Array, b: Int16Array): number {
  return a.findIndex((word, i) => word !== b[i]);
}

describe('SIMD path and word-by-word twin', () => {
  it.each(['full', 'extreme', 'small'] as const)('agree on random descriptors, %s words', (magnitude) => {
    let compared = 0;
    for (let seed = 1; seed <= 200; seed++) {
      const random = createRandom(seed * 31 + magnitude.length);
      const d = randomDescriptor(random);
      if (groupLines(d) > 256) continue;
      const simd = createMachineState(MACHINE, new Int16Array(0));
      fillBuffers(simd, random, magnitude);
      const scalar = copyState(simd);
      const before = simd.maps[0].slice();
      executeMac(simd, 1, d);
      executeMacScalar(scalar, 1, d);
      for (const cu of [0, 1])
        expect(firstDifference(simd.maps[cu], scalar.maps[cu]), `seed ${seed} CU ${cu} ${JSON.stringify(d)}`).toBe(-1);
      if (d.outCus === 2) expect(firstDifference(simd.maps[0], before)).toBe(-1);
      compared++;
    }
    // Groups that don't fit the small weights buffer are left out.
    expect(compared).toBeGreaterThan(120);
  });

  it('sums of the corner case: four times −32768, many steps, no bias', () => {
    const d = makeDescriptor('MAC', {
      words: 512,
      tapStep: 512,
      lanes: 8,
      outWords: 8,
      outBase: 2048,
      count: 5,
      outWidth: 5,
      outColStep: 8,
    });
    const state = createMachineState(MACHINE, new Int16Array(0));
    state.maps[0].fill(-32768, 0, 2048);
    for (const weights of state.weights[0]) {
      weights.fill(-32768);
      weights.set([0, 0, 0, 27, 0, 0, 0, 30]);
    }
    executeMac(state, 0, { ...d, outCus: 1 });
    // 512 · 2^30 = 2^39: shifted by 27 it is 2^12, by 30 it is 2^9.
    expect([...state.maps[0].subarray(2048, 2056)]).toEqual([4096, 512, 4096, 512, 4096, 512, 4096, 512]);
  });
});

/** Packs weights[output][ky][kx][c] of one group into the four vMACs, by the formula of section 4. */
function packGroup(
  state: MachineState,
  cu: number,
  d: MacDescriptor,
  weight: (o: number, ky: number, kx: number, c: number) => number,
  parameters: (o: number) => { bias: bigint; shift: number },
): void {
  const g = d.lanes;
  const perVmac = 16 / g;
  const params = g === 1 ? 4 : g === 2 ? 2 : 1;
  const adjacent = d.tapStep === d.words;
  for (let o = 0; o < 64 / g; o++) {
    const buffer = state.weights[cu][Math.floor(o / perVmac)];
    const j = o % perVmac;
    const line0 = d.weightsLine * 16;
    const { bias, shift } = parameters(o);
    const place = g === 2 ? [0, 2, 1, 3, 4, 6, 5, 7][j] : j;
    for (let i = 0; i < 3; i++) buffer[line0 + 4 * place + i] = Number(BigInt.asIntN(16, bias >> BigInt(16 * i)));
    buffer[line0 + 4 * place + 3] = shift;
    for (let ky = 0; ky < d.kernelH; ky++) {
      for (let kx = 0; kx < d.kernelW; kx++) {
        for (let c = 0; c < d.words; c++) {
          const w = adjacent ? kx * d.words + c : c;
          const trace = adjacent ? ky * Math.ceil((d.kernelW * d.words) / g) : (ky * d.kernelW + kx) * Math.ceil(d.words / g);
          buffer[line0 + (params + trace + Math.floor(w / g)) * 16 + j * g + (w % g)] = weight(o, ky, kx, c);
        }
      }
    }
  }
}

describe('against a convolution', () => {
  const input = (y: number, x: number, c: number): number => ((y * 31 + x * 17 + c * 7) % 200) - 90;
  const weight = (o: number, ky: number, kx: number, c: number): number => ((o * 13 + ky * 5 + kx * 3 + c * 11) % 90) - 40;
  const parameters = (o: number): { bias: bigint; shift: number } => ({ bias: BigInt(o) * 100003n - 2000000n, shift: o % 9 });

  it.each([1, 2, 4, 8, 16].flatMap((g) => [true, false].map((adjacent) => [g, adjacent] as const)))(
    'lanes %i, adjacent taps %s',
    (g, adjacent) => {
      // 5×4 pixels of 6 channels (pitch 6 or 8), 3×3 kernel, pads 1, stride 1.
      const pitch = adjacent ? 6 : 8;
      const d = makeDescriptor('MAC', {
        lanes: g,
        words: 6,
        tapStep: pitch,
        kernelH: 3,
        kernelW: 3,
        iy0: -1,
        ix0: -1,
        inHeight: 5,
        inWidth: 4,
        outWidth: 4,
        count: 20,
        srcRing: 160,
        srcOffset: 128,
        srcColumn: -pitch,
        rowStep: 32,
        kRowStep: 32,
        colStep: pitch,
        outBase: 1024,
        outRowStep: 4 * 64,
        outColStep: 64,
        outWords: 64 / g,
        outCus: 3,
        weightsLine: 7,
        clampHigh: 3000,
      });
      const state = createMachineState(MACHINE, new Int16Array(0));
      for (let y = 0; y < 5; y++) {
        for (let x = 0; x < 4; x++) for (let c = 0; c < 6; c++) state.maps[1][y * 32 + x * pitch + c] = input(y, x, c);
      }
      packGroup(state, 1, d, weight, parameters);
      executeMac(state, 1, d);
      for (let y = 0; y < 5; y++) {
        for (let x = 0; x < 4; x++) {
          for (let o = 0; o < 64 / g; o++) {
            let sum = 0n;
            for (let ky = 0; ky < 3; ky++) {
              for (let kx = 0; kx < 3; kx++) {
                const [iy, ix] = [y + ky - 1, x + kx - 1];
                if (iy < 0 || iy >= 5 || ix < 0 || ix >= 4) continue;
                for (let c = 0; c < 6; c++) sum += BigInt(input(iy, ix, c)) * BigInt(weight(o, ky, kx, c));
              }
            }
            const value = Number((sum + parameters(o).bias) >> BigInt(parameters(o).shift));
            const expected = Math.min(3000, Math.max(-32768, value));
            for (const cu of [0, 1]) expect(state.maps[cu][1024 + (y * 4 + x) * 64 + o], `CU ${cu} y ${y} x ${x} o ${o}`).toBe(expected);
          }
        }
      }
    },
  );

  it('depthwise: every lane its own word', () => {
    const d = makeDescriptor('MAC', {
      lanes: 1,
      depthwise: 1,
      words: 40,
      tapStep: 64,
      kernelH: 2,
      kernelW: 2,
      inHeight: 3,
      inWidth: 3,
      outWidth: 2,
      count: 4,
      rowStep: 192,
      kRowStep: 192,
      colStep: 64,
      outBase: 2048,
      outRowStep: 128,
      outColStep: 64,
      outWords: 40,
      outCus: 1,
    });
    const state = createMachineState(MACHINE, new Int16Array(0));
    for (let i = 0; i < 9 * 64; i++) state.maps[0][i] = (i % 64) + Math.floor(i / 64) * 100;
    for (let v = 0; v < 4; v++) {
      for (let lane = 0; lane < 16; lane++) {
        state.weights[0][v].set([lane, 0, 0, 1], lane * 4);
        for (let tap = 0; tap < 4; tap++) state.weights[0][v][64 + tap * 16 + lane] = v + tap - lane;
      }
    }
    executeMac(state, 0, d);
    for (let pixel = 0; pixel < 4; pixel++) {
      const [y, x] = [pixel >> 1, pixel & 1];
      for (let c = 0; c < 40; c++) {
        let sum = c % 16;
        for (let tap = 0; tap < 4; tap++) {
          const at = (y + (tap >> 1)) * 3 + x + (tap & 1);
          sum += (c + at * 100) * ((c >> 4) + tap - (c % 16));
        }
        expect(state.maps[0][2048 + pixel * 64 + c], `pixel ${pixel} channel ${c}`).toBe(sum >> 1);
      }
    }
  });

  it('a window without valid taps is bias >> shift; 48-bit bias, arithmetic shift, saturation', () => {
    const d = makeDescriptor('MAC', { lanes: 16, iy0: -5, inHeight: 3, outBase: 64, outWords: 4, outCus: 1 });
    const state = createMachineState(MACHINE, new Int16Array(0));
    const biases = [-(2n ** 47n), 2n ** 47n - 1n, -5n, 3n << 32n];
    const shifts = [47, 30, 1, 20];
    packGroup(
      state,
      0,
      d,
      () => 99,
      (o) => ({ bias: biases[o], shift: shifts[o] }),
    );
    executeMac(state, 0, d);
    expect([...state.maps[0].subarray(64, 68)]).toEqual([-1, 32767, -3, 12288]);
  });
});
