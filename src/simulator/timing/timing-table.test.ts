/**
 * The timing table (docs/microarchitecture.md, section 9), line by line: cycle counts typed from the table, derived in the comments.
 *
 * Start of every program: first fetch offered and accepted at 2, served at once, first beat at 2 + 40 = 42, last beat of line 0 at 45, load bus
 * slot of port 0 at 48, so instruction 0 executes at 48 + 3 = 51 and instruction i (a GO here) at 51 + i: its descriptor arrives at 53 + i.
 */
import { describe, expect, it } from 'vitest';
import { type CoreTrace, traceCore } from '../../isa/core.ts';
import { UNIT_ID } from '../../isa/fields.ts';
import type { Machine } from '../../machine/machine.ts';
import { bits } from '../descriptors.test-util.ts';
import { simulateTiming } from './engine.ts';
import { BOOK, makeProgram, programOf, type Step, timeSteps } from './programs.test-util.ts';

const { LDM, LDW, ST } = UNIT_ID;
const [MAC0, VEC0, MAC1] = [UNIT_ID.mac(0), UNIT_ID.vec(0), UNIT_ID.mac(1)];

/** [arrival, start, read signal, write signal] of every step. */
function times(steps: readonly Step[], changes: object = {}): number[][] {
  const { log } = timeSteps(steps, { ...BOOK, ...changes } as Machine);
  return steps.map((_, i) => {
    const { arrival, start, readSignal, end } = log!.record(i);
    return [arrival, start, readSignal, end];
  });
}

/** Arrival of one LDM whose GO is reached by the given runs of a program of `length` instructions. */
function arrivalByRuns(runs: readonly (readonly [number, number])[], length: number, changes: object = {}): number {
  const machine = { ...BOOK, ...changes } as Machine;
  const [dispatch] = traceCore(makeProgram([{ unit: LDM, fields: {} }]).instructions).dispatches;
  const list = runs.map(([startIndex, count]) => ({ startIndex, length: count }));
  const go = list[list.length - 1].startIndex + list[list.length - 1].length - 1;
  const trace: CoreTrace = {
    dispatches: [{ ...dispatch, instructionIndex: go, runs: list }],
    tail: [{ startIndex: go + 1, length: 1 }],
    steps: 0,
  };
  return simulateTiming(programOf(new Uint32Array(length), machine), trace, { log: true }).log!.record(0).arrival;
}

const dram = (changes: object) => ({ dram: { ...BOOK.dram, ...changes } });
const axi = (changes: object) => ({ axi: { ...BOOK.axi, ...changes } });

describe('T1 instructions', () => {
  it('execute one a cycle once their line is there', () => {
    // GO is instruction 11: 51 + 11 = 62, at the queue 2 later. Line 1 (instructions 8 to 15) is there at 52 + 3 = 55.
    expect(arrivalByRuns([[0, 12]], 16)).toBe(64);
  });

  it('wait for their line', () => {
    // 1 byte a cycle (250 MB/s): the burst of lines 0 to 3 is served from 2 to 130, that of lines 4 to 7 (port 1) from 130: first beat at 170,
    // line 4 complete at 173, next slot of port 1 at 177: instruction 32 executes at 180.
    expect(arrivalByRuns([[0, 33]], 64, dram({ bytesPerSecond: 250_000_000 }))).toBe(182);
  });

  it('a taken branch restarts the fetch', () => {
    // Code of 15 lines. Instructions 0, 1, 2 at 51, 52, 53; the branch at 53 restarts: offer at 55 for lines 12 to 14 (port 3).
    // The first stream's bursts (accepted 2 to 5) are served until 30.6, port 3 is free of them at 25 + 40 + 12 = 77. S = 55, first beat 95,
    // line 12 complete at 98, slot of port 3 at 99: instruction 100 (line 12) executes at 102, GO 103 at 105.
    expect(
      arrivalByRuns(
        [
          [0, 3],
          [100, 4],
        ],
        120,
      ),
    ).toBe(107);
  });

  it('hold their line until the last one of it has executed', () => {
    // 8 lines of buffer: the third burst (lines 8 to 11, port 2) needs lines 0 to 3 free. Instruction 31 executes at 51 + 31 = 82: offer at 84,
    // first beat at 124, line 8 complete at 127, slot of port 2 at 130: instruction 64 executes at 133.
    expect(arrivalByRuns([[0, 65]], 96, { instructionBufferWords: 64 })).toBe(135);
  });
});

