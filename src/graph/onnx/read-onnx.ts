/** Reads ONNX files into a Graph, and TensorProto files (test vectors) into a Tensor. Whatever is wrong with the file is an InputError. */
import { InputError } from '../../util/errors.ts';
import { checkWeights } from '../check-weights.ts';
import type { Graph, GraphNode, Tensor, ValueInfo } from '../graph.ts';
import { orderNodes } from '../order-nodes.ts';
import { attributeFromProto } from './attributes.ts';
import { DATA_TYPE_BY_NUMBER } from './data-types.ts';
import {
  decodeFile,
  type GraphProto,
  MODEL_FILE,
  type ModelProto,
  type NodeProto,
  numberOf,
  TENSOR_FILE,
  type TensorProto,
  type ValueInfoProto,
} from './proto.ts';
import { dataTypeOf, type ReadExternal, tensorFromProto } from './tensor-proto.ts';

/** Opsets of the default domain whose operators this project knows. */
const MIN_OPSET = 7;
const MAX_OPSET = 26;

/** Operators older than MIN_OPSET with today's meaning, and the opset since which they have it: models of nothing else are read, too. */
const UNCHANGED_SINCE: ReadonlyMap<string, number> = new Map([
  ...[
    'AveragePool',
    'Constant',
    'Conv',
    'ConvTranspose',
    'DepthToSpace',
    'Flatten',
    'Gather',
    'GlobalAveragePool',
    'GlobalMaxPool',
    'Identity',
    'LRN',
  ]
    .concat(
      'LogSoftmax',
      'MatMul',
      'MaxPool',
      'Not',
      'Shape',
      'Slice',
      'Softmax',
      'Softplus',
      'Softsign',
      'SpaceToDepth',
      'Squeeze',
      'Transpose',
      'Unsqueeze',
    )
    .map((op): [string, number] => [op, 1]),
  ...(['Concat', 'Reshape'] as const).map((op): [string, number] => [op, 5]),
  ...[
    'Abs',
    'Cast',
    'Ceil',
    'Clip',
    'Elu',
    'Exp',
    'Floor',
    'HardSigmoid',
    'InstanceNormalization',
    'LeakyRelu',
    'Log',
    'Neg',
    'Reciprocal',
    'Relu',
  ]
    .concat('Selu', 'Sigmoid', 'Sqrt', 'Tanh')
    .map((op): [string, number] => [op, 6]),
]);

/** How to read a model. */
export interface ReadOptions {
  /** File name, for messages. */
  readonly source: string;
  /** Values for free dimensions: all dims of an input by its name, or one dimension by its name in the model. */
  readonly shapes?: Readonly<Record<string, readonly number[] | number>>;
  /** Reads a file of external weights; the location is relative to the model's folder and never leaves it. */
  readonly readExternal?: ReadExternal;
}

interface Scope {
  readonly source: string;
  readonly opset: number;
  readonly irVersion: number;
  readonly readExternal: ReadExternal | undefined;
}

/** External files are read once; a failure of the callback (no such file) becomes a message about the model. */
function cacheExternal(source: string, read: ReadExternal | undefined): ReadExternal | undefined {
  if (read === undefined) return undefined;
  const files = new Map<string, Uint8Array>();
  return (location) => {
    let file = files.get(location);
    if (file === undefined) {
      try {
        file = read(location);
      } catch (error) {
        throw new InputError(
          `${source}: cannot read its external weights "${location}": ${error instanceof Error ? error.message : String(error)}`,
        );
      }
      files.set(location, file);
    }
    return file;
  };
}

/** dtype and dims of a value; undefined when the file says nothing about it. */
function valueFromProto(proto: ValueInfoProto, where: string): ValueInfo | undefined {
  const name = proto.name ?? '';
  const tensor = proto.type?.tensorType;
  if (!tensor) return undefined;
  const dtype = dataTypeOf(tensor.elemType, `${where}: value "${name}"`);
  const dims =
    tensor.shape &&
    (tensor.shape.dim ?? []).map(({ dimValue, dimParam }) => {
      if (dimValue == null) return dimParam || null;
      const size = numberOf(dimValue);
      if (size > 2 ** 40) throw new InputError(`${where}: value "${name}" has an absurd dimension ${dimValue}`);
      return size < 0 ? null : size;
    });
  return { name, dtype, dims: dims ?? undefined };
}

function readValues(protos: readonly ValueInfoProto[], where: string): Map<string, ValueInfo> {
  const values = new Map<string, ValueInfo>();
  for (const proto of protos) {
    const known = proto.name && DATA_TYPE_BY_NUMBER[proto.type?.tensorType?.elemType ?? 0] !== undefined;
    const value = known ? valueFromProto(proto, where) : undefined;
    if (value !== undefined) values.set(value.name, value);
  }
  return values;
}

