/** All operator vectors of the ONNX project: none may fail, none of an operator that issue 4 names may be refused, and the counts may not fall. */
import { beforeAll, describe, expect, it } from 'vitest';
import { isWanted, listVectors, runVector, type VectorResult } from './onnx-vectors.ts';

const names = listVectors();
if (names.length === 0)
  console.log('test/onnx-vectors.test.ts is skipped: the operator vectors beside the project (../shared/data/node) are not here');

/** Vectors that reached the accelerator when this was last raised. */
const LEAST_ACCELERATED = 110;
/** ONNX Runtime alone passes 540. */
const LEAST_PASSED = 550;

const describeResult = ({ name, detail }: VectorResult): string => `${name}: ${detail.split('\n')[0]}`;

describe.skipIf(names.length === 0)('ONNX operator vectors', { timeout: 300_000 }, () => {
  const results: VectorResult[] = [];
  const of = (status: VectorResult['status']): VectorResult[] => results.filter((result) => result.status === status);
  beforeAll(async () => {
    for (const name of names) results.push(await runVector(name));
  }, 300_000);

  it('none fails', () => {
    expect(of('failed').map(describeResult)).toEqual([]);
  });

  it('none of an operator that must pass is refused', () => {
    expect(of('refused').filter(isWanted).map(describeResult)).toEqual([]);
  });

  it('refusals say what and why', () => {
    for (const { name, detail } of of('refused')) expect(detail, name).toMatch(/is not supported|are not supported|ONNX Runtime can not/);
  });

  it('as many pass as did', () => {
    expect(of('accelerated').length).toBeGreaterThanOrEqual(LEAST_ACCELERATED);
    expect(of('accelerated').length + of('host').length).toBeGreaterThanOrEqual(LEAST_PASSED);
  });
});
