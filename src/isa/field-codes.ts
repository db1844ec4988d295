/**
 * Descriptor fields as operands of SETI, SETH and SET: names such as `MAC.srcBase`, their 9-bit codes (unit kind in bits 8:6,
 * index in the kind's table in bits 5:0), and the range of values. Specification: docs/isa.md, sections 2 and 5.
 */
import {
  type Descriptor,
  type FieldName,
  type FieldSpec,
  UNIT_FIELDS,
  UNIT_ID_COUNT,
  UNIT_KINDS,
  type UnitKind,
  unitOf,
} from './fields.ts';

/** A field by name, e.g. `LDM.dramAddress`. */
export type FieldReference = { [K in UnitKind]: `${K}.${FieldName<K>}` }[UnitKind];

export interface FieldInfo {
  readonly reference: FieldReference;
  readonly kind: UnitKind;
  /** Index in `UNIT_FIELDS[kind]`. */
  readonly index: number;
  readonly code: number;
  readonly spec: FieldSpec;
}

const FIELD_INDEX_BITS = 6;

const byCode: (FieldInfo | undefined)[] = [];
const byReference = new Map<string, FieldInfo>();
for (const [kindIndex, kind] of UNIT_KINDS.entries()) {
  for (const [index, spec] of UNIT_FIELDS[kind].entries()) {
    const code = (kindIndex << FIELD_INDEX_BITS) | index;
    const info: FieldInfo = { reference: `${kind}.${spec.name}` as FieldReference, kind, index, code, spec };
    byCode[code] = info;
    byReference.set(info.reference, info);
  }
}

/** The field with a 9-bit code; undefined when the code names none. */
export function fieldOfCode(code: number): FieldInfo | undefined {
  return byCode[code];
}

/** The field named `KIND.name`; undefined when there is none. */
export function findField(reference: string): FieldInfo | undefined {
  return byReference.get(reference);
}

/** The field named `KIND.name`, which exists by its type. */
export function fieldInfo(reference: FieldReference): FieldInfo {
  const info = byReference.get(reference);
  if (info === undefined) throw new Error(`no field ${reference}`);
  return info;
}

/** Smallest and largest value that a field holds. */
export function fieldRange(spec: FieldSpec): { readonly low: number; readonly high: number } {
  return spec.signed ? { low: -(2 ** (spec.bits - 1)), high: 2 ** (spec.bits - 1) - 1 } : { low: 0, high: 2 ** spec.bits - 1 };
}

/** A 32-bit value as a field keeps it: the low `bits` bits, sign-extended when the field is signed. */
export function truncateToField(spec: FieldSpec, value: number): number {
  const spare = 32 - spec.bits;
  return spec.signed ? (value << spare) >> spare : (value << spare) >>> spare;
}

/** A descriptor of a kind with all fields 0. */
export function zeroDescriptor<K extends UnitKind>(kind: K): Descriptor<K> {
  return Object.fromEntries(UNIT_FIELDS[kind].map((spec) => [spec.name, 0])) as Descriptor<K>;
}

/** Assembler name of a unit id: LDM, LDW, ST, MAC0, VEC0, MAC1, …; undefined for ids that name no unit. */
export function unitName(id: number): string | undefined {
  const unit = unitOf(id);
  if (unit === undefined) return undefined;
  return unit.cu < 0 ? unit.kind : `${unit.kind}${unit.cu}`;
}

const UNIT_IDS = new Map<string, number>();
for (let id = 0; id < UNIT_ID_COUNT; id++) {
  const name = unitName(id);
  if (name !== undefined) UNIT_IDS.set(name, id);
}

/** Unit id of an assembler name; undefined when there is none. */
export function unitIdOf(name: string): number | undefined {
  return UNIT_IDS.get(name);
}

/** All unit names in the order of their ids. */
export function unitNames(): readonly string[] {
  return [...UNIT_IDS.keys()];
}
