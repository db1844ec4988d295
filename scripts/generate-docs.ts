/**
 * Renders the tables of the manuals from the tables of the code, between the markers `<!-- generated NAME -->` and
 * `<!-- end NAME -->` of docs/*.md. With --check writes nothing and exits with 1 where a manual differs.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { assemble } from '../src/isa/assemble.ts';
import { describeRules } from '../src/isa/descriptor-rules.ts';
import { formatWord } from '../src/isa/disassemble.ts';
import { operandsOf } from '../src/isa/encode.ts';
import { fieldInfo, fieldRange, unitName } from '../src/isa/field-codes.ts';
import { type FieldSpec, UNIT_FIELDS, UNIT_ID_COUNT, UNIT_KINDS, type UnitKind } from '../src/isa/fields.ts';
import {
  FORMATS,
  type FormatField,
  formatFieldOf,
  INSTRUCTIONS,
  MNEMONICS,
  type Mnemonic,
  OPCODE_FIELD,
  type OperandType,
  widthOf,
} from '../src/isa/instructions.ts';
import { machineSchema, PRESETS } from '../src/machine/machine.ts';
import { renderMarkdown } from './markdown.ts';
import { operatorRows } from './operator-table.ts';

type Cells = readonly (string | number)[];

function renderTable(head: Cells, rows: readonly Cells[]): string {
  return renderMarkdown(
    head.map((title) => ({ title: `${title}`, align: 'left' })),
    rows.map((cells) => cells.map(String)),
  );
}

function bitRange({ high, low }: FormatField): string {
  return high === low ? `${high}` : `${high}:${low}`;
}

/** The fields of a word from bit 31 down, gaps as `0`. */
function describeBits(fields: readonly FormatField[], show: (field: FormatField) => string): string {
  const parts: string[] = [];
  let next = 31;
  for (const field of fields) {
    if (field.high < next) parts.push(`\`${bitRange({ name: '0', high: next, low: field.high + 1 })}\` 0`);
    parts.push(`\`${bitRange(field)}\` ${show(field)}`);
    next = field.low - 1;
  }
  if (next >= 0) parts.push(`\`${bitRange({ name: '0', high: next, low: 0 })}\` 0`);
  return parts.join(' · ');
}

function renderFormats(): string {
  return renderTable(
    ['format', 'bits', 'instructions'],
    Object.entries(FORMATS).map(([name, fields]) => [
      name,
      describeBits([OPCODE_FIELD, ...fields], (field) => field.name),
      MNEMONICS.filter((mnemonic) => INSTRUCTIONS[mnemonic].format === name).join(' '),
    ]),
  );
}

const SYNTAX: Readonly<Record<OperandType, (name: string) => string>> = {
  register: (name) => name,
  signed: (name) => name,
  unsigned: (name) => name,
  offset: () => 'label',
  field: () => 'field',
  fieldValue: (name) => name,
  unit: () => 'unit',
};

function syntaxOf(mnemonic: Mnemonic): string {
  const operands = operandsOf(mnemonic).map(({ name, type }) => SYNTAX[type](name));
  return [mnemonic, operands.join(', ')].join(' ').trim();
}

function renderInstructions(): string {
  return renderTable(
    ['syntax', 'op', 'format', 'effect', 'description'],
    MNEMONICS.map((mnemonic) => {
      const { opcode, format, effect, prose } = INSTRUCTIONS[mnemonic];
      return [`\`${syntaxOf(mnemonic)}\``, hex(opcode, 2), format, effect, prose];
    }),
  );
}

/** Encodings bit by bit, and the range of the immediate. */
function renderEncodings(): string {
  return renderTable(
    ['instruction', 'word', 'immediate'],
    MNEMONICS.map((mnemonic) => {
      const operands = operandsOf(mnemonic);
      const fields = operands.map(({ name }) => formatFieldOf(mnemonic, name));
      const op = INSTRUCTIONS[mnemonic].opcode.toString(2).padStart(widthOf(OPCODE_FIELD), '0');
      const word = describeBits([OPCODE_FIELD, ...fields], (field) => (field === OPCODE_FIELD ? `\`${op}\`` : field.name));
      const immediate = operands.find(({ name }) => name === 'imm');
      return [mnemonic, word, immediate === undefined ? '–' : describeRange(immediate.type, immediate.width)];
    }),
  );
}

function describeRange(type: OperandType, width: number): string {
  const signed = `−${2 ** (width - 1)} to ${2 ** (width - 1) - 1}`;
  const unsigned = `0 to ${2 ** width - 1}`;
  if (type === 'fieldValue') return `${unsigned}; signed field: ${signed}`;
  return type === 'unsigned' ? unsigned : signed;
}

function hex(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}

