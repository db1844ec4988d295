/** The command `snowflake`: its subcommands and help. */
import { Command } from 'commander';
import { VERSION } from '../index.ts';
import { assembleCommand, disassembleCommand } from './commands/assembly.ts';
import { benchCommand } from './commands/bench.ts';
import { checkCommand } from './commands/check.ts';
import { compileCommand } from './commands/compile.ts';
import { inspectCommand } from './commands/inspect.ts';
import { modelsCommand } from './commands/models.ts';
import { profileCommand } from './commands/profile.ts';
import { runCommand } from './commands/run.ts';
import { studioCommand } from './commands/studio.ts';
import { verifyCommand } from './commands/verify.ts';

/** Ready to parse. Usage errors are thrown as CommanderError after their message was printed. */
export function createCommandLine(): Command {
  const program = new Command('snowflake')
    .description('Snowflake: compile ONNX networks for an open inference accelerator and run them on its exact simulator.')
    .version(VERSION, '-V, --version')
    .addHelpText(
      'after',
      `
Examples:
  snowflake bench alexnet              the measured table, beside the published figures
  snowflake profile alexnet            where every cycle went; --html FILE: as a page
  snowflake run net.onnx -i cat.jpg    one frame through a network
  snowflake verify net.onnx            bits against the reference, accuracy against float32
  snowflake check net.onnx             where each node runs

Exit codes: 0 done, 1 the job failed, 2 bad usage or input.`,
    )
    .showHelpAfterError('(--help shows what is possible)');
  const commands = [
    runCommand(),
    verifyCommand(),
    benchCommand(),
    profileCommand(),
    checkCommand(),
    compileCommand(),
    inspectCommand(),
    assembleCommand(),
    disassembleCommand(),
    modelsCommand(),
    studioCommand(),
  ];
  for (const command of commands) program.addCommand(command.copyInheritedSettings(program));
  for (const command of [program, ...commands]) command.exitOverride();
  return program;
}
