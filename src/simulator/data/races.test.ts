/** Accesses that no token orders: each kind, in each buffer, is found whatever order the units happened to run in; token chains are understood. */
import { describe, expect, it } from 'vitest';
import { VEC_OPS } from '../../isa/fields.ts';
import { JobError } from '../../util/errors.ts';
import { bits } from '../descriptors.test-util.ts';
import { executeData } from './execute-data.ts';
import { countUp, LDM, LDW, MAC0, MAC1, makeDispatches, makeProgram, ST, type Step, VEC0, VEC1 } from './programs.test-util.ts';

const program = makeProgram([{ address: 2048, words: new Int16Array(1024).fill(3) }]);
const inputs = [{ address: 0, words: countUp(1024) }];

/** Findings in several orders: all must name the same fault. */
function findings(steps: readonly Step[]): string[] {
  return [undefined, 1, 2, 3, 4, 5, 6].map((seed) => {
    try {
      executeData(program, makeDispatches(steps), { inputs, seed });
      return 'no error';
    } catch (error) {
      if (error instanceof JobError) return error.message;
      throw error;
    }
  });
}

function expectRace(steps: readonly Step[], ...messages: RegExp[]): void {
  for (const message of findings(steps))
    expect(
      messages.some((m) => m.test(message)),
      message,
    ).toBe(true);
}

function expectRight(steps: readonly Step[]): void {
  expect(findings(steps)).toEqual(Array(7).fill('no error'));
}

const copy = (more: Record<string, number>): Record<string, number> => ({ op: VEC_OPS.max, outBase: 512, ...more });

describe('reads of words never written', () => {
  it('maps, weights, table, DRAM', () => {
    expectRace([[VEC0, copy({})]], /^VEC0 at instruction 0: reads maps of CU 0 word 0, which nothing has written$/);
    expectRace(
      [
        [LDM, { words: 8, signalWrite: bits(VEC0) }],
        [VEC0, copy({ waitWrite: bits(LDM) })],
      ],
      /reads maps of CU 0 word 8, which nothing/,
    );
    expectRace(
      [
        [LDM, { signalWrite: bits(MAC0) }],
        [MAC0, { outBase: 512, waitWrite: bits(LDM) }],
      ],
      /MAC0 at instruction 10: reads weights of CU 0 vMAC 0 line 0, which nothing/,
    );
    expectRace(
      [
        [LDM, { signalWrite: bits(VEC0) }],
        [VEC0, copy({ op: VEC_OPS.table, waitWrite: bits(LDM) })],
      ],
      /reads activation table of CU 0 word 0/,
    );
    expectRace([[LDM, { dramAddress: 1020 }]], /LDM at instruction 0: reads DRAM word 1024, which nothing/);
    expectRace([[ST, {}]], /ST at instruction 0: reads maps of CU 0 word 0/);
  });

  it('weights of vMACs without valid results are not needed', () => {
    const steps: Step[] = [
      [LDM, { signalWrite: bits(MAC0) }],
      [LDW, { dramAddress: 2048, lines: 2, images: 2, signalWrite: bits(MAC0) }],
      [MAC0, { outBase: 512, outWords: 2, waitWrite: bits(LDM, LDW) }],
    ];
    expectRight(steps);
    expectRace([steps[0], steps[1], [MAC0, { outBase: 512, outWords: 3, waitWrite: bits(LDM, LDW) }]], /weights of CU 0 vMAC 2 line 0/);
  });
});

