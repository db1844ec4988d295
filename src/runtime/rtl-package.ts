/**
 * Renders sf_pkg.sv, the constants of the RTL: one machine's counts, sizes and latencies, the instruction table and the descriptor
 * fields. Specification: docs/microarchitecture.md, docs/isa.md.
 */
import { TABLE_WORDS } from '../isa/descriptor-rules.ts';
import { type FieldSpec, UNIT_FIELDS, UNIT_ID, UNIT_KINDS, type UnitKind } from '../isa/fields.ts';
import { FORMATS, type FormatField, INSTRUCTIONS, MNEMONICS, OPCODE_FIELD, widthOf } from '../isa/instructions.ts';
import { LINE_BYTES, LINE_WORDS, type Machine, mapsWords, weightsLines } from '../machine/machine.ts';
import { crc32 } from '../util/crc32.ts';

/** Version of the register map and of the descriptors, as the driver reads it: major in the upper half. */
const RTL_VERSION = 0x0001_0001;
/** Synchronisation fields come first in every kind and are the transient ones. */
const SYNC_FIELDS = 4;

/** Register stages that the RTL needs between two events of the timing table; a machine may ask for more, never for less. */
const LEAST_LATENCY: Readonly<Record<keyof Machine['latency'], number>> = {
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
};
/** Register stages between the acceptance of a burst, the AXI pins and the load bus (hardware/README.md). */
const LEAST_READ_LATENCY = 12;
const LEAST_WRITE_LATENCY = 28;

/**
 * What the RTL cannot build of a machine that the simulator can; undefined when it can build it.
 */
export function findRtlFault(machine: Machine): string | undefined {
  for (const [name, least] of Object.entries(LEAST_LATENCY) as [keyof Machine['latency'], number][]) {
    if (machine.latency[name] < least) return `latency.${name} is ${machine.latency[name]}, the RTL needs at least ${least}`;
  }
  if (machine.dram.readLatency < LEAST_READ_LATENCY) {
    return `dram.readLatency is ${machine.dram.readLatency}, the RTL needs at least ${LEAST_READ_LATENCY}`;
  }
  if (machine.dram.writeLatency < LEAST_WRITE_LATENCY) {
    return `dram.writeLatency is ${machine.dram.writeLatency}, the RTL needs at least ${LEAST_WRITE_LATENCY}`;
  }
  return undefined;
}

/** What a driver compares with the program it wants to run: the machine's values in the schema's order, as a CRC. */
export function machineFingerprint(machine: Machine): number {
  return crc32(new TextEncoder().encode(JSON.stringify(sortKeys({ ...machine, name: '' }))));
}

function sortKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortKeys(inner)]));
}

const bitsFor = (count: number): number => Math.max(1, Math.ceil(Math.log2(count)));
/** src2Base → src2_base, kRowStep → k_row_step. */
const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
/** Other front ends may not take more than ASCII, not even in a comment. */
const ascii = (text: string): string => text.replaceAll('←', '<-').replaceAll('−', '-').replaceAll('≠', '!=').replaceAll('≥', '>=');
const pascal = (name: string): string => `${name[0].toUpperCase()}${name.slice(1)}`;
const kindName = (kind: UnitKind): string => pascal(kind.toLowerCase());
const hex32 = (value: number): string => `32'h${value.toString(16).padStart(8, '0')}`;

function parameter(name: string, value: number | string, comment?: string): string {
  return `  parameter int unsigned ${name} = ${value};${comment === undefined ? '' : `  // ${comment}`}`;
}

function renderMachine(m: Machine): string[] {
  return [
    parameter('NumCus', m.computeUnits, 'compute units of the cluster'),
    parameter('NumVmacs', m.vmacsPerCu, 'vMACs of a CU'),
    parameter('NumLanes', m.lanesPerVmac, 'MACs of a vMAC'),
    parameter('NumUnits', UNIT_ID.mac(m.computeUnits), 'unit ids 0 to NumUnits - 1; id 3 names no unit'),
    parameter('LineWords', LINE_WORDS, 'words of a line'),
    parameter('MapsAddrW', bitsFor(mapsWords(m)), 'word address in the maps buffer of a CU'),
    parameter('WeightsLines', weightsLines(m), 'lines of the weights buffer of a vMAC'),
    parameter('WeightsAddrW', bitsFor(weightsLines(m))),
    parameter('TableAddrW', bitsFor(TABLE_WORDS), 'word address in the activation table of a CU'),
    parameter('QueueDepth', m.queueDepth, 'descriptors a unit queue holds'),
    parameter('InstrLines', (m.instructionBufferWords * 4) / LINE_BYTES, 'lines of the instruction buffer'),
    parameter('ResultFifoGranules', m.resultFifoGranules),
    parameter('VecFifoGranules', m.vecFifoGranules),
    parameter('BusFifoEntries', m.busFifoEntries),
    parameter('AxiPorts', m.axi.ports),
    parameter('BurstLines', m.axi.burstLines, 'lines of the longest burst'),
    parameter('ReadsPerPort', m.axi.readsPerPort, 'outstanding read bursts'),
    parameter('ReadsPerEngine', m.axi.readsPerEngine),
    parameter('WritesOutstanding', m.axi.writesOutstanding),
    ...Object.entries(m.latency).map(([name, value]) => parameter(`Lat${pascal(name.replace(/Latency$/, ''))}`, value)),
  ];
}

