/** Worker entry: opens, compiles and simulates one network, says how far it is, and answers questions about it afterwards. */
import {
  compareModelBits,
  compareOutputs,
  compileModel,
  createMachineDevice,
  createReferenceDevice,
  cutAfterConvolutions,
  describeDifference,
  InputError,
  JobError,
  joinFigures,
  lowerGraph,
  type ModelRun,
  measureLayerWork,
  type NetworkFigures,
  type Program,
  randomInputs,
  reportNetwork,
  runFloat,
  runModel,
} from '../../src/browser.ts';
import { answer } from './answers.ts';
import { prepareFloatRuntime } from './float-runtime.ts';
import { openNetwork } from './open-network.ts';
import type { JobOptions, NetworkSource, Reply, Request, Stage } from './protocol.ts';
import type { Session } from './session.ts';
import type { TimingAnswer } from './timing-worker.ts';
import { joinLogs, joinTraffic, layerNames, type PartTiming, partStarts, viewNetwork, viewProgram } from './views.ts';

let session: Session | undefined;

function send(reply: Reply, transfer: Transferable[] = []): void {
  self.postMessage(reply, { transfer });
}

function progress(stage: Stage, fraction: number, what: string): void {
  send({ type: 'progress', stage, fraction, what });
}

/** The timing engine in a worker of its own: it works while this one computes data. */
function timeProgram(program: Program): Promise<PartTiming> {
  const worker = new Worker(new URL('./timing-worker.ts', import.meta.url), { type: 'module' });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<TimingAnswer>) => {
      worker.terminate();
      if ('error' in data) reject(data.error.name === 'JobError' ? new JobError(data.error.message) : new Error(data.error.message));
      else resolve(data);
    };
    worker.onerror = (event) => reject(new Error(event.message));
    // Timing never looks at constants.
    worker.postMessage({ ...program, segments: [] });
  });
}

async function open(source: NetworkSource, options: JobOptions): Promise<void> {
  progress('read', 0, source.name);
  const { scope, batch, numbers, machine, seed } = options;
  const floats = prepareFloatRuntime();
  const { name, graph, paper } = await openNetwork(source, scope);
  const scoped = scope === 'convolutions' ? cutAfterConvolutions(graph) : graph;
  // Where each node runs is known before anything is compiled: the page draws the graph meanwhile.
  send({ type: 'network', network: viewNetwork(name, scoped, lowerGraph(scoped), [], paper) });
  await floats;

  const started = performance.now();
  progress('compile', 0, numbers === 'calibrated' ? 'calibrating in float32' : 'lowering');
  const model = await compileModel(graph, {
    name,
    machine,
    scope,
    frames: batch,
    numbers,
    progress: (done, total, what) => progress('compile', done / total, what),
  });
  if (model.programs.length === 0) throw new InputError(`${name}: nothing of it runs on the accelerator, so there is nothing to measure`);
  const program = viewProgram(name, model.programs);
  send({ type: 'network', network: viewNetwork(name, model.graph, model.lowered, layerNames(model), paper) });
  send({ type: 'program', program, seconds: (performance.now() - started) / 1000 });

  progress('time', 0, 'every cycle');
  const timings = model.programs.map(timeProgram);
  for (const timing of timings) timing.catch(() => {}); // what the data engine finds comes first
  const inputs = Array.from({ length: batch }, (_, frame) => randomInputs(model.graph, seed + frame));
  const reported = Promise.all(timings).then((parts) => {
    const figures = joinFigures(
      parts.map((part, i) => reportNetwork(model.programs[i], part.result, measureLayerWork(model.integerGraphs[i]))),
    );
    reportTiming(parts, figures);
    return parts;
  });
  reported.catch(() => {});

  function reportTiming(parts: readonly PartTiming[], figures: NetworkFigures): void {
    const starts = partStarts(parts);
    const log = joinLogs(program, parts);
    session = { model, program, options, log, starts, inputWords: [] };
    const seconds = Math.max(...parts.map((part) => part.seconds));
    send({ type: 'timing', timing: { cycles: starts[starts.length - 1], log, traffic: joinTraffic(parts), figures, seconds } });
  }

  progress('simulate', 0, 'every bit');
  const run = await runModel(model, createMachineDevice(model.programs), inputs);
  await reported;
  session = { ...session!, inputWords: run.device.map((part) => part.inputWords) };
  send({ type: 'simulated', seconds: run.deviceSeconds });
  await check(run);

  /** Bits against the reference, values against float32: after the results are on the screen. */
  async function check(simulated: ModelRun): Promise<void> {
    progress('check', 0, 'bits against the reference');
    const reference = createReferenceDevice(model.integerGraphs, {
      frames: batch,
      progress: (done, total, what) => progress('check', done / total, what),
    });
    const bits = await compareModelBits(model.integerGraphs, reference, simulated, batch);
    const accuracy = compareOutputs(await runFloat(model, inputs.slice(0, 1)), simulated.outputs);
    send({
      type: 'bits',
      bits: {
        bitExact: bits.difference === undefined,
        difference: bits.difference && describeDifference(bits.difference),
        sqnrDb: accuracy.length > 0 ? Math.min(...accuracy.map((a) => a.sqnrDb)) : null,
      },
    });
  }
}

self.onmessage = async ({ data }: MessageEvent<Request>) => {
  if (data.type === 'call') {
    try {
      if (!session) throw new InputError('the network is not compiled yet');
      const { value, transfer } = await answer(session, data.method, data.argument);
      send({ type: 'answer', id: data.id, value }, transfer);
    } catch (error) {
      send({ type: 'answer', id: data.id, error: (error as Error).message });
    }
    return;
  }
  try {
    await open(data.source, data.options);
  } catch (error) {
    const { name, message } = error as Error;
    send({ type: 'failed', kind: name, message });
  }
};