describe('read after write', () => {
  it('needs a write token', () => {
    const load: Step = [LDM, { signalWrite: bits(VEC0) }];
    expectRight([load, [VEC0, copy({ waitWrite: bits(LDM) })]]);
    // Either the word was not there, or it was there by luck.
    const unordered = [
      /VEC0 at instruction 10: reads maps of CU 0 word 0, which LDM at instruction 0 writes; no token orders the two/,
      /nothing has written/,
    ];
    expectRace([load, [VEC0, copy({})]], ...unordered);
    expectRace(
      [
        [LDM, { signalRead: bits(VEC0) }],
        [VEC0, copy({ waitRead: bits(LDM) })],
      ],
      ...unordered,
    );
  });

  it('of results of the same MAC or VEC unit needs a token of the unit to itself', () => {
    const steps = (signalWrite: number, waitWrite: number): Step[] => [
      [LDM, { signalWrite: bits(VEC0) }],
      [VEC0, copy({ waitWrite: bits(LDM), signalWrite })],
      [VEC0, copy({ srcBase: 512, outBase: 600, waitWrite })],
    ];
    expectRace(steps(0, 0), /^VEC0 at instruction 20: reads maps of CU 0 word 512, which VEC0 at instruction 10 writes/);
    expectRight(steps(bits(VEC0), bits(VEC0)));
  });

  it('tokens of one descriptor cover the ones before it, and travel along chains', () => {
    const chain = (bridge: Record<string, number>): Step[] => [
      [LDM, { dramAddress: 0, base: 0 }],
      [LDM, { dramAddress: 16, base: 16, signalWrite: bits(VEC0) }],
      [VEC0, copy({ srcBase: 16, waitWrite: bits(LDM), ...bridge })],
      // ST reads what the first load wrote: it knows through VEC0, even by a token of its reads.
      [ST, { dramAddress: 1024, waitRead: bits(VEC0) }],
    ];
    expectRight(chain({ signalRead: bits(ST) }));
    const other: Step[] = [...chain({ signalRead: bits(ST) }), [ST, { base: 512, dramAddress: 1100 }]];
    // A read token says nothing about VEC0's results.
    expectRace(other, /ST at instruction 40: reads maps of CU 0 word 512, which VEC0 at instruction 20 writes/, /nothing has written/);
  });

  it('in DRAM: what was stored and is loaded again', () => {
    const steps = (token: number): Step[] => [
      [LDM, { signalWrite: bits(ST) }],
      [ST, { dramAddress: 1024, waitWrite: bits(LDM), signalWrite: token }],
      [LDM, { dramAddress: 1024, base: 64, waitWrite: token === 0 ? 0 : bits(ST) }],
    ];
    expectRight(steps(bits(LDM)));
    expectRace(steps(0), /LDM at instruction 20: reads DRAM word 1024, which ST at instruction 10 writes/, /word 1024, which nothing/);
  });

  it('of weights and tables', () => {
    const found = [/which LDW at instruction 10 writes/, /nothing has written/];
    const steps = (waitWrite: number): Step[] => [
      [LDM, { signalWrite: bits(MAC0) }],
      [LDW, { dramAddress: 2048, lines: 2, images: 4, signalWrite: bits(MAC0) }],
      [MAC0, { outBase: 512, waitWrite }],
    ];
    expectRight(steps(bits(LDM, LDW)));
    expectRace(steps(bits(LDM)), ...found);
    expectRace(
      [
        [LDM, { signalWrite: bits(VEC0) }],
        [LDM, { dramAddress: 2048, words: 1024, space: 1 }],
        [VEC0, copy({ op: VEC_OPS.table, waitWrite: bits(LDM) })],
      ],
      /reads activation table of CU 0 word 0, which LDM at instruction 10 writes/,
      /nothing has written/,
    );
  });
});

describe('write after read', () => {
  const steps = (token: Record<string, number>, wait: Record<string, number>): Step[] => [
    [LDM, { signalWrite: bits(VEC0) }],
    [VEC0, copy({ waitWrite: bits(LDM), ...token })],
    [LDM, { dramAddress: 64, base: 8, ...wait }],
  ];

  it('needs a read or a write token of the reader', () => {
    expectRight(steps({ signalRead: bits(LDM) }, { waitRead: bits(VEC0) }));
    expectRight(steps({ signalWrite: bits(LDM) }, { waitWrite: bits(VEC0) }));
    expectRace(
      steps({}, {}),
      /^LDM at instruction 20: overwrites maps of CU 0 words 8 to 23, which VEC0 at instruction 10 reads; no token orders the two$/,
      // The load happened to come first: then VEC0 reads what it did not wait for.
      /^VEC0 at instruction 10: reads maps of CU 0 word 8, which LDM at instruction 20 writes; no token/,
      // Nor is it ordered behind the load before it.
      /^LDM at instruction 20: overwrites maps of CU 0 words 8 to 23, which LDM at instruction 0 writes; no token/,
    );
  });

  it('is found for a repeated read of one area', () => {
    // Three output groups over one tile; only the last one's end frees the tile.
    const group = (i: number, more: Record<string, number>): Step => [MAC0, { outBase: 512 + 4 * i, weightsLine: 2 * i, ...more }];
    const program3 = (first: Record<string, number>, last: Record<string, number>): Step[] => [
      [LDM, { signalWrite: bits(MAC0) }],
      [LDW, { dramAddress: 2048, lines: 6, images: 4, signalWrite: bits(MAC0) }],
      group(0, { waitWrite: bits(LDM, LDW) }),
      group(1, first),
      group(2, last),
      [LDM, { dramAddress: 64, waitRead: bits(MAC0) }],
    ];
    expectRight(program3({}, { signalRead: bits(LDM) }));
    expectRace(
      program3({ signalRead: bits(LDM) }, {}),
      /LDM at instruction 50: overwrites maps of CU 0 words 0 to 15, which MAC0 at instruction 40 reads/,
      /MAC0 at instruction 40: reads maps of CU 0 word 0, which LDM at instruction 50 writes/,
    );
  });

  it('of weights', () => {
    expectRace(
      [
        [LDM, { signalWrite: bits(MAC0) }],
        [LDW, { dramAddress: 2048, lines: 2, images: 4, signalWrite: bits(MAC0) }],
        [MAC0, { outBase: 512, waitWrite: bits(LDM, LDW) }],
        [LDW, { dramAddress: 2048, line: 1, lines: 2, images: 4 }],
      ],
      /LDW at instruction 30: overwrites weights of CU 0 vMAC 0 lines 1 to 2, which MAC0 at instruction 20 reads/,
      /MAC0 at instruction 20: reads weights of CU 0 vMAC 0 line 1, which LDW at instruction 30 writes/,
      /LDW at instruction 30: overwrites weights of CU 0 vMAC 0 lines 1 to 2, which LDW at instruction 10 writes/,
    );
  });
});

