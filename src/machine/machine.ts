/**
 * The machine as data: counts, sizes, latencies, clock and memory of one configuration.
 * Specification: docs/microarchitecture.md; every constant of the timing table is a field here.
 */
import { z } from 'zod';

const powerOfTwo = (low: number, high: number) =>
  z
    .int()
    .min(low)
    .max(high)
    .refine((n) => (n & (n - 1)) === 0, { error: 'must be a power of two' });
const latency = z.int().min(1).max(1000);

export const machineSchema = z.strictObject({
  name: z.string().min(1),
  clockHz: z.int().min(1_000_000).max(2_000_000_000),
  /** Clusters that share the memory; more than one is not supported yet. */
  clusters: z.literal(1),
  computeUnits: powerOfTwo(1, 8),
  vmacsPerCu: z.literal(4),
  lanesPerVmac: z.literal(16),
  /** Maps buffer of one CU, bytes. */
  mapsBytes: powerOfTwo(4096, 1 << 20),
  /** Weights buffer of one vMAC, bytes. */
  weightsBytes: z
    .int()
    .min(2048)
    .max(1 << 20)
    .refine((n) => n % 32 === 0, { error: 'must be a multiple of a line (32 bytes)' }),
  queueDepth: z.int().min(1).max(64),
  instructionBufferWords: powerOfTwo(64, 65536),
  resultFifoGranules: z.int().min(4).max(256),
  vecFifoGranules: z.int().min(1).max(256),
  busFifoEntries: z.int().min(1).max(64),
  axi: z.strictObject({
    ports: powerOfTwo(1, 4),
    bytesPerBeat: z.literal(8),
    burstLines: powerOfTwo(1, 4),
    readsPerPort: z.int().min(1).max(64),
    readsPerEngine: z.int().min(1).max(64),
    writesOutstanding: z.int().min(1).max(64),
  }),
  dram: z.strictObject({
    bytes: z
      .int()
      .min(1 << 20)
      .max(2 ** 33),
    bytesPerSecond: z.int().min(1_000_000).max(1e12),
    readLatency: latency,
    writeLatency: latency,
  }),
  latency: z.strictObject({
    branchRestart: latency,
    instructionLatency: latency,
    queueLatency: latency,
    tokenLatency: latency,
    /** Cycles for which MAC and VEC prepare the descriptor at the head of their queue; 0: none. */
    prepare: z.int().min(0).max(1000),
    /** The same for a descriptor with a dilation above 1. */
    prepareDilated: z.int().min(0).max(1000),
    /** Least distance of the starts of two output rows of a MAC or VEC descriptor. */
    rowPeriod: z.int().min(0).max(1000),
    /** Least distance of the first requests of two pixels of a VEC descriptor. */
    vecPixelPeriod: latency,
    macSetup: latency,
    macPipeline: latency,
    readDone: latency,
    creditLatency: latency,
    busLatency: latency,
    vecSetup: latency,
    vecPipeline: latency,
    dmaSetup: latency,
    readLatencyMaps: latency,
  }),
});

/** One machine configuration. Sizes in bytes, times in clock cycles unless named otherwise. */
export type Machine = Readonly<z.infer<typeof machineSchema>>;

/** Words of one line: the grain of buffers and memory (32 bytes). */
export const LINE_WORDS = 16;
export const LINE_BYTES = 32;
/** Cycles for which a VEC unit works on a chunk of 16 words: four multipliers; two look-ups a cycle in a table (docs/microarchitecture.md, T13). */
export const VEC_CHUNK_CYCLES = 4;
export const VEC_TABLE_CHUNK_CYCLES = 8;
/** Cycles by which the look-up of a sum (addTable) follows the sum. */
export const VEC_SUM_CYCLES = 7;

/** One cluster on half of a Zynq XC7Z045: 256 MACs at 250 MHz, 4.2 GB/s. */
export const XC7Z045: Machine = {
  name: 'xc7z045',
  clockHz: 250_000_000,
  clusters: 1,
  computeUnits: 4,
  vmacsPerCu: 4,
  lanesPerVmac: 16,
  mapsBytes: 128 * 1024,
  weightsBytes: 32 * 1024,
  queueDepth: 16,
  instructionBufferWords: 512,
  resultFifoGranules: 32,
  vecFifoGranules: 16,
  busFifoEntries: 4,
  axi: { ports: 4, bytesPerBeat: 8, burstLines: 4, readsPerPort: 8, readsPerEngine: 16, writesOutstanding: 8 },
  dram: { bytes: 2 ** 30, bytesPerSecond: 4_200_000_000, readLatency: 40, writeLatency: 40 },
  latency: {
    branchRestart: 3,
    instructionLatency: 3,
    queueLatency: 6,
    tokenLatency: 2,
    prepare: 64,
    prepareDilated: 300,
    rowPeriod: 48,
    vecPixelPeriod: 2,
    macSetup: 4,
    macPipeline: 19,
    readDone: 3,
    creditLatency: 2,
    busLatency: 2,
    vecSetup: 7,
    vecPipeline: 19,
    dmaSetup: 3,
    readLatencyMaps: 9,
  },
};

/** Machines by name. */
export const PRESETS: Readonly<Record<string, Machine>> = { xc7z045: XC7Z045 };

/** MACs of the whole machine. */
export function macCount(m: Machine): number {
  return m.clusters * m.computeUnits * m.vmacsPerCu * m.lanesPerVmac;
}

/** Words of one CU's maps buffer. */
export function mapsWords(m: Machine): number {
  return m.mapsBytes / 2;
}

/** Lines of one vMAC's weights buffer. */
export function weightsLines(m: Machine): number {
  return m.weightsBytes / LINE_BYTES;
}

/** Memory bandwidth in bytes per clock cycle as a reduced fraction (84/5 for 4.2 GB/s at 250 MHz): time is kept exactly in 1/numerator cycles. */
export function bytesPerCycle(m: Machine): { readonly numerator: number; readonly denominator: number } {
  let [a, b] = [m.dram.bytesPerSecond, m.clockHz];
  while (b !== 0) [a, b] = [b, a % b];
  return { numerator: m.dram.bytesPerSecond / a, denominator: m.clockHz / a };
}
