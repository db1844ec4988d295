/**
 * The part of ONNX's protobuf schema that this project reads and writes: messages as types, and their field tables for wire.ts.
 * Field numbers are those of the public onnx.proto3 (ONNX IR version 10); fields that are not listed are skipped when read.
 */
import type { DataType } from '../graph.ts';
import type { FieldSpec, MessageSpec } from './wire.ts';

export interface StringEntryProto {
  key?: string;
  value?: string;
}
export interface OperatorSetProto {
  domain?: string;
  version?: number;
}
export interface DimensionProto {
  value?: number;
  param?: string;
}
export interface TensorTypeProto {
  elementType?: number;
  shape?: { dims: DimensionProto[] };
}
export interface TypeProto {
  tensor?: TensorTypeProto;
}
export interface ValueInfoProto {
  name?: string;
  type?: TypeProto;
}
export interface TensorProto {
  dims?: BigInt64Array;
  dataType?: number;
  floatData?: Float32Array;
  int32Data?: Int32Array;
  stringData: Uint8Array[];
  int64Data?: BigInt64Array;
  name?: string;
  rawData?: Uint8Array;
  doubleData?: Float64Array;
  uint64Data?: BigUint64Array;
  externalData: StringEntryProto[];
  dataLocation?: number;
}
export interface AttributeProto {
  name?: string;
  float?: number;
  int?: bigint;
  string?: Uint8Array;
  tensor?: TensorProto;
  graph?: GraphProto;
  floats?: Float32Array;
  ints?: BigInt64Array;
  strings: Uint8Array[];
  type?: number;
  referredName?: string;
}
export interface NodeProto {
  inputs: string[];
  outputs: string[];
  name?: string;
  op?: string;
  attributes: AttributeProto[];
  domain?: string;
}
export interface GraphProto {
  nodes: NodeProto[];
  name?: string;
  initializers: TensorProto[];
  inputs: ValueInfoProto[];
  outputs: ValueInfoProto[];
  values: ValueInfoProto[];
  sparseInitializers: Uint8Array[];
}
export interface ModelProto {
  irVersion?: number;
  producer?: string;
  graph?: GraphProto;
  opsets: OperatorSetProto[];
}

/** Every property of T has a field. */
type SpecOf<T> = { readonly [K in keyof Required<T>]: FieldSpec } & MessageSpec;

const STRING_ENTRY: SpecOf<StringEntryProto> = { key: { number: 1, kind: 'string' }, value: { number: 2, kind: 'string' } };
const OPERATOR_SET: SpecOf<OperatorSetProto> = { domain: { number: 1, kind: 'string' }, version: { number: 2, kind: 'int' } };
const DIMENSION: SpecOf<DimensionProto> = { value: { number: 1, kind: 'int' }, param: { number: 2, kind: 'string' } };
const SHAPE: MessageSpec = { dims: { number: 1, kind: () => DIMENSION, repeated: true } };
const TENSOR_TYPE: SpecOf<TensorTypeProto> = { elementType: { number: 1, kind: 'int' }, shape: { number: 2, kind: () => SHAPE } };
const TYPE: SpecOf<TypeProto> = { tensor: { number: 1, kind: () => TENSOR_TYPE } };
const VALUE_INFO: SpecOf<ValueInfoProto> = { name: { number: 1, kind: 'string' }, type: { number: 2, kind: () => TYPE } };

export const TENSOR: SpecOf<TensorProto> = {
  dims: { number: 1, kind: 'int64s' },
  dataType: { number: 2, kind: 'int' },
  floatData: { number: 4, kind: 'floats' },
  int32Data: { number: 5, kind: 'int32s' },
  stringData: { number: 6, kind: 'bytes', repeated: true },
  int64Data: { number: 7, kind: 'int64s' },
  name: { number: 8, kind: 'string' },
  rawData: { number: 9, kind: 'bytes' },
  doubleData: { number: 10, kind: 'doubles' },
  uint64Data: { number: 11, kind: 'uint64s' },
  externalData: { number: 13, kind: () => STRING_ENTRY, repeated: true },
  dataLocation: { number: 14, kind: 'int' },
};

const ATTRIBUTE: SpecOf<AttributeProto> = {
  name: { number: 1, kind: 'string' },
  float: { number: 2, kind: 'float' },
  int: { number: 3, kind: 'int64' },
  string: { number: 4, kind: 'bytes' },
  tensor: { number: 5, kind: () => TENSOR },
  graph: { number: 6, kind: () => GRAPH },
  floats: { number: 7, kind: 'floats' },
  ints: { number: 8, kind: 'int64s' },
  strings: { number: 9, kind: 'bytes', repeated: true },
  type: { number: 20, kind: 'int' },
  referredName: { number: 21, kind: 'string' },
};

const NODE: SpecOf<NodeProto> = {
  inputs: { number: 1, kind: 'string', repeated: true },
  outputs: { number: 2, kind: 'string', repeated: true },
  name: { number: 3, kind: 'string' },
  op: { number: 4, kind: 'string' },
  attributes: { number: 5, kind: () => ATTRIBUTE, repeated: true },
  domain: { number: 7, kind: 'string' },
};

const GRAPH: SpecOf<GraphProto> = {
  nodes: { number: 1, kind: () => NODE, repeated: true },
  name: { number: 2, kind: 'string' },
  initializers: { number: 5, kind: () => TENSOR, repeated: true },
  inputs: { number: 11, kind: () => VALUE_INFO, repeated: true },
  outputs: { number: 12, kind: () => VALUE_INFO, repeated: true },
  values: { number: 13, kind: () => VALUE_INFO, repeated: true },
  sparseInitializers: { number: 15, kind: 'bytes', repeated: true },
};

export const MODEL: SpecOf<ModelProto> = {
  irVersion: { number: 1, kind: 'int' },
  producer: { number: 2, kind: 'string' },
  graph: { number: 7, kind: () => GRAPH },
  opsets: { number: 8, kind: () => OPERATOR_SET, repeated: true },
};

/** TensorProto.DataType. Numbers without a name here (complex, 8-bit floats, 4-bit integers) are refused by the reader. */
export const DATA_TYPE_BY_NUMBER: Readonly<Record<number, DataType>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  4: 'uint16',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  8: 'string',
  9: 'bool',
  10: 'float16',
  11: 'float64',
  12: 'uint32',
  13: 'uint64',
  16: 'bfloat16',
};

export const NUMBER_BY_DATA_TYPE = Object.fromEntries(
  Object.entries(DATA_TYPE_BY_NUMBER).map(([number, name]) => [name, Number(number)]),
) as Readonly<Record<DataType, number>>;

/** AttributeProto.AttributeType, those that a Graph can hold. */
export const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, tensor: 4, graph: 5, floats: 6, ints: 7, strings: 8 } as const;

/** Names of all attribute types, for messages. */
export const ATTRIBUTE_TYPE_NAMES = [
  'UNDEFINED',
  'FLOAT',
  'INT',
  'STRING',
  'TENSOR',
  'GRAPH',
  'FLOATS',
  'INTS',
  'STRINGS',
  'TENSORS',
  'GRAPHS',
  'SPARSE_TENSOR',
  'SPARSE_TENSORS',
  'TYPE_PROTO',
  'TYPE_PROTOS',
] as const;