describe('T2 GO', () => {
  it('waits for room in the queue', () => {
    // Queue of 1. Load 0 starts at 53: GO 1 at 55, at the queue at 57. Load 0 offers at 56, is accepted at 56, free at 58: load 1 starts at 58,
    // GO 2 at 60, at the queue at 62, a cycle before load 1 is free (58 + 3 + 2).
    const load = { unit: LDM, fields: { words: 16 } };
    expect(times([load, load, load], { queueDepth: 1 }).map(([arrival, start]) => [arrival, start])).toEqual([
      [53, 53],
      [57, 58],
      [62, 63],
    ]);
  });
});

describe('T3 tokens, T15 and T16 loads', () => {
  it('signals when the last line is written; the token is there two cycles later', () => {
    // 64 words at line 16 (port 0): start 53, offered and accepted at 56, first beat 96, lines complete at 99, 103, 107, 111, load bus 100 … 112.
    // Signals 113; token 115. LDW: one line (line 0, port 0): offered at 118, first beat 158, complete 161, load bus 164, signal 165.
    expect(
      times([
        { unit: LDM, fields: { words: 64, dramAddress: 256, signalWrite: bits(LDW) } },
        { unit: LDW, fields: { waitWrite: bits(LDM) } },
      ]),
    ).toEqual([
      [53, 53, 113, 113],
      [54, 115, 165, 165],
    ]);
  });

  it('a descriptor waits for all its tokens and for its unit', () => {
    // ST needs the read token of LDM (113 + 2) and the write token of LDW. LDW (arrival 54) is offered at 57 on port 1 (line 4):
    // S = 56 + 640/84 = 63.62, first beat 64 + 40 = 104, complete 107, load bus of port 1: 109, signal 110, token 112. So ST starts at 115.
    const [, , store] = times([
      { unit: LDM, fields: { words: 64, dramAddress: 256, signalRead: bits(ST) } },
      { unit: LDW, fields: { dramAddress: 64, signalWrite: bits(ST) } },
      { unit: ST, fields: { waitRead: bits(LDM), waitWrite: bits(LDW) } },
    ]);
    expect(store[1]).toBe(115);
  });

  it('MAC and VEC prepare the head of their queue', () => {
    // Prepared in 24 cycles: the first from its arrival at 53 on (start 77), the second from the cycle after the first one's only row began (77 + 5 + 1)
    // on, when the unit has long been free; the third likewise from 107 + 5 + 1 on, while the second runs 2 · 20 windows behind its setup of 5: it costs
    // nothing. The fourth has a dilation: 30 more.
    const latency = { ...BOOK.latency, prepare: 24, prepareDilated: 54 };
    const steps: Step[] = [
      { unit: MAC0, fields: {} },
      { unit: MAC0, fields: { count: 20, outWidth: 20 } },
      { unit: MAC0, fields: {} },
      { unit: MAC0, fields: { dilationW: 2 } },
    ];
    expect(times(steps, { latency }).map((t) => t[1])).toEqual([77, 107, 152, 152 + 5 + 1 + 54]);
    // Two rows: the second began at 77 + 5 + 2.
    const rows: Step[] = [
      { unit: MAC0, fields: { count: 2 } },
      { unit: MAC0, fields: {} },
    ];
    expect(times(rows, { latency }).map((t) => t[1])).toEqual([77, 77 + 7 + 1 + 24]);
    expect(times([{ unit: LDM, fields: {} }], { latency })[0][1]).toBe(53);
  });

  it('signals in order although lines of another port come first', () => {
    // Both descriptors one line. LDM 0: port 0, offered 56, first beat 96, complete 99, slot of port 0: 100. LDM 1: port 1, starts at 57, offered at 60,
    // S = 60 (56 + 1.9 = 57.9 is past), first beat 100, complete 103, slot of port 1: 105.
    expect(
      times([
        { unit: LDM, fields: { dramAddress: 256 } },
        { unit: LDM, fields: { dramAddress: 64 } },
      ]).map((t) => t[3]),
    ).toEqual([101, 106]);
    // One line of a 13-line backlog of port 0 against an idle port: 4 bursts of port 0 (rows 256 words apart), then a burst of port 1.
    // Accepted 56 to 60; S = 56, 63.62, 71.24, 78.86, 86.48 → first beats of port 0: 96, 112, 128, 144 (a burst takes 16 beats), last line complete
    // at 159, load bus 160, signal 161. The burst of port 1: ceil(86.48) + 40 = 127, complete 130, slot 133 < 160: signals the cycle after, 162.
    expect(
      times([
        { unit: LDM, fields: { words: 64, rows: 4, dramStep: 256 } },
        { unit: LDM, fields: { dramAddress: 64 } },
      ]).map((t) => t[3]),
    ).toEqual([161, 162]);
  });

  it('cuts runs into bursts inside aligned blocks and limits the bursts outstanding', () => {
    // 160 words from word 40: lines 2 to 12: bursts of 2, 4, 4, 1 lines, one outstanding at a time.
    // 2 lines at port 0: accepted 56, S = 56, beats 96 to 103: accepted again at 104. Port 1: first beat 144 to 159: 160. Port 2: 200 to 215: 216.
    // Last line, port 3: first beat 256, complete 259, slot of port 3: 263.
    expect(times([{ unit: LDM, fields: { words: 160, dramAddress: 40 } }], axi({ readsPerEngine: 1 }))[0]).toEqual([53, 53, 264, 264]);
  });
});

