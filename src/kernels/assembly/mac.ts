/**
 * AssemblyScript SIMD: the multiply-accumulate work of one compute unit for a run of output pixels with the same window shape, straight on the
 * hardware's buffer layouts. Specification: docs/microarchitecture.md, section 4. Caller and contract: src/kernels/mac-kernel.ts. Arbiter: the
 * word-by-word twin src/simulator/data/mac-scalar.ts.
 *
 * Exact sums from 32-bit lanes. `i32x4.dot_i16x8_s` gives sums p of two products. A lane keeps
 *   m = Σ p modulo 2^32   and   h = Σ (p >> 16),
 * so that Σ p = h·2^16 + r with 0 ≤ r < n·2^16 for n addends; r is m − h·2^16 taken as unsigned, exact while n < 2^16. Three precisions, chosen per
 * descriptor by `chooseMode`:
 *   narrow   Σ|w| of every lane < 2^16: |Σ p| < 2^31, m alone is the sum;
 *   split    m and h as above; no weight is −32768, so p itself cannot wrap;
 *   corner   as split, with h = Σ ((p − 1) >> 16): p = 2^31 (four times −32768) wraps to −2^31 and is mended by the −1; then 0 < r ≤ n·2^16 holds.
 * A precision is a type parameter whose size tells it apart, so that each variant compiles to its own loop.
 */

type Narrow = u32;
type Split = u64;
type Corner = v128;

const NARROW: i32 = 0;
const SPLIT: i32 = 1;

/** Parameter block: byte offsets from the base; fields are 32 bit. Twin: PARAMETERS in mac-kernel.ts. */
const SEGMENT_COUNT: usize = 0;
const PIXELS: usize = 4;
const MAP_STEP: usize = 8;
const OUT_ADDRESS: usize = 12;
const OUT_STEP: usize = 16;
const OUT_WORDS: usize = 20;
const LANES: usize = 24;
const DEPTHWISE: usize = 28;
const MODE: usize = 32;
const CLAMP_LOW: usize = 36;
const CLAMP_HIGH: usize = 40;
const TARGETS: usize = 44;
const PARAM_LINES: usize = 48;
const GROUP_LINES: usize = 52;
/** Byte addresses of the group's first line in the four vMACs. */
const WEIGHTS: usize = 64;
/** Byte addresses of up to eight maps buffers that take the results. */
const TARGET_BASES: usize = 80;
/** 64 sums, 64 biases (64 bit), 64 shifts (32 bit). */
const SUMS: usize = 128;
const BIASES: usize = 640;
const SHIFTS: usize = 1152;
/** One window of results, 64 words. */
const RESULTS: usize = 1408;
/** Segment list: map byte address of pixel 0, weights byte offset, steps, mask address. */
const SEGMENTS: usize = 2048;
const SEGMENT_BYTES: usize = 16;

/** Lane sums of i32 lanes from (m, h): lanes 0 and 1, as 64 bit. */
function wideLow<P>(m: v128, h: v128): v128 {
  if (sizeof<P>() === sizeof<Narrow>()) return i64x2.extend_low_i32x4_s(m);
  const rest = i32x4.sub(m, i32x4.shl(h, 16));
  return i64x2.add(i64x2.shl(i64x2.extend_low_i32x4_s(h), 16), i64x2.extend_low_i32x4_u(rest));
}

/** Lanes 2 and 3. */
function wideHigh<P>(m: v128, h: v128): v128 {
  if (sizeof<P>() === sizeof<Narrow>()) return i64x2.extend_high_i32x4_s(m);
  const rest = i32x4.sub(m, i32x4.shl(h, 16));
  return i64x2.add(i64x2.shl(i64x2.extend_high_i32x4_s(h), 16), i64x2.extend_high_i32x4_u(rest));
}

/** h + (p >> 16), with the corner case's −1. */
function addHigh<P>(h: v128, p: v128): v128 {
  if (sizeof<P>() === sizeof<Narrow>()) return h;
  if (sizeof<P>() === sizeof<Corner>()) return i32x4.add(h, i32x4.shr_s(i32x4.sub(p, i32x4.splat(1)), 16));
  return i32x4.add(h, i32x4.shr_s(p, 16));
}

/** Four outputs, one per lane. */
function storeLanes<P>(at: usize, m: v128, h: v128): void {
  v128.store(at, wideLow<P>(m, h));
  v128.store(at, wideHigh<P>(m, h), 16);
}

