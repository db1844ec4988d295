/**
 * The part of the public surface that runs wherever JavaScript does: no files, threads or native code. `index.ts` is this and what Node adds; the studio
 * in the browser imports it alone.
 */
export { type BuildOptions, MODELS, type Model } from '../models/index.ts';
export { type CompileOptions, compileGraph } from './compiler/backend/compile-graph.ts';
export { fixFrameDimension } from './compiler/frontend/fix-frame-dimension.ts';
export type { HostPart } from './compiler/frontend/host-part.ts';
export {
  acceleratorParts,
  hostParts,
  type LoweredModel,
  lowerGraph,
  type ModelPart,
  type Placement,
} from './compiler/frontend/lower-graph.ts';
export { type QuantizeOptions, quantize } from './compiler/quantize/quantize.ts';
export { collectRangeNames, type ValueRange } from './compiler/quantize/ranges.ts';
export type { AttributeValue, DataType, Graph, GraphNode, Tensor, TensorData, ValueInfo } from './graph/graph.ts';
export type { BorderValue, IntegerGraph, IntegerLayer, IntegerTensor } from './graph/integer-graph.ts';
export { type ReadOptions, readOnnx, readTensorPb } from './graph/onnx/read-onnx.ts';
export { writeOnnx } from './graph/onnx/write-onnx.ts';
export { toNumbers } from './graph/tensor.ts';
export { assemble } from './isa/assemble.ts';
export { type CoreTrace, DEFAULT_CORE_LIMITS, type Dispatch, runCore, traceCore } from './isa/core.ts';
export { disassemble, formatWord } from './isa/disassemble.ts';
export { decode } from './isa/encode.ts';
export { unitName } from './isa/field-codes.ts';
export { hasSource2, UNIT_FIELDS, UNIT_ID, type UnitKind, unitOf, VEC_OPS } from './isa/fields.ts';
export { type Machine, macCount, PRESETS, XC7Z045 } from './machine/machine.ts';
export { parseMachine, parseMachineText } from './machine/parse-machine.ts';
export { annotateDisassembly } from './program/annotate-disassembly.ts';
export type { LayerInfo, Program, Segment, SourceSpan, TensorPlacement } from './program/program.ts';
export { isProgramFile, readProgram, writeProgram } from './program/program-file.ts';
export { type ReferenceOptions, runReference } from './reference/run-reference.ts';
export { advise, type Remedy, rankRemedies, type WhatIf } from './report/advice.ts';
export { type BenchRow, type PublishedFigures, renderLayers, renderLostCycles, renderNetworks } from './report/bench-text.ts';
export { boundNetwork, floorBytes, type LayerBound, type NetworkBound } from './report/bound.ts';
export { CAUSE_TEXTS, CAUSES, type CauseText, TRAFFIC_KINDS, TRAFFIC_TITLES } from './report/causes.ts';
export {
  ENERGY_SOURCES,
  type EnergyCoefficients,
  type EnergyCounts,
  type EnergyEstimate,
  estimateEnergy,
  PUBLISHED_ALEXNET_WATTS,
  XC7Z045_ENERGY,
} from './report/energy.ts';
export { renderReport } from './report/html/report.ts';
export { joinProfiles, type NetworkProfile } from './report/network-profile.ts';
export { type BoundBy, joinFigures, type LayerReport, type NetworkFigures, reportNetwork } from './report/network-report.ts';
export {
  buildProfile,
  type Profile,
  type ProfileLayer,
  type ProfilePart,
  type ProfileWork,
  type SlotAccount,
  sharesOfHundred,
  totalBytes,
} from './report/profile.ts';
export { renderProfileCsv } from './report/profile-csv.ts';
export { profileToJson } from './report/profile-json.ts';
export { measurePredictionErrors, type Prediction, renderFill, renderPredictions, renderProfile } from './report/profile-text.ts';
export { placeOnRoofline, type RooflinePoint, ridgeMacsPerByte } from './report/roofline.ts';
export { formatBytes, formatCount, formatDecibels, formatNumber, formatPercent, renderTable } from './report/table.ts';
export { renderTrace, type SliceArguments, type TraceEvent, traceEvents } from './report/trace.ts';
export { doubledMachines, type MachineChange } from './report/what-if.ts';
export { type Accuracy, measureAccuracy } from './runtime/accuracy.ts';
export { calibrate } from './runtime/calibrate.ts';
export { type CheckedNode, type CheckedPart, type CheckOptions, checkModel, type ModelCheck } from './runtime/check-model.ts';
export { concreteDims } from './runtime/check-tensor.ts';
export {
  type CompiledModel,
  type CompiledPart,
  type CompileModelOptions,
  compileModel,
  NUMBER_MODES,
  type NumberMode,
  SCOPES,
  type Scope,
} from './runtime/compile-model.ts';
export { type Device, type DeviceResult, tensorNames, type WordInputs } from './runtime/device.ts';
export { createFloatSession, type FloatSession, type NamedTensors } from './runtime/float-session.ts';
export { dequantizeOutput } from './runtime/host.ts';
export {
  CHANNEL_ORDERS,
  type DecodePixels,
  IMAGE_FITS,
  IMAGE_LAYOUTS,
  type ImageOptions,
  imageToTensor,
  isImageName,
} from './runtime/image-tensor.ts';
export { type LayerWork, measureLayerWork } from './runtime/layer-work.ts';
export { createMachineDevice, type MachineDeviceOptions, packInputs } from './runtime/machine-device.ts';
export { measureProfile } from './runtime/measure-profile.ts';
export { measureTiming } from './runtime/measure-timing.ts';
export { readNpy, writeNpy } from './runtime/npy.ts';
export { modelOfProgram } from './runtime/program-model.ts';
export { randomInputs } from './runtime/random-input.ts';
export { createReferenceDevice, type ReferenceDeviceOptions } from './runtime/reference-device.ts';
export { type DevicePart, type ModelRun, type RunnableModel, type RunnablePart, runModel, timingsOf } from './runtime/run-model.ts';
export { cutAfterConvolutions, exposeValues } from './runtime/subgraph.ts';
export {
  type BitComparison,
  compareBits,
  compareModelBits,
  compareOutputs,
  countSaturated,
  type Difference,
  describeDifference,
  type OutputAccuracy,
  runFloat,
} from './runtime/verify-model.ts';
export { DataEngine, type DramInput } from './simulator/data/engine.ts';
export { type DataOptions, type DataResult, executeData } from './simulator/data/execute-data.ts';
export { type BufferSpan, outputFootprint, runsFootprint, source2Footprint, sourceFootprint } from './simulator/data/footprint.ts';
export type { IntervalList } from './simulator/data/intervals.ts';
export { GRANULE_BYTES, type Residency } from './simulator/profile/residency.ts';
export { type Activity, type ProfiledTiming, simulateProfile } from './simulator/profile/simulate-profile.ts';
export type { CommitLog, CommitRecord } from './simulator/timing/commit-log.ts';
export { simulateTiming, type TimingOptions } from './simulator/timing/engine.ts';
export {
  type DramBytes,
  type LayerTiming,
  LOST_CAUSES,
  type LostCause,
  type TileTiming,
  type TimingResult,
} from './simulator/timing/result.ts';
export { InputError, JobError } from './util/errors.ts';