describe('T4 to T7, T9, T11 MAC', () => {
  it('runs windows one after the other', () => {
    // 10 windows of 1 step stretched to O = 2: start 53, first window at 53 + 4 + 1 = 58, last end 58 + 20 − 1 = 77, read signal 80,
    // granule in the FIFO at 77 + 14 + 2 = 93, granted at 94, written at 95.
    expect(times([{ unit: MAC0, fields: { count: 10, outWidth: 10 } }])[0]).toEqual([53, 53, 80, 95]);
  });

  it('begins rows at a least distance', () => {
    // Rows of 3 and 5 pixels: windows from 58, 60, 62; the next row from 58 + 30 on: 88 … 97 instead of 64 … 73; read signal 100.
    const latency = { ...BOOK.latency, rowPeriod: 30 };
    expect(times([{ unit: MAC0, fields: { x0: 2, count: 8, outWidth: 5 } }], { latency })[0][2]).toBe(100);
    // Long rows do not feel it: 20 windows from 58 on, 2 cycles each, and 20 more.
    expect(times([{ unit: MAC0, fields: { count: 40, outWidth: 20 } }], { latency })[0][2]).toBe(58 + 80 - 1 + 3);
  });

  it('reads parameter lines and sends the granules of a window one a cycle', () => {
    // g = 1: 4 parameter lines, O = 8, 16 steps: first window 61 to 76; granules at 76 + 14 + 8 + (0 … 3) = 98 … 101, last granted 102.
    expect(times([{ unit: MAC0, fields: { lanes: 1, outWords: 64 } }])[0]).toEqual([53, 53, 79, 103]);
  });

  it('counts steps of clipped traces on the grid of the row', () => {
    // Row of 3 taps × 40 words, g = 16, ix0 = −1, 3 kernel rows. x = 0: words 40 … 119 start at word 8 of line 2: (8 + 80) / 16 → 6 lines, 18 steps;
    // x = 1: 120 words → 8 lines, 24 steps. Windows 58 to 75 and 76 to 99.
    const window = { words: 40, tapStep: 40, kernelH: 3, kernelW: 3, ix0: -1, count: 2, outWidth: 2 };
    expect(times([{ unit: MAC0, fields: window }])[0][2]).toBe(102);
    // Taps apart: 3 words each tap: x = 0: 2 taps × ceil(40 / 16) × 3 rows = 18, x = 1: 27 steps. 58 to 75, 76 to 102.
    expect(times([{ unit: MAC0, fields: { ...window, tapStep: 50 } }])[0][2]).toBe(105);
    // Depthwise: one step a tap: 6 and 9 steps after 4 parameter lines, the first stretched to O = 8: 61 to 68, 69 to 77.
    expect(times([{ unit: MAC0, fields: { ...window, depthwise: 1, lanes: 1, outWords: 40 } }])[0][2]).toBe(80);
    // No valid tap at all: one idle step, stretched to 2: 58, 59.
    expect(times([{ unit: MAC0, fields: { iy0: -9 } }])[0][2]).toBe(62);
  });

  it('starts the next descriptor after the last window, its windows when the output path is empty', () => {
    // First: g = 1, 61 to 76, O' = 8. Second starts at 77; 77 + 4 + 1 = 82, but not before 76 + 8 + 1 = 85: window 85, 86, read signal 89.
    // Granules of the first at 98, …, the last of the second at 86 + 14 + 2 = 102, right after 98 … 101: granted 103, written 104.
    expect(
      times([
        { unit: MAC0, fields: { lanes: 1, outWords: 64 } },
        { unit: MAC0, fields: {} },
      ]),
    ).toEqual([
      [53, 53, 79, 103],
      [54, 77, 89, 104],
    ]);
  });
});

