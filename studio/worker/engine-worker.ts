/** Worker entry: opens, compiles and simulates one network, says how far it is, and answers questions about it afterwards. */
import {
  checkModel,
  compareModelBits,
  compareOutputs,
  compileModel,
  createMachineDevice,
  createReferenceDevice,
  cutAfterConvolutions,
  describeDifference,
  type Graph,
  InputError,
  lowerGraph,
  type ModelRun,
  measureLayerWork,
  type Placement,
  randomInputs,
  runFloat,
  runModel,
} from '../../src/browser.ts';
import { answer } from './answers.ts';
import { collectBuffers } from './buffers.ts';
import { prepareFloatRuntime } from './float-runtime.ts';
import { openNetwork } from './open-network.ts';
import type { JobOptions, NetworkSource, Reply, Request, Stage } from './protocol.ts';
import type { Session } from './session.ts';
import { startTimer } from './timer.ts';
import { viewNetwork, viewProgram } from './views.ts';

let session: Session | undefined;

function send(reply: Reply, transfer: Transferable[] = []): void {
  self.postMessage(reply, { transfer });
}

function progress(stage: Stage, fraction: number, what: string): void {
  send({ type: 'progress', stage, fraction, what });
}

/** Where each node runs, as far as it is known before compiling; a refusal is reported by the compilation. */
function placementOf(graph: Graph): readonly Placement[] {
  try {
    return lowerGraph(graph).placement;
  } catch {
    return [];
  }
}

async function open(source: NetworkSource, options: JobOptions): Promise<void> {
  progress('read', 0, source.name);
  const { scope, batch, numbers, machine, seed } = options;
  const floats = prepareFloatRuntime();
  const timer = startTimer();
  const { name, graph, paper } = await openNetwork(source, scope);
  const scoped = scope === 'convolutions' ? cutAfterConvolutions(graph) : graph;
  // Where each node runs is known before anything is compiled: the page draws the graph meanwhile.
  send({ type: 'network', network: viewNetwork(name, scoped, placementOf(scoped), [], paper) });
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
  }).catch(async (error: unknown) => {
    // As `check` says it: which nodes can not run, why, and what to do.
    const check = await checkModel(graph, { name, machine, scope, frames: batch }).catch(() => undefined);
    if (check) send({ type: 'network', network: viewNetwork(name, scoped, check.nodes, [], paper) });
    throw error;
  });
  if (model.programs.length === 0) throw new InputError(`${name}: nothing of it runs on the accelerator, so there is nothing to measure`);
  const program = viewProgram(name, model.programs);
  send({ type: 'network', network: viewNetwork(name, model.graph, model.lowered.placement, program.layers, paper) });
  send({ type: 'program', program, seconds: (performance.now() - started) / 1000 });

  progress('time', 0, 'every cycle');
  const reported = timer.time(name, model.programs, model.integerGraphs.map(measureLayerWork)).then(({ timing, starts }) => {
    session = { model, program, options, log: timing.log, timer, starts, inputWords: [] };
    // The log stays here too; the rest is given away.
    send({ type: 'timing', timing }, collectBuffers([timing.activities, timing.residencies]));
  });
  reported.catch(() => {}); // what the data engine finds comes first
  const inputs = Array.from({ length: batch }, (_, frame) => randomInputs(model.graph, seed + frame));

  if (options.timingOnly) {
    await reported;
    send({ type: 'simulated', seconds: 0 });
    send({ type: 'done' });
    return;
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