function renderMember({ name, bits, signed, prose }: FieldSpec): string {
  const range = bits === 1 ? '' : ` [${bits - 1}:0]`;
  return `    logic${signed ? ' signed' : ''}${range} ${snake(name)};  // ${ascii(prose)}`;
}

function renderStruct(name: string, members: readonly string[]): string[] {
  return ['  typedef struct packed {', ...members, `  } ${name};`];
}

/** The fields that MAC and VEC share, in both behind the synchronisation fields: the window walk and the output raster. */
function walkFields(): readonly FieldSpec[] {
  const [mac, vec]: readonly (readonly FieldSpec[])[] = [UNIT_FIELDS.MAC, UNIT_FIELDS.VEC];
  const end = mac.findIndex((field, i) => field.name !== vec[i].name);
  return mac.slice(SYNC_FIELDS, end);
}

/** Per kind: the descriptor, and the tables from which its field registers are built. Element 0 of a table is the right-most one. */
function renderKind(kind: UnitKind): string[] {
  const fields: readonly FieldSpec[] = UNIT_FIELDS[kind];
  if (fields.some((field, i) => (field.transient === true) !== i < SYNC_FIELDS)) {
    throw new Error(`${kind}: the transient fields must be the first ${SYNC_FIELDS}`);
  }
  const name = kindName(kind);
  const own = fields.slice(SYNC_FIELDS);
  const walk = kind === 'MAC' || kind === 'VEC' ? walkFields().length : 0;
  const members = [...(walk > 0 ? ['    walk_t walk;'] : []), ...own.slice(walk).map(renderMember)];
  const reversed = [...fields].reverse();
  return [
    '',
    `  // ${kind}`,
    ...renderStruct(`${kind.toLowerCase()}_desc_t`, members),
    parameter(`${name}Fields`, fields.length),
    parameter(
      `${name}Bits`,
      fields.reduce((sum, f) => sum + f.bits, 0),
      'synchronisation fields and descriptor',
    ),
    `  parameter logic [${name}Fields-1:0][5:0] ${name}FieldWidth = {${reversed.map((f) => `6'd${f.bits}`).join(', ')}};`,
    `  parameter logic [${name}Fields-1:0] ${name}FieldSigned = ${fields.length}'b${reversed.map((f) => (f.signed ? 1 : 0)).join('')};`,
  ];
}

function renderOpcodes(): string[] {
  const width = widthOf(OPCODE_FIELD);
  const last = MNEMONICS.length - 1;
  return [
    `  typedef enum logic [${width - 1}:0] {`,
    ...MNEMONICS.map(
      (m, i) =>
        `    Op${pascal(m.toLowerCase())} = ${width}'h${INSTRUCTIONS[m].opcode.toString(16)}${i < last ? ',' : ''}  // ${ascii(INSTRUCTIONS[m].effect)}`,
    ),
    '  } opcode_e;',
  ];
}

/** One struct per format, so that a decoder names operands instead of bit positions. */
function renderFormats(): string[] {
  const lines: string[] = [];
  for (const [format, fields] of Object.entries(FORMATS) as [string, readonly FormatField[]][]) {
    lines.push('  typedef struct packed {');
    let next = 31;
    for (const field of [OPCODE_FIELD, ...fields]) {
      if (field.high < next) lines.push(`    logic [${next - field.high - 1}:0] zero${next};`);
      lines.push(`    logic [${widthOf(field) - 1}:0] ${snake(field.name)};`);
      next = field.low - 1;
    }
    if (next >= 0) lines.push(`    logic [${next}:0] zero${next};`);
    lines.push(`  } format_${format.toLowerCase()}_t;`);
  }
  return lines;
}

/** The package of one machine. */
export function renderPackage(machine: Machine): string {
  const kinds = UNIT_KINDS.map((kind, i) => `Kind${kindName(kind)} = 3'd${i}`).join(', ');
  const text = `${[
    `// Constants of the machine '${machine.name}', its instructions and descriptors. Generated by scripts/generate-rtl.ts: do not edit.`,
    '// Specification: docs/microarchitecture.md (machine, timing table), docs/isa.md (encoding, fields). Twins: src/machine/machine.ts,',
    '// src/isa/instructions.ts, src/isa/fields.ts.',
    'package sf_pkg;',
    '  // Machine: counts, sizes, latencies in cycles.',
    ...renderMachine(machine),
    `  parameter logic [31:0] RtlVersion = ${hex32(RTL_VERSION)};`,
    `  parameter logic [31:0] MachineFingerprint = ${hex32(machineFingerprint(machine))};`,
    '',
    '  // Instructions.',
    ...renderOpcodes(),
    ...renderFormats(),
    '',
    '  // Descriptor fields by kind of unit, in the order of their indices. The first four synchronise; GO clears them.',
    `  typedef enum logic [2:0] {${kinds}} kind_e;`,
    parameter('SyncFields', SYNC_FIELDS),
    ...renderStruct('sync_t', UNIT_FIELDS.LDM.slice(0, SYNC_FIELDS).map(renderMember)),
    ...renderStruct('walk_t', walkFields().map(renderMember)),
    ...UNIT_KINDS.flatMap(renderKind),
    'endpackage',
  ].join('\n')}\n`;
  const foreign = /[^\x20-\x7e\n]/.exec(text);
  if (foreign !== null) throw new Error(`the package has the character '${foreign[0]}'`);
  return text;
}
