/**
 * What the compiler emits with: descriptors in, the shortest sequence of SETI/SETH/GO out. A shadow of the field registers
 * tells which fields changed since the last GO of the kind. Specification: docs/isa.md, section 5.
 */
import { fieldRange, unitName, zeroDescriptor } from './field-codes.ts';
import { type Descriptor, type FieldSpec, UNIT_FIELDS, UNIT_KINDS, type UnitKind, unitOf } from './fields.ts';
import { INSTRUCTIONS } from './instructions.ts';

type AnyDescriptor = { [K in UnitKind]: Descriptor<K> }[UnitKind];

const IMM_BITS = 17;
const LOW_MASK = 2 ** IMM_BITS - 1;
const SETI = INSTRUCTIONS.SETI.opcode << 26;
const SETH = INSTRUCTIONS.SETH.opcode << 26;
const GO = INSTRUCTIONS.GO.opcode << 26;
const END = INSTRUCTIONS.END.opcode << 26;

/** A field's constants, precomputed: compilers emit hundreds of thousands of fields. */
interface Slot {
  readonly name: string;
  readonly codeBits: number;
  readonly low: number;
  readonly high: number;
  readonly signed: boolean;
  readonly transient: boolean;
}

const SLOTS = {} as Record<UnitKind, readonly Slot[]>;
for (const [kindIndex, kind] of UNIT_KINDS.entries()) {
  const specs: readonly FieldSpec[] = UNIT_FIELDS[kind];
  SLOTS[kind] = specs.map((spec, index) => ({
    name: spec.name,
    codeBits: ((kindIndex << 6) | index) << IMM_BITS,
    ...fieldRange(spec),
    signed: spec.signed === true,
    transient: spec.transient === true,
  }));
}

/** Straight-line instruction stream under construction. All fields are 0 at reset, as in the hardware. */
export class InstructionWriter {
  #words = new Uint32Array(1024);
  #length = 0;
  readonly #shadow: Record<UnitKind, number[]>;

  constructor() {
    this.#shadow = {} as Record<UnitKind, number[]>;
    for (const kind of UNIT_KINDS) this.#shadow[kind] = Object.values(zeroDescriptor(kind));
  }

  /** Instructions written so far: the index of the next one. */
  get length(): number {
    return this.#length;
  }

  /**
   * Sets the fields that differ from the last descriptor of the unit's kind (transient ones: from 0) and sends the descriptor.
   * @returns the instruction index of the GO.
   * @throws Error naming unit, field and range when a value is missing, no integer or too large for its field.
   */
  go(unitId: number, descriptor: AnyDescriptor): number {
    const kind = unitOf(unitId)?.kind;
    if (kind === undefined) throw new Error(`there is no unit ${unitId}`);
    const values = descriptor as Readonly<Record<string, number>>;
    const slots = SLOTS[kind];
    const shadow = this.#shadow[kind];
    for (const slot of slots) {
      const value = values[slot.name];
      if (!Number.isInteger(value) || value < slot.low || value > slot.high) {
        throw new Error(`${unitName(unitId)}: field ${slot.name} is ${value}, expected an integer from ${slot.low} to ${slot.high}`);
      }
    }
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i];
      const value = values[slot.name];
      if (value !== shadow[i]) this.#setField(slot, shadow[i], value);
      shadow[i] = slot.transient ? 0 : value;
    }
    return this.#push(GO | (unitId << 21));
  }

  /** Ends the program; returns the index of the END. */
  end(): number {
    return this.#push(END);
  }

  /** A copy of the instructions. */
  instructions(): Uint32Array {
    return this.#words.slice(0, this.#length);
  }

  #setField(slot: Slot, old: number, value: number): void {
    const fits = slot.signed ? value >= -(2 ** (IMM_BITS - 1)) && value < 2 ** (IMM_BITS - 1) : value <= LOW_MASK;
    if (fits) {
      this.#push(SETI | slot.codeBits | (value & LOW_MASK));
      return;
    }
    if (((old ^ value) & LOW_MASK) !== 0) this.#push(SETI | slot.codeBits | (value & LOW_MASK));
    this.#push(SETH | slot.codeBits | (value >>> IMM_BITS));
  }

  #push(word: number): number {
    if (this.#length === this.#words.length) {
      const grown = new Uint32Array(this.#length * 2);
      grown.set(this.#words);
      this.#words = grown;
    }
    this.#words[this.#length] = word;
    return this.#length++;
  }
}