function readInitializers(protos: readonly TensorProto[], scope: Scope, where: string): Map<string, Tensor> {
  const initializers = new Map<string, Tensor>();
  for (const [index, proto] of protos.entries()) {
    const name = proto.name ?? '';
    if (name === '') throw new InputError(`${where}: initializer ${index} has no name`);
    if (initializers.has(name)) throw new InputError(`${where}: two initializers are named "${name}"`);
    initializers.set(name, tensorFromProto(proto, { where: `${where}: initializer "${name}"`, readExternal: scope.readExternal }));
  }
  return initializers;
}

/** Names that are unique in the graph: the file's own, or Op_index where it gives none or repeats one. */
function uniqueNames(protos: readonly NodeProto[]): string[] {
  const taken = new Set(protos.map((proto) => proto.name ?? ''));
  const used = new Set<string>(['']);
  return protos.map((proto, index) => {
    let name = proto.name ?? '';
    if (used.has(name)) {
      name = `${proto.opType}_${index}`;
      while (taken.has(name) || used.has(name)) name += '_';
    }
    used.add(name);
    return name;
  });
}

function nodeFromProto(proto: NodeProto, name: string, scope: Scope, where: string, outer: ReadonlySet<string>): GraphNode {
  const op = proto.opType ?? '';
  if (op === '') throw new InputError(`${where}: node "${proto.name ?? ''}" has no operator type`);
  const attributes: Record<string, GraphNode['attributes'][string]> = {};
  for (const attribute of proto.attribute ?? []) {
    const key = attribute.name ?? '';
    const at = `${where}: attribute "${key}" of node "${name}" (${op})`;
    if (key === '' || Object.hasOwn(attributes, key)) throw new InputError(`${at}: ${key === '' ? 'no name' : 'occurs twice'}`);
    const value = attributeFromProto(attribute, at, (graph) => graphFromProto(graph, scope, `${at}: sub-graph`, outer), scope.readExternal);
    // Not by assignment: the name may be "__proto__".
    Object.defineProperty(attributes, key, { value, enumerable: true });
  }
  const domain = proto.domain === 'ai.onnx' ? '' : (proto.domain ?? '');
  return { name, op, domain, inputs: proto.input ?? [], outputs: proto.output ?? [], attributes };
}

function readBorder(protos: readonly ValueInfoProto[], kind: 'input' | 'output', where: string, inner: boolean): ValueInfo[] {
  return protos.map((proto, index) => {
    const name = proto.name ?? '';
    if (name === '') throw new InputError(`${where}: ${kind} ${index} has no name`);
    const value = valueFromProto(proto, where);
    if (value !== undefined) return value;
    if (proto.type && !proto.type.tensorType) {
      throw new InputError(`${where}: ${kind} "${name}" is not a tensor; sequences, maps and optional values are not supported`);
    }
    if (kind === 'input' && !inner) throw new InputError(`${where}: input "${name}" has no type`);
    // Sub-graphs and old files may leave the type out; shape inference finds it. Unknown rank marks it.
    return { name, dtype: 'float32', dims: undefined };
  });
}

function graphFromProto(proto: GraphProto, scope: Scope, where: string, outer?: ReadonlySet<string>): Graph {
  if (proto.sparseInitializer?.length) throw new InputError(`${where}: sparse initializers are not supported`);
  const initializers = readInitializers(proto.initializer ?? [], scope, where);
  const values = readValues(proto.valueInfo ?? [], where);
  const inner = outer !== undefined;
  // Before IR version 4 every initializer was listed as an input, too.
  const inputs = readBorder(
    (proto.input ?? []).filter(({ name }) => !initializers.has(name ?? '')),
    'input',
    where,
    inner,
  );
  const outputs = readBorder(proto.output ?? [], 'output', where, inner).map((output) =>
    output.dims ? output : (values.get(output.name) ?? output),
  );
  const protos = proto.node ?? [];
  const visible = new Set([
    ...(outer ?? []),
    ...initializers.keys(),
    ...inputs.map(({ name }) => name),
    ...protos.flatMap((node) => node.output ?? []),
  ]);
  const names = uniqueNames(protos);
  const nodes = protos.map((node, index) => nodeFromProto(node, names[index], scope, where, visible));
  const graph = { name: proto.name ?? '', opset: scope.opset, irVersion: scope.irVersion, inputs, outputs, nodes, initializers, values };
  return { ...graph, nodes: orderNodes(graph, where, outer) };
}