/** Sums of the outputs whose g words make the 8-lane half vector (m, h): 4, 2 or 1 outputs. W is as wide as g words. */
function storeHalf<W, P>(at: usize, m: v128, h: v128): void {
  if (sizeof<W>() === 4) {
    storeLanes<P>(at, m, h);
    return;
  }
  const low = wideLow<P>(m, h);
  const high = wideHigh<P>(m, h);
  if (sizeof<W>() === 8) {
    store<i64>(at, i64x2.extract_lane(low, 0) + i64x2.extract_lane(low, 1));
    store<i64>(at, i64x2.extract_lane(high, 0) + i64x2.extract_lane(high, 1), 8);
    return;
  }
  const both = i64x2.add(low, high);
  store<i64>(at, i64x2.extract_lane(both, 0) + i64x2.extract_lane(both, 1));
}

/** The g words at `at`, repeated to 8 lanes. */
function loadWords<W>(at: usize): v128 {
  if (sizeof<W>() === 4) return v128.load32_splat(at);
  if (sizeof<W>() === 8) return v128.load64_splat(at);
  return v128.load(at);
}

/** g = 2, 4, 8: one window in vMACs `first` and `first` + 1; a line is two vectors with the same map words. */
function sumWindow<W, P>(p: usize, mapOffset: usize, first: usize): void {
  let m0 = i64x2.splat(0);
  let m1 = i64x2.splat(0);
  let m2 = i64x2.splat(0);
  let m3 = i64x2.splat(0);
  let h0 = i64x2.splat(0);
  let h1 = i64x2.splat(0);
  let h2 = i64x2.splat(0);
  let h3 = i64x2.splat(0);
  const weightsA: usize = load<usize>(p + (first << 2), WEIGHTS);
  const weightsB: usize = load<usize>(p + (first << 2), WEIGHTS + 4);
  let segment = p + SEGMENTS;
  const end = segment + load<usize>(p, SEGMENT_COUNT) * SEGMENT_BYTES;
  for (; segment < end; segment += SEGMENT_BYTES) {
    let map: usize = load<usize>(segment) + mapOffset;
    const offset: usize = load<usize>(segment, 4);
    const mask = v128.load(load<usize>(segment, 12));
    let a = weightsA + offset;
    let b = weightsB + offset;
    const last = a + (load<usize>(segment, 8) << 5);
    for (; a < last; a += 32) {
      const x = v128.and(loadWords<W>(map), mask);
      const p0 = i32x4.dot_i16x8_s(x, v128.load(a));
      m0 = i32x4.add(m0, p0);
      h0 = addHigh<P>(h0, p0);
      const p1 = i32x4.dot_i16x8_s(x, v128.load(a, 16));
      m1 = i32x4.add(m1, p1);
      h1 = addHigh<P>(h1, p1);
      const p2 = i32x4.dot_i16x8_s(x, v128.load(b));
      m2 = i32x4.add(m2, p2);
      h2 = addHigh<P>(h2, p2);
      const p3 = i32x4.dot_i16x8_s(x, v128.load(b, 16));
      m3 = i32x4.add(m3, p3);
      h3 = addHigh<P>(h3, p3);
      map += sizeof<W>();
      b += 32;
    }
  }
  // Outputs of half a line: 8 lanes of 16-bit words make 16 ÷ sizeof(W) outputs of 8 bytes.
  const half: usize = (16 / sizeof<W>()) * 8;
  const sums = p + SUMS + first * 2 * half;
  storeHalf<W, P>(sums, m0, h0);
  storeHalf<W, P>(sums + half, m1, h1);
  storeHalf<W, P>(sums + 2 * half, m2, h2);
  storeHalf<W, P>(sums + 3 * half, m3, h3);
}