function renderUnits(): string {
  return renderTable(
    ['unit id', 'name', 'field kind'],
    Array.from({ length: UNIT_ID_COUNT }, (_, id) => {
      const name = unitName(id);
      return [id, name ?? '– (reserved)', name?.replace(/\d+$/, '') ?? '–'];
    }),
  );
}

function renderFields(kind: UnitKind): string {
  const specs: readonly FieldSpec[] = UNIT_FIELDS[kind];
  return renderTable(
    ['code', 'field', 'bits', 'range', 'meaning'],
    specs.map((spec) => {
      const { code } = fieldInfo(`${kind}.${spec.name}` as Parameters<typeof fieldInfo>[0]);
      const { low, high } = fieldRange(spec);
      const notes = [spec.signed ? 'signed' : '', spec.transient ? 'transient' : ''].filter((note) => note !== '');
      return [
        hex(code, 3),
        `\`${kind}.${spec.name}\``,
        [spec.bits, ...notes].join(', '),
        low === 0 && spec.bits > 16 ? `0 to 2^${spec.bits} − 1` : `${`${low}`.replace('-', '−')} to ${high}`,
        spec.prose,
      ];
    }),
  );
}

interface ValueSchema {
  readonly type?: string;
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, ValueSchema>>;
}

function renderMachines(): string {
  const presets = Object.entries(PRESETS);
  const rows: Cells[] = [];
  const walk = (schema: ValueSchema, keys: readonly string[]): void => {
    for (const [key, value] of Object.entries(schema.properties ?? {})) {
      const at = [...keys, key];
      if (value.properties !== undefined) {
        walk(value, at);
        continue;
      }
      const allowed =
        value.const !== undefined ? `${value.const}` : value.type === 'string' ? 'text' : `${value.minimum} to ${value.maximum}`;
      const presetValue = (machine: unknown) => at.reduce((object, k) => (object as Record<string, unknown>)[k], machine);
      rows.push([`\`${at.join('.')}\``, allowed, ...presets.map(([, machine]) => `${presetValue(machine)}`)]);
    }
  };
  walk(z.toJSONSchema(machineSchema) as ValueSchema, []);
  return renderTable(['value', 'allowed', ...presets.map(([name]) => name)], rows);
}

/** The assembler block of a manual marked by `<!-- example NAME -->` on the line before it. */
export function findExample(text: string, name: string): string {
  const block = new RegExp(`<!-- example ${name} -->\\n\`\`\`[a-z]*\\n([\\s\\S]*?)\`\`\``).exec(text);
  if (block === null) throw new Error(`no block after <!-- example ${name} -->`);
  return block[1];
}

function renderExample(text: string, name: string): string {
  const words = assemble(findExample(text, name), name);
  const lines = Array.from(words, (word, i) => `${`${i}`.padStart(4)}  ${word.toString(16).padStart(8, '0')}  ${formatWord(word)}`);
  return `\`\`\`text\n${lines.join('\n')}\n\`\`\``;
}

const RENDERERS: Readonly<Record<string, () => string>> = {
  formats: renderFormats,
  instructions: renderInstructions,
  encodings: renderEncodings,
  units: renderUnits,
  machines: renderMachines,
  operators: () => renderTable(['operator', 'accelerated'], operatorRows()),
  rules: () => renderTable(['descriptors', 'must hold'], describeRules()),
  ...Object.fromEntries(UNIT_KINDS.map((kind) => [`fields ${kind}`, () => renderFields(kind)])),
};

/**
 * A manual with its generated parts renewed.
 * @throws Error naming an unknown or unclosed marker.
 */
export function regenerate(text: string): string {
  return text.replace(/<!-- generated ([\w ]+?) -->\n[\s\S]*?<!-- end ([\w ]+?) -->/g, (_match, name: string, end: string) => {
    if (name !== end) throw new Error(`marker 'generated ${name}' is closed by 'end ${end}'`);
    const renderer = name.startsWith('words ') ? () => renderExample(text, name.slice('words '.length)) : RENDERERS[name];
    if (renderer === undefined) throw new Error(`unknown marker 'generated ${name}', expected one of ${Object.keys(RENDERERS).join(', ')}`);
    return `<!-- generated ${name} -->\n${renderer()}\n<!-- end ${name} -->`;
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const docs = path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), 'docs');
  const check = process.argv.includes('--check');
  for (const name of readdirSync(docs).filter((entry) => entry.endsWith('.md'))) {
    const file = path.join(docs, name);
    const before = readFileSync(file, 'utf8');
    const after = regenerate(before);
    if (after === before) continue;
    if (check) {
      console.error(`docs/${name} differs from the tables: run 'npx tsx scripts/generate-docs.ts'`);
      process.exitCode = 1;
    } else {
      writeFileSync(file, after);
      console.log(`docs/${name} renewed`);
    }
  }
}
