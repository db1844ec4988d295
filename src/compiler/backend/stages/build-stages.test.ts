import { describe, expect, it } from 'vitest';
import { buildStages } from './build-stages.ts';
import { GraphBuilder } from './graph-builder.test-util.ts';
import { type Stage, vecWorks } from './stage.ts';

const POOL = { kernel: 2, stride: 2 };

/** Stages of the graph that `make` builds on an 8×8×16 input, and its builder. */
function stagesOf(make: (b: GraphBuilder, x: number) => number[]): { b: GraphBuilder; stages: readonly Stage[] } {
  const b = new GraphBuilder();
  const outputs = make(b, b.input(8, 8, 16));
  return { b, stages: buildStages(b.build(...outputs)).stages };
}

/** Unit kinds of a stage. */
function unitsOf({ mac, vec, table }: Stage): string {
  return [mac ? 'mac' : '', vec?.op ?? '', table ? 'table' : ''].filter((part) => part !== '').join(' ');
}

function unitsOfGraph(make: (b: GraphBuilder, x: number) => number[]): string[] {
  return stagesOf(make).stages.map(unitsOf);
}

describe('fusion behind a convolution', () => {
  it('takes in a max pool, a table or a residual add', () => {
    expect(unitsOfGraph((b, x) => [b.maxPool(b.conv(x, 8), POOL)])).toEqual(['mac max']);
    expect(unitsOfGraph((b, x) => [b.table(b.conv(x, 8))])).toEqual(['mac table']);
    expect(unitsOfGraph((b, x) => [b.residual(b.conv(x, 16), x)])).toEqual(['mac add']);
    expect(unitsOfGraph((b, x) => [b.maxPool(b.averagePool(x, POOL), POOL)])).toEqual(['mac', 'max']);
  });

  it('needs the convolution to have no other reader', () => {
    const twoReaders = (b: GraphBuilder, x: number): number[] => {
      const c = b.conv(x, 8);
      return [b.maxPool(c, POOL), b.conv(c, 4)];
    };
    expect(unitsOfGraph(twoReaders)).toEqual(['mac', 'max', 'mac']);
  });

  it('never hides an output of the graph', () => {
    const make = (b: GraphBuilder, x: number): number[] => {
      const c = b.conv(x, 8);
      return [c, b.maxPool(c, POOL)];
    };
    const { stages } = stagesOf(make);
    expect(stages.map(unitsOf)).toEqual(['mac', 'max']);
    expect(stages.map(({ output }) => output)).toEqual([1, 2]);
  });

  it('adds behind the convolution that comes last, when the other operand is ready', () => {
    const { b, stages } = stagesOf((builder, x) => {
      const early = builder.conv(x, 8);
      const late = builder.conv(x, 8, { kernel: 3, pad: 1 });
      return [builder.residual(early, late)];
    });
    expect(stages.map(unitsOf)).toEqual(['mac', 'mac add']);
    // Operands swap with their shifts: the accumulated one is the first.
    const add = b.layers[2];
    expect(stages[1]).toMatchObject({
      output: add.output,
      vec: { op: 'add', other: add.inputs[0], shiftA: 0, shiftB: 1, shiftOut: 1 },
    });
  });

  it('does not add a result to itself behind the convolution', () => {
    const make = (b: GraphBuilder, x: number): number[] => {
      const c = b.conv(x, 8);
      return [b.residual(c, c)];
    };
    expect(unitsOfGraph(make)).toEqual(['mac', 'add']);
  });

  it('keeps depthwise results, which are never gathered, to themselves', () => {
    expect(unitsOfGraph((b, x) => [b.maxPool(b.conv(x, 16, { groups: 16, kernel: 3 }), POOL)])).toEqual(['mac', 'max']);
    expect(unitsOfGraph((b, x) => [b.maxPool(b.conv(x, 16, { groups: 4, kernel: 3 }), POOL)])).toEqual(['mac max']);
  });

  it('covers every layer once, in an order in which operands exist', () => {
    const { b, stages } = stagesOf((builder, x) => {
      const c = builder.table(builder.conv(x, 16));
      const d = builder.residual(builder.conv(c, 16), c);
      const e = builder.maxPool(builder.concat(d, builder.conv(c, 4)), POOL);
      return [builder.averagePool(e, { kernel: 4 })];
    });
    const nodes = stages.flatMap((stage) => stage.nodes);
    expect([...nodes].sort()).toEqual(
      b.layers
        .filter(({ kind }) => kind !== 'concat')
        .map(({ name }) => name)
        .sort(),
    );
    const ready = new Set([0, ...b.layers.filter(({ kind }) => kind === 'concat').map(({ output }) => output)]);
    for (const stage of stages) {
      expect(ready.has(stage.input)).toBe(true);
      if (stage.vec?.op === 'add') expect(ready.has(stage.vec.other)).toBe(true);
      ready.add(stage.output);
    }
  });
});

