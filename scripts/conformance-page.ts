/** Tables of the runs of public models (scripts/conformance.ts): for a terminal, and as the page docs/results/conformance.md. */
import { type Column, formatCount, formatDecibels, formatNumber, formatPercent, renderTable } from '../src/report/table.ts';
import type { GoldenRun } from '../test/golden-runs.ts';
import type { VectorResult } from '../test/onnx-vectors.ts';
import type { TopologyResult } from '../test/topologies.ts';
import { renderMarkdown } from './markdown.ts';

export interface NetworkResult extends GoldenRun {
  readonly file: string;
  /** What the machine finds, and what ONNX Runtime finds, in words. */
  readonly found: string;
  readonly wanted: string;
}

export interface ConformanceResults {
  /** `wanted`: of operators that must pass. */
  readonly vectors: readonly (VectorResult & { readonly wanted: boolean })[];
  readonly topologies: readonly (TopologyResult & { readonly name: string })[];
  readonly networks: readonly NetworkResult[];
}

interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
}

type Vectors = ConformanceResults['vectors'];

/** Vectors of operators that must pass, refused nevertheless. */
export const missedVectors = (vectors: Vectors): Vectors => vectors.filter(({ status, wanted }) => status === 'refused' && wanted);

function operatorTable(vectors: Vectors): Table {
  const byOperator = new Map<string, VectorResult[]>();
  for (const result of vectors) {
    const key = result.operators.join(' + ') || '(not readable)';
    byOperator.set(key, [...(byOperator.get(key) ?? []), result]);
  }
  const count = (list: readonly VectorResult[], status: VectorResult['status']): string => {
    const { length } = list.filter((result) => result.status === status);
    return length === 0 ? '·' : String(length);
  };
  return {
    columns: [
      { title: 'operators', align: 'left' },
      ...['accelerated', 'host', 'refused', 'differs', 'failed'].map((title): Column => ({ title })),
    ],
    rows: [...byOperator]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([operators, list]) => [
        operators,
        ...(['accelerated', 'host', 'refused', 'differs', 'failed'] as const).map((status) => count(list, status)),
      ]),
  };
}

const bitsOf = (difference: string | undefined, words: number): string =>
  difference === undefined ? `equal, ${formatCount(words)} words` : `DIFFER: ${difference}`;

function topologyTable(topologies: ConformanceResults['topologies']): Table {
  return {
    columns: [
      { title: 'topology', align: 'left' },
      { title: 'cycles' },
      { title: 'MACs accelerated' },
      { title: 'bits against the reference', align: 'left' },
      { title: 'SQNR dB' },
    ],
    rows: topologies.map(({ name, cycles, acceleratedShare, difference, words, sqnrDb }) => [
      name,
      formatCount(cycles),
      formatPercent(acceleratedShare),
      bitsOf(difference, words),
      formatDecibels(sqnrDb),
    ]),
  };
}

function networkTable(networks: readonly NetworkResult[]): Table {
  return {
    columns: [
      { title: 'network', align: 'left' },
      { title: 'finds', align: 'left' },
      { title: 'cycles' },
      { title: 'FPS' },
      { title: 'GB/s' },
      { title: 'MACs accelerated' },
      { title: 'parts' },
      { title: 'least SQNR dB' },
      { title: 'bits against the reference', align: 'left' },
    ],
    rows: networks.map((run) => {
      const seconds = run.cycles / run.clockHz / run.frames;
      return [
        run.file.split('/').at(-1)!,
        run.found === run.wanted ? run.found : `${run.found} (ONNX Runtime: ${run.wanted})`,
        formatCount(run.cycles),
        formatNumber(1 / seconds, 4),
        formatNumber(run.dramBytes / run.frames / seconds / 1e9),
        formatPercent(run.acceleratedShare),
        String(run.parts),
        formatDecibels(Math.min(...run.sqnrDb.values())),
        bitsOf(run.difference, run.words),
      ];
    }),
  };
}

function summary(vectors: Vectors): string {
  const of = (status: VectorResult['status']): number => vectors.filter((result) => result.status === status).length;
  return (
    `${vectors.length} vectors: ${of('accelerated')} pass on the accelerator, ${of('host')} on the host, ${of('refused')} refused ` +
    `(${missedVectors(vectors).length} of operators that must pass), ${of('differs')} differ for a known reason, ${of('failed')} failed`
  );
}

const REASON_LENGTH = 200;
const firstLines = (text: string): string => text.split('\n').slice(0, 3).join(' ').slice(0, REASON_LENGTH);

/** Vectors that did not pass, with the reason: one line each. */
function exceptions(vectors: Vectors): string[] {
  return (['refused', 'failed', 'differs'] as const).flatMap((status) =>
    vectors
      .filter((result) => result.status === status)
      .map(
        ({ name, detail, wanted }) => `${name}: ${status}${wanted && status === 'refused' ? ' (MUST PASS)' : ''}: ${firstLines(detail)}`,
      ),
  );
}

/** What the command prints. */
export function renderConformance({ vectors, topologies, networks }: ConformanceResults): string {
  const sections: string[] = [];
  const table = ({ columns, rows }: Table): string => renderTable(columns, rows);
  if (vectors.length > 0) sections.push(table(operatorTable(vectors)), exceptions(vectors).join('\n'), summary(vectors));
  if (topologies.length > 0) sections.push(table(topologyTable(topologies)));
  if (networks.length > 0) sections.push(table(networkTable(networks)));
  return `${sections
    .map((text) => text.trimEnd())
    .filter((text) => text !== '')
    .join('\n\n')}\n`;
}

const markdown = ({ columns, rows }: Table): string => renderMarkdown(columns, rows);

/** The page docs/results/conformance.md. */
export function renderConformancePage({ vectors, topologies, networks }: ConformanceResults): string {
  return `# Conformance

Written by \`npm run conformance -- --write\` on the preset \`xc7z045\`; don't edit. The models lie beside the project (\`../shared/data\`): the ONNX project's operator vectors and
topologies, and public networks with their golden outputs by ONNX Runtime.

## Networks with real weights

Binary points from the network's own input. *Finds*: what comes out, the same in float32 unless said. *Least SQNR*: of all outputs against float32; below 40 dB the cause is named in
[numbers.md](../numbers.md), section 8. Time of host parts is not in the FPS.

${markdown(networkTable(networks))}

## Topologies

Every weight of a network is one constant, so they prove shapes and bits, not accuracy: ∞ is equal to the golden output.

${markdown(topologyTable(topologies))}

## Operator vectors

${summary(vectors)}. A vector is one small operator, mostly without constants: where its operands cost more to bring to the accelerator than it saves, it runs on the host, as it would in a network.

${markdown(operatorTable(vectors))}

Not passed:

${exceptions(vectors)
  .map((text) => `* ${text}`)
  .join('\n')}
`;
}