describe('write after write', () => {
  it('of two units needs a write token', () => {
    const steps = (token: number, wait: Record<string, number>): Step[] => [
      [LDM, { cus: 3, signalWrite: bits(VEC0, VEC1) }],
      [VEC0, copy({ waitWrite: bits(LDM), outCus: 3, signalWrite: token })],
      [VEC1, { ...copy({ waitWrite: bits(LDM), outCus: 3, outBase: 520 }), ...wait }],
    ];
    expectRace(
      steps(0, {}),
      /VEC1 at instruction 20: overwrites maps of CU 0 words 520 to 535, which VEC0 at instruction 10 writes/,
      /VEC0 at instruction 10: overwrites maps of CU 0 words 520 to 527, which VEC1 at instruction 20 writes/,
    );
    expectRight(steps(bits(VEC1), { waitWrite: bits(LDM, VEC0) }));
  });

  it('of one unit is ordered on one path, but not between own port and result bus', () => {
    const steps = (outCus: number): Step[] => [
      [LDM, { signalWrite: bits(VEC0) }],
      [VEC0, copy({ waitWrite: bits(LDM) })],
      [VEC0, copy({ outCus })],
    ];
    expectRight(steps(1));
    expectRace(steps(3), /VEC0 at instruction 20: overwrites maps of CU 0 words 512 to 527, which VEC0 at instruction 10 writes/);
  });

  it('of loads needs a token of the unit to itself: lines come by several ports', () => {
    const steps = (signalWrite: number, waitWrite: number): Step[] => [
      [LDM, { signalWrite }],
      [LDM, { dramAddress: 16, waitWrite }],
    ];
    expectRace(steps(0, 0), /LDM at instruction 10: overwrites maps of CU 0 words 0 to 15, which LDM at instruction 0 writes/);
    expectRight(steps(bits(LDM), bits(LDM)));
  });

  it('of runs of one load is wrong', () => {
    const rows = { rows: 3, words: 16, dramStep: 16, step: 16 };
    expectRight([[LDM, { ...rows, ring: 48 }]]);
    expectRace([[LDM, { ...rows, ring: 32 }]], /LDM at instruction 0: run 2 overwrites words of another run of the same load/);
    expectRace([[LDM, { ...rows, step: 15 }]], /run 1 overwrites/);
  });
});

describe('one descriptor that writes where it reads', () => {
  const load: Step = [LDM, { words: 512, signalWrite: bits(VEC0, MAC1) }];
  const walk = { waitWrite: bits(LDM), words: 16, outWidth: 8, count: 8, colStep: 16, outColStep: 16 };

  it('in place, pixel by pixel, is right', () => {
    expectRight([load, [VEC0, { ...walk, srcBase: 64, outBase: 64 }]]);
    // Backwards: pixel i goes to where pixel i − 1 was.
    expectRight([load, [VEC0, { ...walk, srcBase: 64, outBase: 48 }]]);
  });

  it('ahead of its own reads is wrong', () => {
    expectRace(
      [load, [VEC0, { ...walk, srcBase: 64, outBase: 80 }]],
      /^VEC0 at instruction 10: overwrites maps of CU 0 word 80, which a later window/,
    );
    expectRace(
      [load, [VEC0, { ...walk, words: 32, colStep: 32, outColStep: 32, srcBase: 64, outBase: 72 }]],
      /a later window of the same descriptor/,
    );
    // A 3-tap window in place reads the pixel before it again.
    expectRace([load, [VEC0, { ...walk, kernelW: 3, srcBase: 64, outBase: 96 }]], /a later window/);
    expectRight([load, [VEC0, { ...walk, kernelW: 3, srcBase: 64, outBase: 64 }]]);
  });
});