describe('T5, T8 credits', () => {
  it('a window waits until its granules have a place', () => {
    // 4 credits. Window 1: 61 to 76, granules 98 … 101, granted 99 … 102, credits back 101 … 104: window 2 starts at 104, ends 119,
    // read signal 122, last granule 119 + 14 + 8 + 3 = 144, granted 145.
    const fields = { lanes: 1, outWords: 64, count: 2, outWidth: 2 };
    expect(times([{ unit: MAC0, fields }], { resultFifoGranules: 4 })[0]).toEqual([53, 53, 122, 146]);
  });
});

describe('T10, T11 result bus', () => {
  it('takes one granule a cycle to all targets', () => {
    // MAC0: 3 steps: 58 to 60, granule at 76. MAC1 starts a cycle later, 59 and 60, granule at 76 as well. Requests raised 76: MAC0 granted 77, MAC1 78.
    // MAC0: port B requests from 79, granted 80, signal 80 + 1 + 2. MAC1: one later.
    const times2 = times([
      { unit: MAC0, fields: { words: 48, outCus: 15 } },
      { unit: MAC1, fields: { outCus: 15 } },
    ]);
    expect(times2.map((t) => t[3])).toEqual([83, 84]);
  });

  it('own and bus writes of one unit signal in order', () => {
    // First to all by bus: 58, 59, granule 75, bus 76, port 79, signal 82. Second (own): starts at 60, windows 65 … 66, granule 82, granted 83, signal 84.
    // With a bus latency of 9: port 76 + 9 + 1 = 86, signal 86 + 1 + 9 = 96; the second then signals at 97.
    const steps: Step[] = [
      { unit: MAC0, fields: { outCus: 15 } },
      { unit: MAC0, fields: {} },
    ];
    expect(times(steps).map((t) => t[3])).toEqual([82, 84]);
    const slow = { latency: { ...BOOK.latency, busLatency: 9 } };
    expect(times(steps, slow).map((t) => t[3])).toEqual([96, 97]);
  });

  it('counts a granule at its target two cycles after the grant', () => {
    // One entry at CU 2. MAC0 and MAC1: granules at 76, granted 77 and 78 (the first is not counted yet). Port requests 79 and 80, grants 80 and 81.
    const one = { busFifoEntries: 1 };
    const both: Step[] = [
      { unit: MAC0, fields: { words: 48, outCus: 4 } },
      { unit: MAC1, fields: { outCus: 4 } },
    ];
    expect(times(both, one).map((t) => t[3])).toEqual([83, 84]);
  });

  it('waits for room at the target', () => {
    // One entry at CU 1. Granules 98 … 101. Granted 99, port request 101, granted 102, entry free 103: granted 103, 107, 111; last port grant 114.
    const fields = { lanes: 1, outWords: 64, outCus: 2 };
    expect(times([{ unit: MAC0, fields }], { busFifoEntries: 1 })[0][3]).toBe(117);
  });
});