/** Gives free dimensions the values of `shapes`, everywhere their name occurs. */
function bindShapes(graph: Graph, { source, shapes }: ReadOptions): Graph {
  const bound = new Map<string, number>();
  const given = Object.entries(shapes ?? {});
  if (given.length === 0) return graph;
  const dimensionNames = new Set(graph.inputs.flatMap(({ dims }) => (dims ?? []).filter((dim) => typeof dim === 'string')));
  const bind = (name: string, size: number, what: string): void => {
    if (!Number.isSafeInteger(size) || size < 0) throw new InputError(`${source}: ${what}: ${size} is not a dimension`);
    if (bound.has(name) && bound.get(name) !== size)
      throw new InputError(`${source}: dimension "${name}" is given as ${bound.get(name)} and as ${size}`);
    bound.set(name, size);
  };
  const inputs = new Map(graph.inputs.map((input) => [input.name, input]));
  for (const [name, size] of given) {
    const input = inputs.get(name);
    if (input === undefined && !dimensionNames.has(name)) {
      const known = [...inputs.keys(), ...dimensionNames].map((known) => `"${known}"`).join(', ');
      throw new InputError(`${source}: shape given for "${name}", which is neither an input nor a free dimension (there are ${known})`);
    }
    if (input === undefined) {
      if (typeof size !== 'number') throw new InputError(`${source}: dimension "${name}" takes one number, not [${size}]`);
      bind(name, size, `dimension "${name}"`);
      continue;
    }
    const dims: readonly number[] = typeof size === 'number' ? [size] : size;
    const declared: readonly (number | string | null)[] = input.dims ?? dims.map(() => null);
    const conflict = declared.length !== dims.length || declared.some((dim, axis) => typeof dim === 'number' && dim !== dims[axis]);
    if (conflict) {
      const shown = declared.map((dim) => dim ?? '?').join(',');
      throw new InputError(`${source}: input "${name}" has the shape [${shown}]; [${dims}] does not fit it`);
    }
    for (const [axis, dim] of declared.entries()) if (typeof dim === 'string') bind(dim, dims[axis], `input "${name}"`);
    if (dims.some((dim) => !Number.isSafeInteger(dim) || dim < 0)) throw new InputError(`${source}: [${dims}] is not a shape`);
    inputs.set(name, { ...input, dims });
  }
  const replace = (value: ValueInfo): ValueInfo => ({
    ...value,
    dims: value.dims?.map((dim) => (typeof dim === 'string' ? (bound.get(dim) ?? dim) : dim)),
  });
  return {
    ...graph,
    inputs: graph.inputs.map(({ name }) => replace(inputs.get(name)!)),
    outputs: graph.outputs.map(replace),
    values: new Map([...graph.values].map(([name, value]) => [name, replace(value)])),
  };
}

function isDefaultDomain(domain: string | null | undefined): boolean {
  return !domain || domain === 'ai.onnx';
}

function readOpsets(model: ModelProto, graph: GraphProto, source: string): Map<string, number> {
  const opsets = new Map<string, number>();
  for (const { domain, version } of model.opsetImport ?? []) opsets.set(domain === 'ai.onnx' ? '' : (domain ?? ''), numberOf(version ?? 0));
  // A model of other domains' operators only need not name a version of the default one.
  const nodes = (graph.node ?? []).filter(({ domain }) => isDefaultDomain(domain));
  if (!opsets.has('')) opsets.set('', nodes.length === 0 ? MIN_OPSET : 1);
  const version = opsets.get('')!;
  const supported = `${source}: opset ${version} is not supported (${MIN_OPSET} to ${MAX_OPSET} are)`;
  if (version > MAX_OPSET) throw new InputError(`${supported}; export the model with an older opset`);
  const changed = version >= MIN_OPSET ? undefined : nodes.find(({ opType }) => version < (UNCHANGED_SINCE.get(opType ?? '') ?? MIN_OPSET));
  if (changed !== undefined || version < 1) {
    throw new InputError(
      `${supported}; convert the model with the ONNX version converter${changed ? `, its ${changed.opType} has another meaning` : ''}`,
    );
  }
  return opsets;
}

/**
 * Reads a model. Weights share `bytes` (or the external file) where they are aligned; keep those unchanged while the graph is in use.
 * @throws InputError, with the source, node, value or byte position and what was expected, for every file that is not a usable ONNX model.
 */
export function readOnnx(bytes: Uint8Array, options: ReadOptions): Graph {
  const { source } = options;
  const model = decodeFile(bytes, MODEL_FILE, source);
  if (!model.graph) throw new InputError(`${source}: not an ONNX model: ${bytes.length === 0 ? 'the file is empty' : 'it holds no graph'}`);
  const opsets = readOpsets(model, model.graph, source);
  const scope: Scope = {
    source,
    opset: opsets.get('')!,
    irVersion: numberOf(model.irVersion ?? 0),
    readExternal: cacheExternal(source, options.readExternal),
  };
  const graph = { ...graphFromProto(model.graph, scope, source), opsets };
  if (graph.outputs.length === 0) throw new InputError(`${source}: the graph has no outputs`);
  checkWeights(graph, source);
  return bindShapes(graph, options);
}

/** Reads a TensorProto file (.pb), as used for ONNX test vectors. @throws InputError */
export function readTensorPb(bytes: Uint8Array, source = 'tensor'): Tensor {
  const proto = decodeFile(bytes, TENSOR_FILE, source);
  if (proto.dataType == null) throw new InputError(`${source}: not an ONNX tensor: it has no data type`);
  return tensorFromProto(proto, { where: source });
}
