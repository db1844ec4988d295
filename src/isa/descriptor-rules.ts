/**
 * What must hold for a descriptor besides the widths of its fields. The hardware does not check these rules (its behaviour is then
 * undefined); compiler and simulators do, with this table. Specification: docs/isa.md, section 5 (generated from here).
 */
import type { CoreTrace } from './core.ts';
import { formatWord } from './disassemble.ts';
import { unitName } from './field-codes.ts';
import { type Descriptor, type FieldName, hasSource2, UNIT_KINDS, type UnitKind, unitOf, VEC_OPS } from './fields.ts';
import { groupLines } from './weights-group.ts';

/** Sizes of the machine that rules refer to. */
export interface DescriptorLimits {
  readonly computeUnits: number;
  /** Words of one CU's maps buffer. */
  readonly mapsWords: number;
  /** Lines of one vMAC's weights buffer. */
  readonly weightsLines: number;
}

/** A rule over the fields named N. */
interface Rule<N extends string> {
  /** For the manual and the message. */
  readonly prose: string;
  readonly holds: (d: Readonly<Record<N, number>>, limits: DescriptorLimits) => boolean;
}

/** Words of the activation table: 256 entries of 4. */
export const TABLE_WORDS = 1024;

const hasUnits = (mask: number, { computeUnits }: DescriptorLimits): boolean => {
  for (let id = 0; id < 32; id++) {
    const unit = unitOf(id);
    if ((mask >>> id) & 1 && (unit === undefined || unit.cu >= computeUnits)) return false;
  }
  return true;
};
const hasCus = (mask: number, { computeUnits }: DescriptorLimits): boolean => mask > 0 && mask < 2 ** computeUnits;
/** Steps count only where they are taken: each with the number of times. */
const isRing = (ring: number, offset: number, steps: readonly (readonly [number, number])[], { mapsWords }: DescriptorLimits): boolean =>
  ring === 0 || (ring <= mapsWords && offset < ring && steps.every(([step, times]) => step <= ring || times === 0));
/** Row steps that the output raster takes. */
const rowSteps = (d: { readonly x0: number; readonly count: number; readonly outWidth: number }): number =>
  Math.floor((d.x0 + d.count - 1) / d.outWidth);

/** Whether the only tap of every window (kernel 1×1) is valid. */
const isInside = (
  d: Readonly<Record<'x0' | 'count' | 'outWidth' | 'iy0' | 'ix0' | 'strideH' | 'strideW' | 'inHeight' | 'inWidth', number>>,
): boolean => {
  const several = rowSteps(d) > 0;
  const firstColumn = d.ix0 + (several ? 0 : d.x0) * d.strideW;
  const lastColumn = d.ix0 + ((several ? d.outWidth : d.x0 + d.count) - 1) * d.strideW;
  return d.iy0 >= 0 && d.iy0 + rowSteps(d) * d.strideH < d.inHeight && firstColumn >= 0 && lastColumn < d.inWidth;
};

const SYNC_RULES: readonly Rule<'waitRead' | 'waitWrite' | 'signalRead' | 'signalWrite'>[] = [
  {
    prose: 'waitRead, waitWrite, signalRead and signalWrite name units of the machine only',
    holds: (d, limits) => [d.waitRead, d.waitWrite, d.signalRead, d.signalWrite].every((mask) => hasUnits(mask, limits)),
  },
];

const RUN_RULES: readonly Rule<FieldName<'LDM'> & FieldName<'ST'>>[] = [
  { prose: 'rows ≥ 1 and words ≥ 1', holds: (d) => d.rows >= 1 && d.words >= 1 },
  {
    prose: 'a ring (ring ≠ 0) fits the maps buffer, offset < ring, words ≤ ring, step ≤ ring if rows > 1',
    holds: (d, limits) =>
      isRing(
        d.ring,
        d.offset,
        [
          [d.words, 1],
          [d.step, d.rows - 1],
        ],
        limits,
      ),
  },
  { prose: 'words fits the maps buffer', holds: (d, { mapsWords }) => d.words <= mapsWords },
];