describe('a table and a max pool behind a convolution', () => {
  it('are one stage, the table behind the pool', () => {
    expect(unitsOfGraph((b, x) => [b.table(b.maxPool(b.conv(x, 8), POOL))])).toEqual(['mac max table']);
    expect(unitsOfGraph((b, x) => [b.maxPool(b.table(b.conv(x, 8)), POOL)])).toEqual(['mac max table']);
  });

  it('are not where the table falls, or where a window is empty: a maximum would change', () => {
    const falling = (b: GraphBuilder, x: number): number[] => {
      const table = b.table(b.conv(x, 8));
      const layer = b.layers.at(-1)!;
      if (layer.kind === 'table') layer.base.reverse();
      return [b.maxPool(table, POOL)];
    };
    expect(unitsOfGraph(falling)).toEqual(['mac table', 'max']);
    expect(unitsOfGraph((b, x) => [b.maxPool(b.table(b.conv(x, 8)), { kernel: 2, stride: 2, pad: 2 })])).toEqual(['mac table', 'max']);
  });

  it('are not where the value between them is an output', () => {
    const make = (b: GraphBuilder, x: number): number[] => {
      const pooled = b.maxPool(b.conv(x, 8), POOL);
      return [pooled, b.table(pooled)];
    };
    expect(unitsOfGraph(make)).toEqual(['mac max', 'table']);
  });
});

describe('a sum and a table', () => {
  const word = { low: -32768, high: 32767 };

  it('are one stage, with or without MACs in front, and one look-up', () => {
    const { stages } = stagesOf((b, x) => [b.table(b.residual(b.conv(x, 16), x, word)), b.table(b.residual(x, x, word))]);
    expect(stages.map(unitsOf)).toEqual(['mac add table', 'add table']);
    expect(stages.map((stage) => vecWorks(stage).map(({ op }) => op))).toEqual([['addTable'], ['addTable']]);
    const [work] = vecWorks(stages[0]!);
    expect(work).toMatchObject({ other: 0, shiftA: 1, shiftB: 0, shiftSum: 1, clamp: word });
  });

  it('are two pieces of work where the sum has bounds of its own, two stages without MACs', () => {
    const { stages } = stagesOf((b, x) => [b.table(b.residual(b.conv(x, 16), x)), b.table(b.residual(x, x))]);
    expect(stages.map(unitsOf)).toEqual(['mac add table', 'add', 'table']);
    expect(vecWorks(stages[0]!).map(({ op }) => op)).toEqual(['add', 'table']);
  });
});

