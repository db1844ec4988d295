/**
 * AttributeProto ↔ AttributeValue. A Graph keeps INT and FLOAT alike as numbers, so the writer needs to know which ONNX attributes are floats:
 * FLOAT_ATTRIBUTES, from the operator specifications (opset 7 to 26, ai.onnx and ai.onnx.ml).
 */
import { InputError } from '../../util/errors.ts';
import { isGraph } from '../attribute-values.ts';
import type { AttributeValue, Graph, GraphNode, Tensor } from '../graph.ts';
import { type AttributeProto, AttributeType, type GraphProto, type Int64, numberOf } from './proto.ts';
import { type ReadExternal, tensorFromProto, tensorToProto } from './tensor-proto.ts';

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const INT64_MAX = String(2n ** 63n - 1n);
const INT64_MIN = String(-(2n ** 63n));

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

function readInteger(value: Int64, where: string): number {
  const number = numberOf(value);
  if (Number.isSafeInteger(number)) return number;
  // Exporters write the ends of the int64 range for "as far as it goes" (Slice): any larger number than a dimension means the same.
  if (String(value) === INT64_MAX) return Number.MAX_SAFE_INTEGER;
  if (String(value) === INT64_MIN) return Number.MIN_SAFE_INTEGER;
  throw new InputError(`${where}: ${value} is beyond 2^53, which no attribute in use needs`);
}

/** Writers before ONNX 1.1 left the type out: it follows from the field that is present. */
function typeOf(proto: AttributeProto): number {
  if (proto.type) return proto.type;
  if (proto.f != null) return AttributeType.FLOAT;
  if (proto.i != null) return AttributeType.INT;
  if (proto.s != null) return AttributeType.STRING;
  if (proto.t != null) return AttributeType.TENSOR;
  if (proto.g != null) return AttributeType.GRAPH;
  if (proto.floats?.length) return AttributeType.FLOATS;
  if (proto.strings?.length) return AttributeType.STRINGS;
  return AttributeType.INTS;
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
    case AttributeType.FLOAT:
      return proto.f ?? 0;
    case AttributeType.INT:
      return readInteger(proto.i ?? 0, where);
    case AttributeType.STRING:
      return decoder.decode(proto.s ?? new Uint8Array(0));
    case AttributeType.FLOATS:
      return proto.floats ?? [];
    case AttributeType.INTS:
      return (proto.ints ?? []).map((value) => readInteger(value, where));
    case AttributeType.STRINGS:
      return (proto.strings ?? []).map((bytes) => decoder.decode(bytes));
    case AttributeType.TENSOR:
      if (proto.t != null) return tensorFromProto(proto.t, { where, readExternal });
      break;
    case AttributeType.GRAPH:
      if (proto.g != null) return readGraph(proto.g);
      break;
  }
  const problem = type === AttributeType.TENSOR || type === AttributeType.GRAPH ? 'has no value' : 'is not supported';
  throw new InputError(`${where}: attribute type ${AttributeType[type]} ${problem}`);
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
  const float = FLOAT_ATTRIBUTES.has(name) && !INTEGER_EXCEPTIONS.has(`${node.op}.${name}`);
  if (typeof value === 'number') {
    return float || !Number.isInteger(value) ? { name, f: value, type: AttributeType.FLOAT } : { name, i: value, type: AttributeType.INT };
  }
  if (typeof value === 'string') return { name, s: encoder.encode(value), type: AttributeType.STRING };
  if (Array.isArray(value)) {
    const list = value as readonly number[] | readonly string[];
    if (isStringList(list)) return { name, strings: list.map((text) => encoder.encode(text)), type: AttributeType.STRINGS };
    return float || list.some((item) => !Number.isInteger(item))
      ? { name, floats: [...list], type: AttributeType.FLOATS }
      : { name, ints: [...list], type: AttributeType.INTS };
  }
  if (isGraph(value)) return { name, g: writeGraph(value), type: AttributeType.GRAPH };
  return { name, t: tensorToProto(value as Tensor, undefined), type: AttributeType.TENSOR };
}
