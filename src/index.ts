/**
 * Snowflake: compile ONNX networks for an open inference accelerator and run them on its exact simulator. The documented entry points are
 * `loadModel`, `compileModel`, `createSimulatorDevice`, `createReferenceDevice` and `runModel`; the rest are their parts.
 *
 * @example
 * const graph = loadModel('net.onnx');
 * const model = await compileModel(graph);
 * const device = createSimulatorDevice(model.programs, { timing: true });
 * const run = await runModel(model, device, [randomInputs(graph, 1)]);
 */
export * from './browser.ts';
export {
  checkWritableFile,
  checkWritableFolder,
  fileNameOf,
  makeFolder,
  readFileStart,
  readInputFile,
  writeFileAtomic,
  writeFilePieces,
} from './runtime/files.ts';
export { loadImage } from './runtime/image.ts';
export { loadMachine, loadModel, loadTensor } from './runtime/load-model.ts';
export { createRtlDevice } from './runtime/rtl-device.ts';
export { createSimulatorDevice, type SimulatorDeviceOptions } from './runtime/simulator-device.ts';
export { timeProgram } from './runtime/time-program.ts';
export { VERSION } from './runtime/version.ts';