describe('port B (section 7)', () => {
  it('the load bus comes first, then results, then reads', () => {
    // VEC max of one pixel, 60 reads from 58: the load bus at 100, 104, 108, 112 takes its port: last read 58 + 59 + 4 = 121.
    expect(
      times([
        { unit: VEC0, fields: { kernelH: 6, kernelW: 10 } },
        { unit: LDM, fields: { words: 64, dramAddress: 256, dramStep: 0 } },
      ])[0][2],
    ).toBe(122);
    // Loads to another CU do not.
    expect(
      times([
        { unit: VEC0, fields: { kernelH: 6, kernelW: 10 } },
        { unit: LDM, fields: { words: 64, dramAddress: 256, cus: 2 } },
      ])[0][2],
    ).toBe(118);
  });
});

describe('T12 to T14 VEC', () => {
  it('max reads one line a tap, back to back', () => {
    // Start 53, request 57, 2 pixels × 9 reads: 58 … 66, then 67 … 75: read signal 76. Work 67 … 70, 76 … 79: second result at 87, granted 88, written 89.
    expect(times([{ unit: VEC0, fields: { kernelH: 3, kernelW: 3, count: 2, outWidth: 2 } }])[0]).toEqual([53, 53, 76, 89]);
  });

  it('raises the first requests of pixels and rows at least distances', () => {
    // One read a pixel, requests from 57 on: 57, 60, 63; the next row from 57 + 20 on: 77, 80. Grants a cycle later, read signal another.
    const latency = { ...BOOK.latency, rowPeriod: 20, vecPixelPeriod: 3 };
    expect(times([{ unit: VEC0, fields: { count: 5, outWidth: 3 } }], { latency })[0][2]).toBe(82);
    // Two chunks a pixel: 57, 58, 60, 61.
    expect(times([{ unit: VEC0, fields: { words: 32, count: 2, outWidth: 3 } }], { latency })[0][2]).toBe(63);
  });

  it('add reads two lines a chunk, chunks of 16 channels', () => {
    // 40 words: 3 chunks, 6 reads: 58 … 63: read signal 64. Work 60 … 63, 64 … 67, 68 … 71; last result 79, granted 80.
    expect(times([{ unit: VEC0, fields: { op: 1, words: 40 } }])[0]).toEqual([53, 53, 64, 81]);
  });

  it('table looks up eight cycles a chunk', () => {
    // Reads 58, 59, 60; look-ups 59 … 66, 67 … 74, 75 … 82; read signal 83; last result 90, granted 91.
    expect(times([{ unit: VEC0, fields: { op: 2, words: 48 } }])[0]).toEqual([53, 53, 83, 92]);
  });

  it('a chunk takes a credit at its first read request', () => {
    // One credit: reads 58, 59, work 60 … 63, result 71, granted 72, credit 74: request 74, reads 75, 76, work 77 … 80, result 88, granted 89.
    expect(times([{ unit: VEC0, fields: { op: 1, words: 32 } }], { vecFifoGranules: 1 })[0]).toEqual([53, 53, 77, 90]);
  });

  it('the next descriptor starts when the work of the one before is done', () => {
    // Two chunks of a table: look-ups 59 … 74; the second descriptor starts at 75, requests at 79, reads at 80.
    const steps: Step[] = [
      { unit: VEC0, fields: { op: 2, words: 32 } },
      { unit: VEC0, fields: {} },
    ];
    expect(times(steps)).toEqual([
      [53, 53, 75, 84],
      [54, 75, 81, 94],
    ]);
  });

  it('an empty window costs an idle step', () => {
    // Request 57, idle step 58, work 59 … 62, result 70, granted 71.
    expect(times([{ unit: VEC0, fields: { iy0: -5 } }])[0]).toEqual([53, 53, 59, 72]);
  });
});

