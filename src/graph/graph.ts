/**
 * An ONNX graph in memory: what the reader makes, models/ builds, and the front-end passes rewrite (graph in, new graph out).
 * Plain data, no behaviour; constants share the bytes of the file where alignment allows.
 */

/** Element types of ONNX that this project reads. */
export type DataType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'bool'
  | 'string';

/** The arrays that hold the elements of a tensor. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | string[];

/** A constant: `data` in row-major order; float16 and bfloat16 are widened to Float32Array by the reader (dtype keeps the name), bool is Uint8Array. */
export interface Tensor {
  readonly dtype: DataType;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

/** ONNX attribute values; INT and INTS are numbers (an error beyond 2^53). */
export type AttributeValue = number | string | readonly number[] | readonly string[] | Tensor | Graph;

/** One operator of a graph. */
export interface GraphNode {
  /** Unique in the graph: the ONNX name, or "Op_index" where it is missing or repeated. */
  readonly name: string;
  readonly op: string;
  readonly domain: string;
  /** '' for an absent optional input. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/** Type of a value. A dimension is a number, or the name of a free dimension, or null when unknown. `dims` undefined: unknown rank. */
export interface ValueInfo {
  readonly name: string;
  readonly dtype: DataType;
  readonly dims: readonly (number | string | null)[] | undefined;
}

/** A network as ONNX describes it. */
export interface Graph {
  readonly name: string;
  /** Opset version of the default domain. */
  readonly opset: number;
  readonly irVersion: number;
  /** Versions of all operator sets by domain, as far as the file names them. */
  readonly opsets?: ReadonlyMap<string, number>;
  /** Without the initializers that old models list as inputs. */
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** In topological order. */
  readonly nodes: readonly GraphNode[];
  readonly initializers: ReadonlyMap<string, Tensor>;
  /** Types of intermediate values, where known. */
  readonly values: ReadonlyMap<string, ValueInfo>;
}