describe('a complement', () => {
  /** Half of a word is −16384 to 16383. */
  const product = (whole: number, more: (b: GraphBuilder, rest: number, gate: number) => number[] = () => []) => {
    return stagesOf((b, x) => {
      const gate = b.table(b.conv(x, 16));
      const rest = b.complement(gate, whole);
      return [b.multiply(rest, x), ...more(b, rest, gate)];
    });
  };

  it('is made by the product that alone reads it', () => {
    const { b, stages } = product(2 ** 13);
    expect(stages.map(unitsOf)).toEqual(['mac table', 'mul']);
    const gate = b.layers.find(({ kind }) => kind === 'table')!.output;
    expect(stages[1]).toMatchObject({ input: 0, vec: { op: 'mul', other: gate, complement: 13, shiftOut: 14 } });
    expect(stages[1]!.nodes).toHaveLength(2);
  });

  it('is a layer where others read it, where it is no power of two, and where a word does not hold it', () => {
    expect(product(2 ** 13, (b, rest) => [b.conv(rest, 4)]).stages.map(unitsOf)).toEqual(['mac table', 'mac', 'mul', 'mac']);
    expect(product(2 ** 13 - 1).stages.map(unitsOf)).toEqual(['mac table', 'mac', 'mul']);
    expect(product(2 ** 14).stages.map(unitsOf)).toEqual(['mac table', 'mac', 'mul']);
  });

  it('is a layer where both operands of the product are complements: one is left', () => {
    const { stages } = stagesOf((b, x) => {
      const [p, q] = [b.complement(b.table(b.conv(x, 16)), 2 ** 13), b.complement(b.table(b.conv(x, 16)), 2 ** 13)];
      return [b.multiply(p, q)];
    });
    expect(stages.map(({ vec }) => (vec?.op === 'mul' ? vec.complement : undefined))).toContain(13);
    expect(stages.filter(({ mac }) => mac?.depthwise)).toHaveLength(1);
  });
});

describe('layers on flat maps', () => {
  it('are batched: frames are rows; what works on maps is not', () => {
    const { stages } = stagesOf((b, x) => {
      const covering = b.conv(x, 32, { kernel: 8 });
      const flat = b.table(b.conv(covering, 10));
      const pooled = b.averagePool(x, { kernel: 8 });
      return [flat, b.conv(pooled, 5)];
    });
    expect(stages.map(({ op, batched }) => [op, batched])).toEqual([
      ['conv 8×8/1 16→32', true],
      ['gemm 32→10 + half', true],
      ['averagepool 8×8/1', false],
      ['gemm 16→5', true],
    ]);
  });
});

describe('concatenation', () => {
  it('is no work: its inputs are slices of the result, also through another concatenation', () => {
    const b = new GraphBuilder();
    const x = b.input(8, 8, 16);
    const parts = [b.conv(x, 8), b.conv(x, 24), b.conv(x, 4)];
    const inner = b.concat(parts[0], parts[1]);
    const outer = b.concat(parts[2], inner);
    const { stages, aliases } = buildStages(b.build(b.conv(outer, 3)));
    expect(stages.map(unitsOf)).toEqual(['mac', 'mac', 'mac', 'mac']);
    expect(Object.fromEntries(aliases)).toEqual({
      [parts[0]]: { parent: inner, channelOffset: 0 },
      [parts[1]]: { parent: inner, channelOffset: 8 },
      [parts[2]]: { parent: outer, channelOffset: 0 },
      [inner]: { parent: outer, channelOffset: 4 },
    });
  });

  it('copies what cannot be a slice: inputs, outputs, a tensor that is one already', () => {
    const b = new GraphBuilder();
    const x = b.input(8, 8, 16);
    const [out, twice] = [b.conv(x, 8), b.conv(x, 4)];
    const whole = b.concat(x, out, twice, twice);
    const { stages, aliases } = buildStages(b.build(out, whole));
    expect(stages.map(({ vec, input }) => (vec?.op === 'copy' ? [input, vec.boxes.map(({ to }) => to.offset)] : undefined))).toEqual([
      undefined,
      undefined,
      [x, [0]],
      [out, [16]],
      [twice, [28]],
    ]);
    expect([...aliases.keys()]).toEqual([twice]);
  });
});

describe('split reductions', () => {
  it('read their channels only', () => {
    const { stages } = stagesOf((b, x) => [b.conv(x, 4, { inputChannelOffset: 4, inputChannels: 12 })]);
    expect(stages[0]).toMatchObject({ inputChannelOffset: 4, mac: { inChannels: 12, tapWords: 12 }, op: 'conv 1×1/1 12→4' });
  });
});
