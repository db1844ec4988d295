/**
 * Descriptor fields of the five unit kinds: what an instruction `SETI/SETH/SET` writes and `GO` sends.
 * Specification: docs/isa.md (tables generated from this file), docs/microarchitecture.md sections 3 to 6.
 * Array order is the field's index in the encoding.
 */
export interface FieldSpec {
  readonly name: string;
  /** Width in bits of the hardware register. */
  readonly bits: number;
  readonly signed?: boolean;
  /** Cleared by GO: holds for one descriptor only. */
  readonly transient?: boolean;
  readonly prose: string;
}

const SYNC_FIELDS = [
  { name: 'waitRead', bits: 20, transient: true, prose: 'units (bit = unit id) of which one read token is taken before the start' },
  { name: 'waitWrite', bits: 20, transient: true, prose: 'units of which one write token is taken before the start' },
  { name: 'signalRead', bits: 20, transient: true, prose: 'units that get a read token when the last operand has been read' },
  { name: 'signalWrite', bits: 20, transient: true, prose: 'units that get a write token when the last result has been written' },
] as const satisfies readonly FieldSpec[];

/** Window walker and output raster: shared by MAC and VEC (microarchitecture.md, section 3). */
const WALK_FIELDS = [
  { name: 'srcBase', bits: 20, prose: 'word address of the ring origin of source 1 (plus channel offset)' },
  { name: 'srcRing', bits: 20, prose: 'ring size in words, 0 = no wrap' },
  { name: 'srcOffset', bits: 20, prose: 'ring offset of the row of kernel row 0 of the first output row' },
  { name: 'srcColumn', bits: 20, signed: true, prose: 'ix0 times the pixel pitch, in words' },
  { name: 'rowStep', bits: 20, prose: 'words added to the ring offset per output row' },
  { name: 'kRowStep', bits: 20, prose: 'words added to the ring offset per kernel row' },
  { name: 'colStep', bits: 20, prose: 'words per output column' },
  { name: 'tapStep', bits: 20, prose: 'words per kernel column' },
  { name: 'words', bits: 16, prose: 'MAC: words per tap; VEC: channels per pixel' },
  { name: 'kernelH', bits: 10, prose: 'kernel rows' },
  { name: 'kernelW', bits: 10, prose: 'kernel columns' },
  { name: 'strideH', bits: 8, prose: 'input rows per output row (for clipping)' },
  { name: 'strideW', bits: 8, prose: 'input columns per output column (for clipping)' },
  { name: 'dilationH', bits: 8, prose: 'input rows per kernel row (for clipping)' },
  { name: 'dilationW', bits: 8, prose: 'input columns per kernel column (for clipping)' },
  { name: 'iy0', bits: 17, signed: true, prose: 'input row of kernel row 0 at the first output row' },
  { name: 'ix0', bits: 17, signed: true, prose: 'input column of kernel column 0 at output column 0' },
  { name: 'inHeight', bits: 16, prose: 'input rows; taps outside 0..inHeight-1 are skipped' },
  { name: 'inWidth', bits: 16, prose: 'input columns' },
  { name: 'outBase', bits: 20, prose: 'word address of the output ring origin (plus channel offset)' },
  { name: 'outRing', bits: 20, prose: 'output ring size in words, 0 = no wrap' },
  { name: 'outOffset', bits: 20, prose: 'ring offset of the first output row' },
  { name: 'outRowStep', bits: 20, prose: 'words per output row' },
  { name: 'outColStep', bits: 20, prose: 'words per output column' },
  { name: 'outWidth', bits: 16, prose: 'output pixels in a row' },
  { name: 'x0', bits: 16, prose: 'column of the first output pixel' },
  { name: 'count', bits: 20, prose: 'number of output pixels in raster order' },
  { name: 'outCus', bits: 8, prose: 'mask of the CUs whose maps buffer takes the results' },
  { name: 'clampLow', bits: 16, signed: true, prose: 'lower bound of a result' },
  { name: 'clampHigh', bits: 16, signed: true, prose: 'upper bound of a result' },
] as const satisfies readonly FieldSpec[];

/** Runs of words between DRAM and maps: LDM and ST alike. */
const RUN_FIELDS = [
  { name: 'dramAddress', bits: 32, prose: 'DRAM word address of the first run' },
  { name: 'dramStep', bits: 32, prose: 'DRAM words between runs' },
  { name: 'base', bits: 20, prose: 'maps word address of the ring origin' },
  { name: 'ring', bits: 20, prose: 'ring size in words, 0 = no wrap' },
  { name: 'offset', bits: 20, prose: 'ring offset of the first run' },
  { name: 'step', bits: 20, prose: 'words between runs in maps' },
  { name: 'rows', bits: 20, prose: 'number of runs' },
  { name: 'words', bits: 20, prose: 'words per run' },
] as const satisfies readonly FieldSpec[];

