import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { assemble } from '../src/isa/assemble.ts';
import { traceCore } from '../src/isa/core.ts';
import { findTraceFault } from '../src/isa/descriptor-rules.ts';
import { type Descriptor, UNIT_ID } from '../src/isa/fields.ts';
import { INSTRUCTIONS } from '../src/isa/instructions.ts';
import { mapsWords, weightsLines, XC7Z045 } from '../src/machine/machine.ts';
import { findExample, regenerate } from './generate-docs.ts';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const manual = readFileSync(path.join(root, 'docs/isa.md'), 'utf8');
const limits = { computeUnits: XC7Z045.computeUnits, mapsWords: mapsWords(XC7Z045), weightsLines: weightsLines(XC7Z045) };

describe('regenerate', () => {
  it('leaves the committed manual as it is (else run scripts/generate-docs.ts)', () => {
    expect(regenerate(manual) === manual).toBe(true);
  });

  it('renews a part that was edited by hand', () => {
    expect(regenerate(manual.replace('| BNE | ', '| BNQ | '))).toBe(manual);
  });

  it('refuses unknown, crossed and dangling markers', () => {
    expect(() => regenerate('<!-- generated nothing -->\n<!-- end nothing -->')).toThrow("unknown marker 'generated nothing'");
    expect(() => regenerate('<!-- generated units -->\n<!-- end formats -->')).toThrow("'generated units' is closed by 'end formats'");
    expect(() => regenerate('<!-- generated words x -->\n<!-- end words x -->')).toThrow('no block after <!-- example x -->');
  });
});

describe('docs/isa.md', () => {
  it('has the opcodes of the table in its decoder', () => {
    const typed = [...manual.matchAll(/OP_([A-Z]+) = 6'h([0-9a-f]{2})/g)].map(([, name, opcode]) => [name, Number.parseInt(opcode, 16)]);
    expect(Object.fromEntries(typed)).toEqual(Object.fromEntries(Object.entries(INSTRUCTIONS).map(([name, { opcode }]) => [name, opcode])));
  });

  it('shows a first program that keeps the rules and is synchronised as it says', () => {
    const words = assemble(findExample(manual, 'pointwise'));
    const trace = traceCore(words);
    expect(findTraceFault(trace, words, limits)).toBeUndefined();
    expect(trace.steps).toBe(42);
    expect(trace.dispatches.map(({ kind, descriptor }) => [kind, descriptor.waitWrite, descriptor.signalWrite])).toEqual([
      ['LDM', 0, 1 << UNIT_ID.mac(0)],
      ['LDW', 0, 1 << UNIT_ID.mac(0)],
      ['MAC', (1 << UNIT_ID.LDM) | (1 << UNIT_ID.LDW), 1 << UNIT_ID.ST],
      ['ST', 1 << UNIT_ID.mac(0), 0],
    ]);
  });

  it('shows a loop that loads and stores eight tiles with two halves', () => {
    const words = assemble(findExample(manual, 'loop'));
    const trace = traceCore(words);
    expect(findTraceFault(trace, words, limits)).toBeUndefined();
    const loads = trace.dispatches.filter((d) => d.kind === 'LDM').map((d) => d.descriptor as Descriptor<'LDM'>);
    const stores = trace.dispatches.filter((d) => d.kind === 'ST').map((d) => d.descriptor as Descriptor<'ST'>);
    const tiles = [0, 1, 2, 3, 4, 5, 6, 7];
    expect(loads.map((d) => [d.dramAddress, d.base, d.waitRead])).toEqual(tiles.map((k) => [1024 * k, 1024 * (k % 2), k >= 2 ? 4 : 0]));
    expect(stores.map((d) => [d.dramAddress, d.base, d.signalRead])).toEqual(
      tiles.map((k) => [65536 + 1024 * k, 1024 * (k % 2), k <= 5 ? 1 : 0]),
    );
    expect(loads.every((d) => d.signalWrite === 4) && stores.every((d) => d.waitWrite === 1)).toBe(true);
  });
});
