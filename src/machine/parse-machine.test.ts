import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../util/errors.ts';
import { bytesPerCycle, macCount, mapsWords, PRESETS, weightsLines, XC7Z045 } from './machine.ts';
import { findMachineFault, parseMachine, parseMachineText } from './parse-machine.ts';

const modified = (changes: object) => parseMachine({ extends: 'xc7z045', ...changes }, 'm.json');

describe('presets', () => {
  it.each(Object.entries(PRESETS))('%s is itself a valid machine file', (name, machine) => {
    expect(parseMachine(JSON.parse(JSON.stringify(machine)), name)).toEqual(machine);
    expect(machine.name).toBe(name);
  });

  it('has the sizes of the microarchitecture manual', () => {
    expect([macCount(XC7Z045), mapsWords(XC7Z045), weightsLines(XC7Z045)]).toEqual([256, 65536, 1024]);
    expect(bytesPerCycle(XC7Z045)).toEqual({ numerator: 84, denominator: 5 });
  });
});

describe('other machines', () => {
  it.each([1, 2, 8])('%i compute units', (computeUnits) => {
    const machine = modified({ name: 'other', computeUnits });
    expect(machine).toEqual({ ...XC7Z045, name: 'other', computeUnits });
    expect(macCount(machine)).toBe(computeUnits * 64);
  });

  it('takes half the bandwidth and keeps the rest of dram', () => {
    const machine = modified({ dram: { bytesPerSecond: 2_100_000_000 } });
    expect(machine.dram).toEqual({ ...XC7Z045.dram, bytesPerSecond: 2_100_000_000 });
    expect(bytesPerCycle(machine)).toEqual({ numerator: 42, denominator: 5 });
    expect(machine.name).toBe('xc7z045 modified');
  });

  it('takes another clock and other buffers', () => {
    const machine = modified({ clockHz: 166_000_000, mapsBytes: 1 << 20, weightsBytes: 24 * 1024, instructionBufferWords: 64 });
    expect(bytesPerCycle(machine)).toEqual({ numerator: 2100, denominator: 83 });
    expect([mapsWords(machine), weightsLines(machine)]).toEqual([524_288, 768]);
  });

  it('leaves the preset as it is', () => {
    const before = structuredClone(XC7Z045);
    modified({ latency: { macSetup: 9 }, axi: { ports: 2 } });
    expect(XC7Z045).toEqual(before);
  });
});

describe('refuses', () => {
  it.each([
    [{ computeUnits: 3 }, 'computeUnits: must be a power of two (found 3)'],
    [{ computeUnits: 16 }, 'computeUnits: Too big: expected number to be <=8'],
    [{ clusters: 2 }, 'clusters: Invalid input: expected 1 (found 2)'],
    [{ latency: { macSetup: 0 } }, 'latency.macSetup: Too small: expected number to be >=1 (found 0)'],
    [{ latency: { macSpeed: 1 } }, 'latency: Unrecognized key: "macSpeed"'],
    [{ latency: 5 }, 'latency: Invalid input: expected object, received number (found 5)'],
    [{ weightsBytes: 1024 }, 'weightsBytes: Too small'],
    [{ weightsBytes: 4100 }, 'weightsBytes: must be a multiple of a line (32 bytes) (found 4100)'],
    [{ mapsBytes: 100_000 }, 'mapsBytes: must be a power of two (found 100000)'],
    [{ clockHz: '250 MHz' }, 'clockHz: Invalid input: expected number, received string (found "250 MHz")'],
    [{ dram: { bytes: 2 ** 30 + 4 } }, 'dram.bytes is 1073741828, expected a multiple of 128'],
    [{ clockHz: 166_666_667 }, 'dram.bytesPerSecond / clockHz is 4200000000/166666667 in lowest terms'],
  ])('%j', (changes, message) => {
    expect(() => modified(changes)).toThrow(InputError);
    expect(() => modified(changes)).toThrow('m.json: not a possible machine: ');
    expect(() => modified(changes)).toThrow(message);
  });

  it('an unknown base, a base from the prototype, a missing base, no object', () => {
    expect(() => parseMachine({ extends: 'xc7z100' }, 'm.json')).toThrow('m.json: extends: expected one of xc7z045, found "xc7z100"');
    expect(() => parseMachine({ extends: 'toString' }, 'm.json')).toThrow('m.json: extends: expected one of');
    expect(() => parseMachine({ computeUnits: 2 }, 'm.json')).toThrow('needs "extends": "xc7z045"');
    expect(() => parseMachine([1], 'm.json')).toThrow('the whole: Invalid input: expected object');
    expect(() => parseMachine(JSON.parse('{"extends":"xc7z045","__proto__":{"clockHz":1}}'), 'm.json')).toThrow('__proto__');
    expect(() => parseMachineText('{"extends": ', 'm.json')).toThrow('m.json: not JSON: ');
    expect(parseMachineText('{"extends": "xc7z045"}', 'm.json').computeUnits).toBe(4);
  });

  it('any other value by InputError only', () => {
    const keys = [...Object.keys(XC7Z045), 'extends', 'other'];
    const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.integer({ min: 0, max: 1 << 20 }));
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), value, { maxKeys: 4 }), fc.boolean(), (changes, extending) => {
        try {
          const machine = parseMachine(extending ? { ...changes, extends: 'xc7z045' } : changes, 'm.json');
          expect(findMachineFault(machine)).toBeUndefined();
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
      { numRuns: 300 },
    );
  });
});
