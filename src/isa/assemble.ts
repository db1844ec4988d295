/**
 * Text to binary, one word per instruction line, nothing rewritten. Specification: docs/isa.md, section 6.
 */
import { InputError } from '../util/errors.ts';
import { encode, isSigned, operandsOf } from './encode.ts';
import { findField, unitIdOf, unitNames } from './field-codes.ts';
import { INSTRUCTIONS, type Instruction, MNEMONICS, type Mnemonic, type OperandType } from './instructions.ts';

const LABEL = /^([A-Za-z_]\w*)\s*:/;
const LABEL_NAME = /^[A-Za-z_]\w*$/;
const NUMBER = /^-?(0[xX][0-9a-fA-F]+|[0-9]+)$/;

interface Statement {
  readonly line: number;
  readonly head: string;
  readonly operands: readonly string[];
}

/**
 * The words of an assembler text.
 * @param source name of the text for messages, e.g. a file name.
 * @throws InputError with source, line, what was found and what was expected.
 */
export function assemble(text: string, source = 'assembly'): Uint32Array {
  const labels = new Map<string, number>();
  const statements: Statement[] = [];
  for (const [row, raw] of text.split(/\r\n|\n|\r/).entries()) {
    const line = row + 1;
    let rest = raw.split(';', 1)[0].trim();
    for (let label = LABEL.exec(rest); label !== null; label = LABEL.exec(rest)) {
      if (labels.has(label[1])) throw new InputError(`${source}:${line}: label '${label[1]}' is defined twice; rename one of them`);
      labels.set(label[1], statements.length);
      rest = rest.slice(label[0].length).trim();
    }
    if (rest === '') continue;
    const [head] = rest.split(/\s/, 1);
    const tail = rest.slice(head.length).trim();
    statements.push({ line, head, operands: tail === '' ? [] : tail.split(',').map((operand) => operand.trim()) });
  }
  const words = new Uint32Array(statements.length);
  for (const [index, statement] of statements.entries()) {
    try {
      words[index] = assembleStatement(statement, index, labels);
    } catch (error) {
      throw error instanceof SyntaxError ? new InputError(`${source}:${statement.line}: ${error.message}`) : error;
    }
  }
  return words;
}

function assembleStatement({ head, operands }: Statement, index: number, labels: ReadonlyMap<string, number>): number {
  if (head.toLowerCase() === '.word') {
    if (operands.length !== 1) throw new SyntaxError(`.word takes one number, found ${operands.length} operands`);
    return parseNumber(operands[0], 'a 32-bit word', 0, 2 ** 32 - 1);
  }
  const mnemonic = head.toUpperCase();
  if (!isMnemonic(mnemonic)) throw new SyntaxError(`unknown instruction '${head}', expected one of ${MNEMONICS.join(' ')} or .word`);
  const expected = operandsOf(mnemonic);
  if (operands.length !== expected.length) {
    const syntax = [mnemonic, expected.map((o) => describe(o.type)).join(', ')].join(' ').trim();
    throw new SyntaxError(`${mnemonic} takes ${expected.length} operands, found ${operands.length}; write '${syntax}'`);
  }
  const values: Record<string, string | number> = { mnemonic };
  let signedField = false;
  for (const [position, { name, type, width }] of expected.entries()) {
    const operand = operands[position];
    const signed = isSigned(type, signedField);
    const [low, high] = signed ? [-(2 ** (width - 1)), 2 ** (width - 1) - 1] : [0, 2 ** width - 1];
    if (type === 'register') values[name] = parseRegister(operand);
    else if (type === 'unit') values[name] = parseUnit(operand);
    else if (type === 'field') {
      const field = findField(operand);
      if (field === undefined) throw new SyntaxError(`unknown field '${operand}', expected a descriptor field such as MAC.srcBase`);
      signedField = field.spec.signed === true;
      values[name] = field.reference;
    } else if (type === 'offset' && LABEL_NAME.test(operand)) {
      const target = labels.get(operand);
      if (target === undefined) throw new SyntaxError(`label '${operand}' is not defined; define it with '${operand}:'`);
      const offset = target - (index + 1);
      if (offset < low || offset > high) {
        throw new SyntaxError(`label '${operand}' is ${offset} instructions away, ${mnemonic} reaches ${low} to ${high}`);
      }
      values[name] = offset;
    } else values[name] = parseNumber(operand, describe(type), low, high);
  }
  return encode(values as unknown as Instruction);
}

function isMnemonic(name: string): name is Mnemonic {
  return Object.hasOwn(INSTRUCTIONS, name);
}

function describe(type: OperandType): string {
  switch (type) {
    case 'register':
      return 'register';
    case 'unit':
      return 'unit';
    case 'field':
      return 'field';
    case 'offset':
      return 'label';
    default:
      return 'number';
  }
}

function parseRegister(text: string): number {
  const match = /^[rR]([0-9]|[12][0-9]|3[01])$/.exec(text);
  if (match === null) throw new SyntaxError(`expected a register r0 to r31, found '${text}'`);
  return Number(match[1]);
}

function parseUnit(text: string): number {
  const id = unitIdOf(text.toUpperCase());
  if (id === undefined) throw new SyntaxError(`unknown unit '${text}', expected one of ${unitNames().join(' ')}`);
  return id;
}

function parseNumber(text: string, what: string, low: number, high: number): number {
  if (!NUMBER.test(text)) throw new SyntaxError(`expected ${what} (decimal or 0x…), found '${text}'`);
  const magnitude = Number(text.replace('-', ''));
  const value = text.startsWith('-') && magnitude !== 0 ? -magnitude : magnitude;
  if (value < low || value > high) throw new SyntaxError(`${text} is out of range, expected ${what} from ${low} to ${high}`);
  return value;
}
