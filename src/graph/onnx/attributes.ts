/**
 * AttributeProto ↔ AttributeValue. A Graph keeps INT and FLOAT alike as numbers, so the writer needs to know which ONNX attributes are floats:
 * FLOAT_ATTRIBUTES, from the operator specifications (opset 7 to 26, ai.onnx and ai.onnx.ml).
 */
import { InputError } from '../../util/errors.ts';
import { isGraph } from '../attribute-values.ts';
import type { AttributeValue, Graph, GraphNode, Tensor } from '../graph.ts';
import { ATTRIBUTE_TYPE, ATTRIBUTE_TYPE_NAMES, type AttributeProto, type GraphProto } from './schema.ts';
import { type ReadExternal, tensorFromProto, tensorToProto } from './tensor-proto.ts';

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** Attributes that hold floats wherever they occur. */
const FLOAT_ATTRIBUTES: ReadonlySet<string> = new Set([
  ...[
    'activation_alpha',
    'activation_beta',
    'alpha',
    'beta',
    'bias',
    'clip',
    'cubic_coeff_a',
    'epsilon',
    'extrapolation_value',
    'gamma',
    'high',
  ],
  ...[
    'lambd',
    'low',
    'max',
    'mean',
    'min',
    'momentum',
    'norm_coefficient',
    'norm_coefficient_post',
    'ratio',
    'sample_size_ratio',
    'scale',
    'scales',
  ],
  ...[
    'seed',
    'softcap',
    'spatial_scale',
    'threshold',
    'value',
    'value_float',
    'value_floats',
    'decay_factor',
    'default_float',
    'imputed_value_floats',
  ],
  ...[
    'replaced_value_float',
    'values_floats',
    'keys_floats',
    'coefficients',
    'intercepts',
    'rho',
    'kernel_params',
    'offset',
    'base_values',
  ],
]);
/** Same name, but integers: [operator, attribute]. */
const INTEGER_EXCEPTIONS: ReadonlySet<string> = new Set(['Dropout.seed']);

function readInteger(value: bigint, where: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  // Exporters write the ends of the int64 range for "as far as it goes" (Slice): any larger number than a dimension means the same.
  if (value === INT64_MAX) return Number.MAX_SAFE_INTEGER;
  if (value === INT64_MIN) return Number.MIN_SAFE_INTEGER;
  throw new InputError(`${where}: ${value} is beyond 2^53, which no attribute in use needs`);
}

/** Writers before ONNX 1.1 left the type out: it follows from the field that is present. */
function typeOf(proto: AttributeProto): number {
  if (proto.type) return proto.type;
  if (proto.float !== undefined) return ATTRIBUTE_TYPE.float;
  if (proto.int !== undefined) return ATTRIBUTE_TYPE.int;
  if (proto.string !== undefined) return ATTRIBUTE_TYPE.string;
  if (proto.tensor !== undefined) return ATTRIBUTE_TYPE.tensor;
  if (proto.graph !== undefined) return ATTRIBUTE_TYPE.graph;
  if (proto.floats !== undefined) return ATTRIBUTE_TYPE.floats;
  if (proto.strings.length > 0) return ATTRIBUTE_TYPE.strings;
  return ATTRIBUTE_TYPE.ints;
}

/** Reads one attribute. `readGraph` reads a sub-graph (If, Loop, Scan bodies). */
export function attributeFromProto(
  proto: AttributeProto,
  where: string,
  readGraph: (graph: GraphProto) => Graph,
  readExternal: ReadExternal | undefined,
): AttributeValue {
  const type = typeOf(proto);
  switch (type) {
    case ATTRIBUTE_TYPE.float:
      return proto.float ?? 0;
    case ATTRIBUTE_TYPE.int:
      return readInteger(proto.int ?? 0n, where);
    case ATTRIBUTE_TYPE.string:
      return decoder.decode(proto.string ?? new Uint8Array(0));
    case ATTRIBUTE_TYPE.floats:
      return Array.from(proto.floats ?? []);
    case ATTRIBUTE_TYPE.ints:
      return Array.from(proto.ints ?? [], (value) => readInteger(value, where));
    case ATTRIBUTE_TYPE.strings:
      return proto.strings.map((bytes) => decoder.decode(bytes));
    case ATTRIBUTE_TYPE.tensor:
      if (proto.tensor !== undefined) return tensorFromProto(proto.tensor, { where, readExternal });
      break;
    case ATTRIBUTE_TYPE.graph:
      if (proto.graph !== undefined) return readGraph(proto.graph);
      break;
  }
  const name = ATTRIBUTE_TYPE_NAMES[type] ?? `number ${type}`;
  throw new InputError(
    `${where}: attribute type ${name} ${type === ATTRIBUTE_TYPE.tensor || type === ATTRIBUTE_TYPE.graph ? 'has no value' : 'is not supported'}`,
  );
}

function isStringList(value: readonly number[] | readonly string[]): value is readonly string[] {
  return typeof value[0] === 'string';
}

/** The message of one attribute. */
export function attributeToProto(
  node: GraphNode,
  name: string,
  value: AttributeValue,
  writeGraph: (graph: Graph) => GraphProto,
): AttributeProto {
  const proto: AttributeProto = { name, strings: [] };
  const float = FLOAT_ATTRIBUTES.has(name) && !INTEGER_EXCEPTIONS.has(`${node.op}.${name}`);
  if (typeof value === 'number') {
    if (float || !Number.isInteger(value)) {
      proto.float = value;
      proto.type = ATTRIBUTE_TYPE.float;
    } else {
      proto.int = BigInt(value);
      proto.type = ATTRIBUTE_TYPE.int;
    }
  } else if (typeof value === 'string') {
    proto.string = encoder.encode(value);
    proto.type = ATTRIBUTE_TYPE.string;
  } else if (Array.isArray(value)) {
    const list = value as readonly number[] | readonly string[];
    if (isStringList(list)) {
      proto.strings = list.map((text) => encoder.encode(text));
      proto.type = ATTRIBUTE_TYPE.strings;
    } else if (float || list.some((item) => !Number.isInteger(item))) {
      proto.floats = Float32Array.from(list);
      proto.type = ATTRIBUTE_TYPE.floats;
    } else {
      proto.ints = BigInt64Array.from(list, BigInt);
      proto.type = ATTRIBUTE_TYPE.ints;
    }
  } else if (isGraph(value)) {
    proto.graph = writeGraph(value);
    proto.type = ATTRIBUTE_TYPE.graph;
  } else {
    proto.tensor = tensorToProto(value as Tensor, undefined);
    proto.type = ATTRIBUTE_TYPE.tensor;
  }
  return proto;
}