const WALK_RULES: readonly Rule<FieldName<'MAC'> & FieldName<'VEC'>>[] = [
  {
    prose: 'words, kernelH, kernelW, strideH, strideW, dilationH, dilationW, inHeight, inWidth, outWidth and count ≥ 1',
    holds: (d) =>
      [d.words, d.kernelH, d.kernelW, d.strideH, d.strideW, d.dilationH, d.dilationW, d.inHeight, d.inWidth, d.outWidth, d.count].every(
        (n) => n >= 1,
      ),
  },
  { prose: 'x0 < outWidth', holds: (d) => d.x0 < d.outWidth },
  {
    prose:
      'a source ring (srcRing ≠ 0) fits the maps buffer, srcOffset < srcRing, rowStep ≤ srcRing if there are several output rows, kRowStep ≤ srcRing if kernelH > 1',
    holds: (d, limits) =>
      isRing(
        d.srcRing,
        d.srcOffset,
        [
          [d.rowStep, rowSteps(d)],
          [d.kRowStep, d.kernelH - 1],
        ],
        limits,
      ),
  },
  {
    prose: 'the kernel rows lie in one turn of a source ring: (kernelH − 1)·kRowStep ≤ srcRing if srcRing ≠ 0',
    holds: (d) => d.srcRing === 0 || (d.kernelH - 1) * d.kRowStep <= d.srcRing,
  },
  {
    prose: 'the last output row and column begin within 65535 of the first: (rows − 1)·strideH and (outWidth − 1)·strideW ≤ 65535',
    holds: (d) => rowSteps(d) * d.strideH <= 65535 && (d.outWidth - 1) * d.strideW <= 65535,
  },
  {
    prose: 'an output ring (outRing ≠ 0) fits the maps buffer, outOffset < outRing, outRowStep ≤ outRing if there are several output rows',
    holds: (d, limits) => isRing(d.outRing, d.outOffset, [[d.outRowStep, rowSteps(d)]], limits),
  },
  { prose: 'outCus names at least one CU, and CUs of the machine only', holds: (d, limits) => hasCus(d.outCus, limits) },
  { prose: 'clampLow ≤ clampHigh', holds: (d) => d.clampLow <= d.clampHigh },
];