/** g = 16: one window in vMACs `first` and `first` + 1, one output each; even and odd sums apart to shorten the chains of additions. */
function sumWindow16<P>(p: usize, mapOffset: usize, first: usize): void {
  let m0 = i64x2.splat(0);
  let m1 = i64x2.splat(0);
  let m2 = i64x2.splat(0);
  let m3 = i64x2.splat(0);
  let h0 = i64x2.splat(0);
  let h1 = i64x2.splat(0);
  let h2 = i64x2.splat(0);
  let h3 = i64x2.splat(0);
  const weightsA: usize = load<usize>(p + (first << 2), WEIGHTS);
  const weightsB: usize = load<usize>(p + (first << 2), WEIGHTS + 4);
  let segment = p + SEGMENTS;
  const end = segment + load<usize>(p, SEGMENT_COUNT) * SEGMENT_BYTES;
  for (; segment < end; segment += SEGMENT_BYTES) {
    let map: usize = load<usize>(segment) + mapOffset;
    const offset: usize = load<usize>(segment, 4);
    const maskAddress: usize = load<usize>(segment, 12);
    const maskLow = v128.load(maskAddress);
    const maskHigh = v128.load(maskAddress, 16);
    let a = weightsA + offset;
    let b = weightsB + offset;
    const last = a + (load<usize>(segment, 8) << 5);
    for (; a < last; a += 32) {
      const x = v128.and(v128.load(map), maskLow);
      const p0 = i32x4.dot_i16x8_s(x, v128.load(a));
      m0 = i32x4.add(m0, p0);
      h0 = addHigh<P>(h0, p0);
      const p2 = i32x4.dot_i16x8_s(x, v128.load(b));
      m2 = i32x4.add(m2, p2);
      h2 = addHigh<P>(h2, p2);
      const y = v128.and(v128.load(map, 16), maskHigh);
      const p1 = i32x4.dot_i16x8_s(y, v128.load(a, 16));
      m1 = i32x4.add(m1, p1);
      h1 = addHigh<P>(h1, p1);
      const p3 = i32x4.dot_i16x8_s(y, v128.load(b, 16));
      m3 = i32x4.add(m3, p3);
      h3 = addHigh<P>(h3, p3);
      map += 32;
      b += 32;
    }
  }
  const sums = p + SUMS + (first << 3);
  storeHalf<v128, P>(sums, i32x4.add(m0, m1), i32x4.add(h0, h1));
  storeHalf<v128, P>(sums + 8, i32x4.add(m2, m3), i32x4.add(h2, h3));
}

/** g = 1: one window in vMAC `v`. Lines are taken in pairs and interleaved, so that a dot product adds two steps of one output. */
function sumWindow1<P>(p: usize, mapOffset: usize, v: usize): void {
  let m0 = i64x2.splat(0);
  let m1 = i64x2.splat(0);
  let m2 = i64x2.splat(0);
  let m3 = i64x2.splat(0);
  let h0 = i64x2.splat(0);
  let h1 = i64x2.splat(0);
  let h2 = i64x2.splat(0);
  let h3 = i64x2.splat(0);
  const weights: usize = load<usize>(p + (v << 2), WEIGHTS);
  let segment = p + SEGMENTS;
  const end = segment + load<usize>(p, SEGMENT_COUNT) * SEGMENT_BYTES;
  for (; segment < end; segment += SEGMENT_BYTES) {
    let map: usize = load<usize>(segment) + mapOffset;
    let steps = load<i32>(segment, 8);
    let a: usize = weights + load<usize>(segment, 4);
    for (; steps > 0; steps -= 2) {
      // The odd last step: the second word of the pair is 0, whatever weights stand there.
      const x = steps > 1 ? v128.load32_splat(map) : i32x4.splat(<i32>load<u16>(map));
      const a0 = v128.load(a);
      const a1 = v128.load(a, 16);
      const b0 = v128.load(a, 32);
      const b1 = v128.load(a, 48);
      const p0 = i32x4.dot_i16x8_s(x, i16x8.shuffle(a0, b0, 0, 8, 1, 9, 2, 10, 3, 11));
      m0 = i32x4.add(m0, p0);
      h0 = addHigh<P>(h0, p0);
      const p1 = i32x4.dot_i16x8_s(x, i16x8.shuffle(a0, b0, 4, 12, 5, 13, 6, 14, 7, 15));
      m1 = i32x4.add(m1, p1);
      h1 = addHigh<P>(h1, p1);
      const p2 = i32x4.dot_i16x8_s(x, i16x8.shuffle(a1, b1, 0, 8, 1, 9, 2, 10, 3, 11));
      m2 = i32x4.add(m2, p2);
      h2 = addHigh<P>(h2, p2);
      const p3 = i32x4.dot_i16x8_s(x, i16x8.shuffle(a1, b1, 4, 12, 5, 13, 6, 14, 7, 15));
      m3 = i32x4.add(m3, p3);
      h3 = addHigh<P>(h3, p3);
      map += 4;
      a += 64;
    }
  }
  const sums = p + SUMS + v * 128;
  storeLanes<P>(sums, m0, h0);
  storeLanes<P>(sums + 32, m1, h1);
  storeLanes<P>(sums + 64, m2, h2);
  storeLanes<P>(sums + 96, m3, h3);
}