describe('T17, T18 ST', () => {
  it('reads a line a cycle, offers full bursts, signals at the last response', () => {
    // 160 words from word 5: lines 0 to 10, bursts of 4, 4, 3. Start 53, request 56, reads 57 … 60: offered 63; 61 … 64: offered 67. The third burst waits for
    // the acceptance at 63: requests from 65 on, a cycle's wait: 66, 67, 68: offered 71. Read signal 69.
    // Service: 63 … 70.62, … 78.24, … 83.95: response 84 + 40 = 124, signal 125.
    expect(times([{ unit: ST, fields: { words: 160, dramAddress: 5 } }])[0]).toEqual([53, 53, 69, 125]);
  });

  it('holds two bursts', () => {
    // One write outstanding: burst 1 offered and accepted at 63, served to 70.62, response 71 + 40 = 111, so burst 2 (read 61 … 64) is accepted at 112.
    // Burst 3 takes the buffer of burst 1: requests from 65: reads 66 … 69; burst 4 takes that of burst 2: requests from 114: reads 115 … 118.
    // Read signal 119. Burst 2: response ceil(119.62) + 40 = 160; burst 3 accepted 161, response ceil(168.62) + 40 = 209; burst 4 210, 218 + 40 = 258.
    expect(times([{ unit: ST, fields: { words: 256 } }], axi({ writesOutstanding: 1 }))[0]).toEqual([53, 53, 119, 259]);
  });

  it('takes the buffer of the burst before the last, whenever the last was accepted', () => {
    // ST 0: grants at 55 to 60, bursts of 4 and 2 lines accepted at 59 and 61, served to 70.43. ST 1 starts at 61, requests at 62 (the buffer of the first burst
    // is back at 61), is accepted at 64 and waits for port 0, which takes the first burst's 16 beats from 59 to 74: response at 75 + 40 = 115.
    const short = { latency: { ...BOOK.latency, dmaSetup: 1, readLatencyMaps: 1 } };
    expect(
      times(
        [
          { unit: ST, fields: { words: 96 } },
          { unit: ST, fields: {} },
        ],
        short,
      ),
    ).toEqual([
      [53, 53, 61, 112],
      [54, 61, 64, 116],
    ]);
  });

  it('waits for the port of its data', () => {
    // 5 runs of 4 lines, 2048 words apart, each of port 0: offered and accepted at 63, 67, 72, 76, 81.
    // Service ends 70.62, …, 101.1; data begin 63, 79, 95, 111, 127: the last response is 127 + 40 = 167.
    expect(times([{ unit: ST, fields: { words: 64, rows: 5, step: 64, dramStep: 2048 } }])[0]).toEqual([53, 53, 79, 168]);
  });

  it('signals in order when two responses come in one cycle', () => {
    // 40 bytes a cycle. LDM: 23 lines, bursts accepted at 56, 58, …, 66, served until 74.4. ST 0 arrives at 60: accepted 67, served to 75.2; ST 1 starts at 65
    // when ST is free, is accepted 72 and served to 76.0: both responses at 76 + 40 = 116.
    const steps: Step[] = [{ unit: LDM, fields: { words: 368 } }];
    for (let i = 0; i < 6; i++) steps.push({ unit: MAC1, fields: {} });
    steps.push({ unit: ST, fields: {} }, { unit: ST, fields: {} });
    expect(times(steps, dram({ bytesPerSecond: 10_000_000_000 })).slice(7)).toEqual([
      [60, 60, 65, 117],
      [61, 65, 70, 118],
    ]);
  });
});

describe('T19 END', () => {
  it('ends an empty program', () => {
    // END executes at 51: 52 cycles.
    expect(timeSteps([]).cycles).toBe(52);
  });

  it('ends with the last signal', () => {
    expect(timeSteps([{ unit: ST, fields: { words: 160, dramAddress: 5 } }]).cycles).toBe(126);
    // MAC without a store: last event is the write signal at 95.
    expect(timeSteps([{ unit: MAC0, fields: { count: 10, outWidth: 10 } }]).cycles).toBe(96);
  });
});