/** Field tables by unit kind. */
export const UNIT_FIELDS = {
  LDM: [
    ...SYNC_FIELDS,
    ...RUN_FIELDS,
    { name: 'cus', bits: 8, prose: 'mask of receiving CUs' },
    { name: 'space', bits: 1, prose: '0 maps buffer, 1 activation table' },
  ],
  LDW: [
    ...SYNC_FIELDS,
    { name: 'dramAddress', bits: 32, prose: 'DRAM word address, a multiple of 16' },
    { name: 'line', bits: 16, prose: 'first weights buffer line written' },
    { name: 'lines', bits: 16, prose: 'lines per image' },
    { name: 'images', bits: 16, prose: 'number of images' },
    { name: 'firstImage', bits: 16, prose: 'index of the first image: vMAC = image mod 4, slot = image div 4' },
    { name: 'cusPerSlot', bits: 4, prose: 'CUs that take the same image' },
  ],
  ST: [...SYNC_FIELDS, ...RUN_FIELDS, { name: 'cu', bits: 4, prose: 'the CU that is read' }],
  MAC: [
    ...SYNC_FIELDS,
    ...WALK_FIELDS,
    { name: 'weightsLine', bits: 16, prose: 'first line of the group: parameters, then taps' },
    { name: 'lanes', bits: 5, prose: 'lanes per output g: 1, 2, 4, 8 or 16' },
    { name: 'depthwise', bits: 1, prose: '1: lane l of vMAC v takes map word 16v + l (lanes must be 1)' },
    { name: 'outWords', bits: 7, prose: 'valid results per pixel, 1 to 64' },
  ],
  VEC: [
    ...SYNC_FIELDS,
    ...WALK_FIELDS,
    { name: 'op', bits: 3, prose: '0 max, 1 add, 2 table, 3 mul, 4 addTable' },
    { name: 'src2Base', bits: 20, prose: 'add, mul, addTable: ring origin of source 2' },
    { name: 'src2Ring', bits: 20, prose: 'add, mul, addTable: ring size of source 2' },
    { name: 'src2Offset', bits: 20, prose: 'add, mul, addTable: ring offset of the first row' },
    { name: 'src2RowStep', bits: 20, prose: 'add, mul, addTable: words per row' },
    { name: 'src2ColStep', bits: 20, prose: 'add, mul, addTable: words per column' },
    { name: 'shiftA', bits: 5, prose: 'max, add, addTable: left shift of the maximum or of source 1, at most 23' },
    {
      name: 'shiftB',
      bits: 5,
      prose:
        'add, addTable: left shift of source 2, at most 23; shiftA or shiftB is 0. mul: if not 0, the factor is 2^shiftB − b in place of b',
    },
    { name: 'shiftOut', bits: 6, prose: 'rounding right shift of the result' },
    { name: 'shiftSum', bits: 6, prose: 'addTable: rounding right shift of the sum in front of the table' },
  ],
} as const satisfies Record<string, readonly FieldSpec[]>;

export type UnitKind = keyof typeof UNIT_FIELDS;
export const UNIT_KINDS = Object.keys(UNIT_FIELDS) as UnitKind[];
export type FieldName<K extends UnitKind> = (typeof UNIT_FIELDS)[K][number]['name'];
/** All field values of one descriptor, as plain numbers (signed where the field is signed). */
export type Descriptor<K extends UnitKind> = { [F in FieldName<K>]: number };
export type LdmDescriptor = Descriptor<'LDM'>;
export type LdwDescriptor = Descriptor<'LDW'>;
export type StDescriptor = Descriptor<'ST'>;
export type MacDescriptor = Descriptor<'MAC'>;
export type VecDescriptor = Descriptor<'VEC'>;

/** Vector operations by name: values of the VEC field `op`. */
export const VEC_OPS = { max: 0, add: 1, table: 2, mul: 3, addTable: 4 } as const;
/** Whether a vector operation reads source 2. */
export const hasSource2 = (op: number): boolean => op === VEC_OPS.add || op === VEC_OPS.mul || op === VEC_OPS.addTable;
/** Whether a vector operation reads the activation table. */
export const hasTable = (op: number): boolean => op === VEC_OPS.table || op === VEC_OPS.addTable;
/** Values of the LDM field `space`. */
export const LDM_SPACES = { maps: 0, table: 1 } as const;

/** Compute units that the unit ids have room for. */
export const MAX_CUS = 8;
/** Unit ids: bit positions of the token masks. LDM 0, LDW 1, ST 2, MAC of CU c 4+2c, VEC of CU c 5+2c; id 3 is reserved. */
export const UNIT_ID = {
  LDM: 0,
  LDW: 1,
  ST: 2,
  mac: (cu: number): number => 4 + 2 * cu,
  vec: (cu: number): number => 5 + 2 * cu,
} as const;
export const UNIT_ID_COUNT = 4 + 2 * MAX_CUS;
/** Most tokens that a counter holds (docs/microarchitecture.md, section 1). */
export const MAX_TOKENS = 128;

/** Kind and CU of a unit id; undefined for the reserved id. */
export function unitOf(id: number): { kind: UnitKind; cu: number } | undefined {
  if (id === 0) return { kind: 'LDM', cu: -1 };
  if (id === 1) return { kind: 'LDW', cu: -1 };
  if (id === 2) return { kind: 'ST', cu: -1 };
  if (id < 4 || id >= UNIT_ID_COUNT) return undefined;
  return { kind: id % 2 === 0 ? 'MAC' : 'VEC', cu: (id - 4) >> 1 };
}
