import { describe, expect, it } from 'vitest';
import { type ConformanceResults, renderConformance, renderConformancePage } from './conformance-page.ts';

const vector = { operators: ['Relu'], detail: '', wanted: true };
const RESULTS: ConformanceResults = {
  vectors: [
    { ...vector, name: 'test_relu', status: 'accelerated' },
    { ...vector, name: 'test_relu_float16', status: 'refused', detail: 'no\nfloat16' },
    { ...vector, operators: ['SequenceAt'], name: 'test_sequence', status: 'refused', detail: 'a | b', wanted: false },
  ],
  topologies: [
    { name: 'light_net', cycles: 12345, macs: 1e6, words: 10, difference: undefined, sqnrDb: Infinity, acceleratedShare: 1, seconds: 1 },
  ],
  networks: [
    {
      ...{ file: 'zoo/net.onnx', found: 'a cat', wanted: 'a dog', cycles: 500_000, frames: 2, dramBytes: 2e6, clockHz: 250e6, parts: 2 },
      ...{ acceleratedShare: 0.5, difference: 'word 3', words: 10, saturatedInputs: 0 },
      sqnrDb: new Map([
        ['a', 50],
        ['b', 41.23],
      ]),
      ...{ inputs: new Map(), outputs: new Map(), golden: new Map() },
      graph: { name: 'net', opset: 13, irVersion: 8, inputs: [], outputs: [], nodes: [], initializers: new Map(), values: new Map() },
    },
  ],
};

describe('conformance', () => {
  it('counts vectors, and names those that must pass', () => {
    const text = renderConformance(RESULTS);
    expect(text).toContain('3 vectors: 1 pass on the accelerator, 0 on the host, 2 refused (1 of operators that must pass)');
    expect(text).toContain('test_relu_float16: refused (MUST PASS): no float16');
    expect(text).toContain('test_sequence: refused: a | b');
  });

  it('says what a network finds, and what float32 finds where that is something else', () => {
    const page = renderConformancePage(RESULTS);
    expect(page).toContain('| net.onnx | a cat (ONNX Runtime: a dog) | 500,000 | 1000 | 1.00 | 50.0 % | 2 | 41.2 | DIFFER: word 3 |');
    expect(page).toContain('| light_net | 12,345 | 100.0 % | equal, 10 words | ∞ |');
  });

  it('leaves out what did not run', () => {
    expect(renderConformance({ ...RESULTS, vectors: [], topologies: [] })).toMatch(/^network/);
  });
});
