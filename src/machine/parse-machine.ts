/**
 * Machine files: JSON checked value by value and across values. A file may say `"extends": "xc7z045"` and give only what differs.
 * Specification: docs/microarchitecture.md; the schema is in machine.ts.
 */
import { InputError } from '../util/errors.ts';
import { describeIssues } from '../util/zod-message.ts';
import { bytesPerCycle, LINE_BYTES, LINE_WORDS, type Machine, machineSchema, PRESETS, weightsLines } from './machine.ts';

/** Instructions of one memory line. */
const LINE_INSTRUCTIONS = LINE_BYTES / 4;
/** Bytes of a memory block: a burst never crosses one. */
const BLOCK_BYTES = 128;
/** Terms of the bandwidth fraction stay below this, so that exact time (cycles × numerator) fits 2^53 for 2^33 cycles. */
const MOST_BANDWIDTH_TERM = 2 ** 20;

/**
 * What is impossible in a machine whose values are each allowed; undefined when it is consistent.
 * The message names the values and what to do.
 */
export function findMachineFault(m: Machine): string | undefined {
  if (m.instructionBufferWords < 8 * LINE_INSTRUCTIONS) {
    return `instructionBufferWords is ${m.instructionBufferWords}, expected at least ${8 * LINE_INSTRUCTIONS} (8 lines, so that fetch runs ahead)`;
  }
  if (m.instructionBufferWords < 2 * m.axi.burstLines * LINE_INSTRUCTIONS) {
    return `instructionBufferWords is ${m.instructionBufferWords}, expected at least two bursts of axi.burstLines = ${m.axi.burstLines} lines`;
  }
  if (weightsLines(m) < 64) return `weightsBytes is ${m.weightsBytes}, expected at least ${64 * LINE_BYTES} (64 lines)`;
  const columnsBytes = m.vmacsPerCu * LINE_WORDS * 2;
  if (m.mapsBytes % columnsBytes !== 0) return `mapsBytes is ${m.mapsBytes}, expected a multiple of ${columnsBytes} (64 words)`;
  if (m.resultFifoGranules < m.vmacsPerCu) {
    return `resultFifoGranules is ${m.resultFifoGranules}, expected at least vmacsPerCu = ${m.vmacsPerCu} (the results of one window)`;
  }
  if (m.dram.bytes % BLOCK_BYTES !== 0) return `dram.bytes is ${m.dram.bytes}, expected a multiple of ${BLOCK_BYTES}`;
  const { numerator, denominator } = bytesPerCycle(m);
  if (numerator > MOST_BANDWIDTH_TERM || denominator > MOST_BANDWIDTH_TERM) {
    return (
      `dram.bytesPerSecond / clockHz is ${numerator}/${denominator} in lowest terms, expected both terms below ${MOST_BANDWIDTH_TERM} ` +
      '(memory time is kept exactly); give both as multiples of 1000000'
    );
  }
  return undefined;
}

/**
 * The machine that a JSON value describes.
 * @param source name for messages, e.g. the file name.
 * @throws InputError naming source, path of the value, what is allowed and what was found.
 */
export function parseMachine(json: unknown, source: string): Machine {
  const value = resolveExtends(json, source);
  const result = machineSchema.safeParse(value);
  if (!result.success) {
    const hint = isObject(json) && 'extends' in json ? '' : '; a file that gives only some values needs "extends": "xc7z045"';
    throw new InputError(`${source}: not a possible machine: ${describeIssues(result.error, value)}${hint}`);
  }
  const fault = findMachineFault(result.data);
  if (fault !== undefined) throw new InputError(`${source}: not a possible machine: ${fault}`);
  return result.data;
}

/** `parseMachine` of the text of a machine file. */
export function parseMachineText(text: string, source: string): Machine {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new InputError(`${source}: not JSON: ${(error instanceof Error ? error.message : `${error}`).replace(/\s+/g, ' ')}`);
  }
  return parseMachine(json, source);
}

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function resolveExtends(json: unknown, source: string): unknown {
  if (!isObject(json) || !Object.hasOwn(json, 'extends')) return json;
  const { extends: base, ...changes } = json;
  if (typeof base !== 'string' || !Object.hasOwn(PRESETS, base)) {
    throw new InputError(`${source}: extends: expected one of ${Object.keys(PRESETS).join(', ')}, found ${JSON.stringify(base)}`);
  }
  return merge({ ...PRESETS[base], name: `${base} modified` }, changes);
}

/** Objects key by key, other values replaced. Built from entries, so that a key such as `__proto__` stays a key and is refused. */
function merge(base: JsonObject, changes: JsonObject): JsonObject {
  const changed = Object.entries(changes).map(([key, change]): [string, unknown] => {
    const old = Object.hasOwn(base, key) ? base[key] : undefined;
    return [key, isObject(old) && isObject(change) ? merge(old, change) : change];
  });
  return Object.fromEntries([...Object.entries(base), ...changed]);
}
