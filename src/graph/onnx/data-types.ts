/** TensorProto.DataType of the ONNX standard and this project's names for it. */
import type { DataType } from '../graph.ts';

/** Numbers without a name here (complex, 8-bit floats, 4-bit integers) are refused by the reader. */
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
