/** `snowflake verify`: simulator or RTL against reference bit for bit, and against float32. */
import { Command } from 'commander';
import {
  compareModelBits,
  compareOutputs,
  countSaturated,
  createReferenceDevice,
  createRtlDevice,
  createSimulatorDevice,
  describeDifference,
  formatCount,
  formatDecibels,
  formatNumber,
  JobError,
  renderTable,
  runFloat,
  runModel,
} from '../../index.ts';
import { compileFrame, type FrameOptions } from '../frame.ts';
import { print, printJson } from '../io.ts';
import { MODEL_ARGUMENT } from '../network.ts';
import {
  calibrateOption,
  type DeviceName,
  deviceOption,
  hostOption,
  imageOptions,
  jsonOption,
  machineOption,
  numbersOption,
  seedOption,
  shapeOption,
} from '../options.ts';
import { startProgress } from '../progress.ts';

interface VerifyOptions extends FrameOptions {
  readonly device: DeviceName;
  readonly json?: boolean;
}

export function verifyCommand(): Command {
  const command = new Command('verify')
    .description(
      'check that the simulator (or the RTL) gives the bits of the integer reference, and measure the distance from float32 (ONNX Runtime)',
    )
    .argument('<model>', MODEL_ARGUMENT)
    .option('-i, --input <NAME=FILE...>', 'input tensors, as for run; default: random from the seed')
    .addOption(deviceOption(['simulator', 'rtl']))
    .addOption(machineOption())
    .addOption(shapeOption())
    .addOption(calibrateOption())
    .addOption(numbersOption())
    .addOption(hostOption())
    .addOption(seedOption('seed of random input').default(7))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  snowflake verify net.onnx --input photo.jpg\n  snowflake verify alexnet\n\nExit code 1: the bits differ.',
    );
  for (const option of imageOptions()) command.addOption(option);
  return command.action(async (argument: string, options: VerifyOptions) => {
    const progress = startProgress(`verify ${argument}`);
    const { name, model, inputs } = await compileFrame(argument, options, progress).finally(progress.stop);
    const device = options.device === 'rtl' ? createRtlDevice(model.programs) : createSimulatorDevice(model.programs);
    const simulated = await runModel(model, device, [inputs]);
    const reference = createReferenceDevice(model.integerGraphs, { progress: progress.update });
    const { expected, ...bits } = await compareModelBits(model.integerGraphs, reference, simulated, 1).finally(progress.stop);
    const accuracy = compareOutputs(await runFloat(model, [inputs]), simulated.outputs);
    const saturated = expected.flatMap((result, part) => countSaturated(model.integerGraphs[part], result, 1));

    if (options.json) {
      printJson({
        bitExact: bits.difference === undefined,
        ...bits,
        outputs: accuracy,
        saturated,
        saturatedInputs: simulated.saturatedInputs,
      });
    } else {
      const compared = `${bits.tensors} tensors, ${formatCount(bits.words)} words compared`;
      print(
        bits.difference
          ? `bits: ${device.name} and reference DIFFER: ${describeDifference(bits.difference)}`
          : `bits: ${device.name} = reference (${compared})`,
      );
      print('\nagainst float32 (ONNX Runtime):');
      print(
        renderTable(
          [{ title: 'output', align: 'left' }, { title: 'max error' }, { title: 'mean error' }, { title: 'SQNR dB' }, { title: 'top-1' }],
          accuracy.map((a) => [
            a.output,
            formatNumber(a.maxError),
            formatNumber(a.meanError),
            formatDecibels(a.sqnrDb),
            a.sameTop1 ? 'same' : 'other',
          ]),
        ),
      );
      const all = saturated.reduce((sum, s) => sum + s.saturated, simulated.saturatedInputs);
      print(`\nsaturated values: ${formatCount(all)}`);
      if (simulated.saturatedInputs > 0) print(`  inputs: ${formatCount(simulated.saturatedInputs)}`);
      for (const s of saturated) print(`  ${s.layer}: ${formatCount(s.saturated)} of ${formatCount(s.words)}`);
    }
    if (bits.difference)
      throw new JobError(`${name}: the ${device.name} differs from the reference: ${describeDifference(bits.difference)}`);
  });
}
