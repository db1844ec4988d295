/** `snowflake inspect`: what is in a program file or an ONNX model. */
import { Command } from 'commander';
import {
  formatBytes,
  formatCount,
  formatNumber,
  type Graph,
  isProgramFile,
  loadModel,
  type Program,
  readInputFile,
  readProgram,
  renderTable,
  type ValueInfo,
} from '../../index.ts';
import { print, printHeading, printJson } from '../io.ts';
import { jsonOption, type Shapes, shapeOption } from '../options.ts';

export function inspectCommand(): Command {
  return new Command('inspect')
    .description(
      'show what is in a program file (machine, tensors, layers and their schedules) or an ONNX model (inputs, outputs, operators)',
    )
    .argument('<file>', 'program file or ONNX model')
    .addOption(shapeOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExamples:\n  snowflake inspect alexnet.sfp\n  snowflake inspect net.onnx')
    .action((file: string, options: { shape?: Shapes; json?: boolean }) => {
      const bytes = readInputFile(file);
      if (isProgramFile(bytes)) inspectProgram(readProgram(bytes, file), options.json === true);
      else inspectModel(loadModel(file, options.shape), options.json === true);
    });
}

function inspectProgram(program: Program, json: boolean): void {
  const { segments, instructions, ...rest } = program;
  const constants = segments.reduce((sum, s) => sum + s.words.byteLength, 0);
  if (json) {
    const sizes = segments.map(({ name, address, words }) => ({ name, address, words: words.length }));
    printJson({ ...rest, instructions: instructions.length, segments: sizes });
    return;
  }
  printHeading(`program ${program.name}`);
  const { machine } = program;
  print(
    renderTable(
      [
        { title: 'what', align: 'left' },
        { title: 'value', align: 'left' },
      ],
      [
        [
          'machine',
          `${machine.name}: ${machine.computeUnits} CUs, ${machine.clockHz / 1e6} MHz, ${formatBytes(machine.dram.bytesPerSecond)}/s`,
        ],
        ['frames a run', `${program.frames}`],
        ['instructions', `${formatCount(instructions.length)} at DRAM word ${program.codeAddress}`],
        ['constants', `${segments.length} segments, ${formatBytes(constants)}`],
        ['DRAM', formatBytes(2 * program.dramWords)],
      ],
    ),
  );
  printHeading('\ntensors');
  print(
    renderTable(
      [
        { title: 'name', align: 'left' },
        { title: 'role', align: 'left' },
        { title: 'h×w×c' },
        { title: 'fraction' },
        { title: 'DRAM word' },
        { title: 'frames' },
      ],
      program.tensors.map((t) => [t.name, t.role, `${t.height}×${t.width}×${t.channels}`, `${t.fraction}`, `${t.address}`, `${t.frames}`]),
    ),
  );
  printHeading('\nlayers');
  print(
    renderTable(
      [
        { title: 'name', align: 'left' },
        { title: 'what', align: 'left' },
        { title: 'lanes' },
        { title: 'M MACs' },
        { title: 'weights' },
        { title: 'predicted cycles' },
        { title: 'schedule', align: 'left' },
      ],
      program.layers.map((l) => [
        l.name,
        l.op,
        `${l.lanesPerOutput}`,
        formatNumber(l.macs / 1e6),
        formatBytes(l.weightBytes),
        formatCount(l.predictedCycles),
        l.schedule,
      ]),
    ),
  );
}

function inspectModel(graph: Graph, json: boolean): void {
  const operators = new Map<string, number>();
  for (const { op, domain } of graph.nodes) {
    const name = domain === '' ? op : `${domain}.${op}`;
    operators.set(name, (operators.get(name) ?? 0) + 1);
  }
  const counts = [...operators].sort(([a], [b]) => (a < b ? -1 : 1));
  if (json) {
    const { name, opset, inputs, outputs } = graph;
    printJson({ name, opset, inputs, outputs, operators: Object.fromEntries(counts), initializers: graph.initializers.size });
    return;
  }
  printHeading(`model ${graph.name} (ONNX opset ${graph.opset})`);
  const shape = (v: ValueInfo): string => v.dims?.map((d) => d ?? '?').join('×') ?? 'unknown shape';
  const rows = [
    ...graph.inputs.map((v) => ['input', v.name, v.dtype, shape(v)]),
    ...graph.outputs.map((v) => ['output', v.name, v.dtype, shape(v)]),
  ];
  print(
    renderTable(
      ['', 'name', 'type', 'shape'].map((title) => ({ title, align: 'left' as const })),
      rows,
    ),
  );
  print();
  print(
    renderTable(
      [{ title: 'operator', align: 'left' }, { title: 'nodes' }],
      [...counts.map(([op, n]) => [op, `${n}`]), ['all', `${graph.nodes.length}`]],
    ),
  );
}