/** Depthwise: one window in vMAC `v`; lane l takes its own map word 16v + l. A segment is one tap; its mask covers the CU's 64 words. */
function sumDepthwise<P>(p: usize, mapOffset: usize, v: usize): void {
  let m0 = i64x2.splat(0);
  let m1 = i64x2.splat(0);
  let m2 = i64x2.splat(0);
  let m3 = i64x2.splat(0);
  let h0 = i64x2.splat(0);
  let h1 = i64x2.splat(0);
  let h2 = i64x2.splat(0);
  let h3 = i64x2.splat(0);
  const weights: usize = load<usize>(p + (v << 2), WEIGHTS);
  let segment = p + SEGMENTS;
  const end = segment + load<usize>(p, SEGMENT_COUNT) * SEGMENT_BYTES;
  for (; segment < end; segment += SEGMENT_BYTES) {
    const map: usize = load<usize>(segment) + mapOffset + v * 32;
    const line: usize = weights + load<usize>(segment, 4);
    const mask: usize = load<usize>(segment, 12) + v * 32;
    const x = v128.and(v128.load(map), v128.load(mask));
    const y = v128.and(v128.load(map, 16), v128.load(mask, 16));
    const a = v128.load(line);
    const b = v128.load(line, 16);
    const p0 = i32x4.extmul_low_i16x8_s(x, a);
    m0 = i32x4.add(m0, p0);
    h0 = addHigh<P>(h0, p0);
    const p1 = i32x4.extmul_high_i16x8_s(x, a);
    m1 = i32x4.add(m1, p1);
    h1 = addHigh<P>(h1, p1);
    const p2 = i32x4.extmul_low_i16x8_s(y, b);
    m2 = i32x4.add(m2, p2);
    h2 = addHigh<P>(h2, p2);
    const p3 = i32x4.extmul_high_i16x8_s(y, b);
    m3 = i32x4.add(m3, p3);
    h3 = addHigh<P>(h3, p3);
  }
  const sums = p + SUMS + v * 128;
  storeLanes<P>(sums, m0, h0);
  storeLanes<P>(sums + 32, m1, h1);
  storeLanes<P>(sums + 64, m2, h2);
  storeLanes<P>(sums + 96, m3, h3);
}

/** Sums of one window in all vMACs that have valid outputs. */
function sumOutputs<P>(p: usize, mapOffset: usize, lanes: i32, depthwise: bool, vmacs: usize): void {
  if (depthwise) {
    for (let v: usize = 0; v < vmacs; v++) sumDepthwise<P>(p, mapOffset, v);
  } else if (lanes === 1) {
    for (let v: usize = 0; v < vmacs; v++) sumWindow1<P>(p, mapOffset, v);
  } else {
    for (let v: usize = 0; v < vmacs; v += 2) {
      if (lanes === 16) sumWindow16<P>(p, mapOffset, v);
      else if (lanes === 8) sumWindow<v128, P>(p, mapOffset, v);
      else if (lanes === 4) sumWindow<u64, P>(p, mapOffset, v);
      else sumWindow<u32, P>(p, mapOffset, v);
    }
  }
}

/** (Σ + bias) as 48-bit two's complement, shifted, clamped; written to every target. */
function finishWindow(p: usize, outWords: i32, outOffset: usize, targets: i32): void {
  const low: i64 = load<i32>(p, CLAMP_LOW);
  const high: i64 = load<i32>(p, CLAMP_HIGH);
  for (let j: usize = 0; j < <usize>outWords; j++) {
    const sum = load<i64>(p + (j << 3), SUMS) + load<i64>(p + (j << 3), BIASES);
    const value = ((sum << 16) >> 16) >> load<u32>(p + (j << 2), SHIFTS);
    store<i16>(p + (j << 1), <i16>min<i64>(high, max<i64>(low, value)), RESULTS);
  }
  for (let t: usize = 0; t < <usize>targets; t++) {
    memory.copy(load<usize>(p + (t << 2), TARGET_BASES) + outOffset, p + RESULTS, (<usize>outWords) << 1);
  }
}

/**
 * Bias and shift of the 64 outputs from the parameter lines, and the precision that the group's weights allow.
 * @param scan 0: don't look at the weights (few pixels), take the corner precision.
 */