const RULES: { readonly [K in UnitKind]: readonly Rule<FieldName<K>>[] } = {
  LDM: [
    ...SYNC_RULES,
    ...RUN_RULES,
    { prose: 'cus names at least one CU, and CUs of the machine only', holds: (d, limits) => hasCus(d.cus, limits) },
    {
      prose: `space = table: ring = 0, and offset + base + (rows − 1)·step + words ≤ ${TABLE_WORDS}`,
      holds: (d) => d.space === 0 || (d.ring === 0 && d.base + d.offset + (d.rows - 1) * d.step + d.words <= TABLE_WORDS),
    },
    {
      prose: 'space = table: runs begin at lines: dramAddress and base + offset, if rows > 1 also dramStep and step, are multiples of 16',
      holds: (d) => {
        const starts = [d.dramAddress, d.base + d.offset, ...(d.rows > 1 ? [d.dramStep, d.step] : [])];
        return d.space === 0 || starts.every((words) => words % 16 === 0);
      },
    },
  ],
  LDW: [
    ...SYNC_RULES,
    { prose: 'dramAddress is a multiple of 16', holds: (d) => d.dramAddress % 16 === 0 },
    { prose: 'lines ≥ 1 and images ≥ 1', holds: (d) => d.lines >= 1 && d.images >= 1 },
    {
      prose: 'line is in the weights buffer and lines fits it',
      holds: (d, { weightsLines }) => d.line < weightsLines && d.lines <= weightsLines,
    },
    {
      prose: 'cusPerSlot ≥ 1, and the CUs of the last slot, (slot + 1)·cusPerSlot, exist',
      holds: (d, { computeUnits }) =>
        d.cusPerSlot >= 1 && (Math.floor((d.firstImage + d.images - 1) / 4) + 1) * d.cusPerSlot <= computeUnits,
    },
  ],
  ST: [...SYNC_RULES, ...RUN_RULES, { prose: 'cu is a CU of the machine', holds: (d, { computeUnits }) => d.cu < computeUnits }],
  MAC: [
    ...SYNC_RULES,
    ...WALK_RULES,
    { prose: 'lanes is 1, 2, 4, 8 or 16', holds: (d) => [1, 2, 4, 8, 16].includes(d.lanes) },
    { prose: 'outWords is 1 to 64 / lanes', holds: (d) => d.outWords >= 1 && d.outWords <= 64 / d.lanes },
    {
      prose: 'depthwise: lanes = 1 and outWords ≤ words ≤ 64',
      holds: (d) => d.depthwise === 0 || (d.lanes === 1 && d.outWords <= d.words && d.words <= 64),
    },
    {
      prose: 'weightsLine is in the weights buffer; parameter and tap lines of a group fit it',
      holds: (d, { weightsLines }) => d.weightsLine < weightsLines && groupLines(d) <= weightsLines,
    },
  ],
  VEC: [
    ...SYNC_RULES,
    ...WALK_RULES,
    { prose: 'op is one of the five', holds: (d) => d.op <= VEC_OPS.addTable },
    { prose: 'op = add, table, mul, addTable: the kernel is 1×1', holds: (d) => d.op === 0 || (d.kernelH === 1 && d.kernelW === 1) },
    {
      prose:
        'op = add, mul, addTable: a ring of source 2 (src2Ring ≠ 0) fits the maps buffer, src2Offset < src2Ring, src2RowStep ≤ src2Ring if there are several rows',
      holds: (d, limits) => !hasSource2(d.op) || isRing(d.src2Ring, d.src2Offset, [[d.src2RowStep, rowSteps(d)]], limits),
    },
    {
      prose:
        'op = add, table, mul, addTable: every window’s tap is valid: the first and last output row and column used read inside the input',
      holds: (d) => d.op === 0 || isInside(d),
    },
    {
      prose: 'op = add, addTable: shiftA or shiftB is 0; op = max: shiftB is 0; op = mul: shiftA is 0; both ≤ 23',
      holds: (d) => {
        if (d.op === VEC_OPS.table) return true;
        const isOne = d.op === VEC_OPS.max ? d.shiftB === 0 : d.shiftA === 0 || (d.op !== VEC_OPS.mul && d.shiftB === 0);
        return d.shiftA <= 23 && d.shiftB <= 23 && isOne;
      },
    },
    { prose: 'shiftOut ≤ 47', holds: (d) => d.shiftOut <= 47 },
    { prose: 'op = addTable: shiftSum ≤ 47', holds: (d) => d.op !== VEC_OPS.addTable || d.shiftSum <= 47 },
  ],
};

/** The first rule that a descriptor breaks, as text; undefined when it keeps all. */
export function findDescriptorFault<K extends UnitKind>(
  kind: K,
  descriptor: Readonly<Descriptor<K>>,
  limits: DescriptorLimits,
): string | undefined {
  return RULES[kind].find((rule) => !rule.holds(descriptor, limits))?.prose;
}

/** The first descriptor of a trace that breaks a rule, as one message naming the instruction, the unit and the rule. */
export function findTraceFault(trace: CoreTrace, instructions: Uint32Array, limits: DescriptorLimits): string | undefined {
  for (const { kind, unitId, descriptor, instructionIndex } of trace.dispatches) {
    const fault = findDescriptorFault(kind, descriptor as Descriptor<UnitKind>, limits);
    if (fault === undefined) continue;
    const values = Object.entries(descriptor).filter(([, value]) => value !== 0);
    return (
      `instruction ${instructionIndex} (${formatWord(instructions[instructionIndex])}): descriptor for ${unitName(unitId)} breaks the rule ` +
      `'${fault}'; its fields: ${values.map(([name, value]) => `${name} ${value}`).join(', ')}, others 0`
    );
  }
  return undefined;
}

/** Rows of the manual: the kinds that a rule applies to, and the rule. */
export function describeRules(): (readonly [string, string])[] {
  const kindsOf = new Map<string, UnitKind[]>();
  for (const kind of UNIT_KINDS) {
    for (const { prose } of RULES[kind]) kindsOf.set(prose, [...(kindsOf.get(prose) ?? []), kind]);
  }
  return [...kindsOf].map(([prose, kinds]) => [kinds.length === UNIT_KINDS.length ? 'all' : kinds.join(', '), prose] as const);
}