export function prepareGroup(p: usize, scan: i32): void {
  const lanes = load<usize>(p, LANES);
  const perVmac: usize = 16 / lanes;
  const outputs: usize = load<usize>(p, OUT_WORDS);
  for (let j: usize = 0; j < outputs; j++) {
    const output = j % perVmac;
    // The place of the output: src/isa/parameter-lines.ts.
    const place = lanes === 2 ? (output & ~3) | ((output & 1) << 1) | ((output >> 1) & 1) : output;
    const at: usize = load<usize>(p + ((j / perVmac) << 2), WEIGHTS) + (place << 3);
    const entry = load<i64>(at);
    store<i64>(p + (j << 3), (entry << 16) >> 16, BIASES);
    store<u32>(p + (j << 2), <u32>(entry >> 48) & 63, SHIFTS);
  }
  store<i32>(p, scan !== 0 ? chooseMode(p, (outputs + perVmac - 1) / perVmac) : 2, MODE);
}

/** Narrow when no i32 lane can reach 2^31 with map words of at most 2^15; split when no weight is −32768; else corner. */
function chooseMode(p: usize, vmacs: usize): i32 {
  const paramLines: usize = load<usize>(p, PARAM_LINES);
  const groupLines: usize = load<usize>(p, GROUP_LINES);
  const lowest = i16x8.splat(-32768);
  const limit = i32x4.splat(65535);
  let narrow = true;
  for (let v: usize = 0; v < vmacs; v++) {
    const base: usize = load<usize>(p + (v << 2), WEIGHTS);
    let line = base + (paramLines << 5);
    const end = base + (groupLines << 5);
    // One lane per output at least adds these: the sum over all pairs of an output is an upper bound for every lane of it.
    let s0 = i64x2.splat(0);
    let s1 = i64x2.splat(0);
    let s2 = i64x2.splat(0);
    let s3 = i64x2.splat(0);
    let corner = i64x2.splat(0);
    for (; line < end; line += 32) {
      const a = v128.load(line);
      const b = v128.load(line, 16);
      corner = v128.or(corner, v128.or(i16x8.eq(a, lowest), i16x8.eq(b, lowest)));
      if (narrow) {
        const x = i16x8.abs(a);
        const y = i16x8.abs(b);
        s0 = i32x4.add(s0, i32x4.extend_low_i16x8_u(x));
        s1 = i32x4.add(s1, i32x4.extend_high_i16x8_u(x));
        s2 = i32x4.add(s2, i32x4.extend_low_i16x8_u(y));
        s3 = i32x4.add(s3, i32x4.extend_high_i16x8_u(y));
      }
    }
    if (v128.any_true(corner)) return 2;
    // A dot product's lane adds two neighbouring words, and for g = 16 both halves: four words together are the bound.
    if (narrow) {
      const low = i32x4.add(i32x4.add(s0, i32x4.shuffle(s0, s0, 1, 0, 3, 2)), i32x4.add(s2, i32x4.shuffle(s2, s2, 1, 0, 3, 2)));
      const high = i32x4.add(i32x4.add(s1, i32x4.shuffle(s1, s1, 1, 0, 3, 2)), i32x4.add(s3, i32x4.shuffle(s3, s3, 1, 0, 3, 2)));
      narrow = !v128.any_true(v128.or(i32x4.gt_u(low, limit), i32x4.gt_u(high, limit)));
    }
  }
  return narrow ? NARROW : SPLIT;
}

/** All pixels of a run: sums, results, writes. The parameter block, the segment list and `prepareGroup` come first. */
export function runPixels(p: usize): void {
  const pixels = load<i32>(p, PIXELS);
  const mapStep: usize = load<usize>(p, MAP_STEP);
  const outStep: usize = load<usize>(p, OUT_STEP);
  const outWords = load<i32>(p, OUT_WORDS);
  const lanes = load<i32>(p, LANES);
  const depthwise = load<i32>(p, DEPTHWISE) !== 0;
  const mode = load<i32>(p, MODE);
  const targets = load<i32>(p, TARGETS);
  const perVmac = 16 / lanes;
  const vmacs: usize = (outWords + perVmac - 1) / perVmac;
  let mapOffset: usize = 0;
  let outOffset: usize = load<usize>(p, OUT_ADDRESS);
  for (let i = 0; i < pixels; i++) {
    if (mode === NARROW) sumOutputs<Narrow>(p, mapOffset, lanes, depthwise, vmacs);
    else if (mode === SPLIT) sumOutputs<Split>(p, mapOffset, lanes, depthwise, vmacs);
    else sumOutputs<Corner>(p, mapOffset, lanes, depthwise, vmacs);
    finishWindow(p, outWords, outOffset, targets);
    mapOffset += mapStep;
    outOffset += outStep;
  }
}
