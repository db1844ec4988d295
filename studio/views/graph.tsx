/** The network laid out: fused nodes as one box, coloured by what it costs; host parts are distinct. */
import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { formatCount, formatPercent, type LayerReport } from '../../src/browser.ts';
import { type Group, type GroupGraph, groupNodes } from '../graph/groups.ts';
import { heatColour, inkOn } from '../parts/colours.ts';
import { saveSvg } from '../parts/download.ts';
import { addKeys } from '../state/keys.ts';
import { failure, NOTHING, network, program, selection, timing } from '../state/store.ts';
import type { LayoutAnswer, LayoutRequest } from '../worker/layout-worker.ts';

const METRICS = { lost: 'lost cycles', occupancy: 'occupancy', time: 'time' } as const;
type Metric = keyof typeof METRICS;

const BOX = { width: 190, line: 16, padding: 8 };
const heightOf = (group: Group): number =>
  BOX.padding * 2 + BOX.line * (group.layer >= 0 || group.where === 'host' || group.where === 'refused' ? 3 : 2);

function useLayout(graph: GroupGraph | undefined): LayoutAnswer | undefined {
  const found = useSignal<{ graph: GroupGraph; answer: LayoutAnswer } | undefined>(undefined);
  useEffect(() => {
    if (!graph) return;
    const worker = new Worker(new URL('../worker/layout-worker.ts', import.meta.url), { type: 'module' });
    worker.onmessage = ({ data }: MessageEvent<LayoutAnswer>) => {
      found.value = { graph, answer: data };
      worker.terminate();
    };
    const request: LayoutRequest = {
      nodes: graph.groups.map((group) => ({ width: BOX.width, height: heightOf(group) })),
      edges: graph.edges,
    };
    worker.postMessage(request);
    return () => worker.terminate();
  }, [graph]);
  return found.value?.graph === graph ? found.value?.answer : undefined;
}

interface Cost {
  readonly badness: number;
  readonly text: string;
}

/** How bad a layer is by a metric, 0 to 1 against the worst of the network, and in words. */
function costOf(metric: Metric, layer: LayerReport, layers: readonly LayerReport[], cycles: number): Cost {
  const lost = (l: LayerReport): number => Object.values(l.lost).reduce((sum, value) => sum + value, 0);
  switch (metric) {
    case 'occupancy':
      return {
        badness: layer.macs > 0 ? 1 - layer.occupancy : 1,
        text: layer.macs > 0 ? `${formatPercent(layer.occupancy)} occupied` : 'no MACs',
      };
    case 'time':
      return {
        badness: layer.cycles / Math.max(...layers.map((l) => l.cycles)),
        text: `${formatPercent(layer.cycles / cycles)} of the time`,
      };
    case 'lost':
      return { badness: lost(layer) / Math.max(1, ...layers.map(lost)), text: `${formatCount(lost(layer))} cycles lost` };
  }
}

export function GraphView() {
  const metric = useSignal<Metric>('lost');
  const view = useSignal<{ x: number; y: number; scale: number } | undefined>(undefined);
  const box = useRef<HTMLDivElement>(null);
  const drag = useRef<{ x: number; y: number; moved: boolean } | undefined>(undefined);
  const net = network.value;
  const graph = useMemo(() => net && groupNodes(net), [net]);
  const placed = useLayout(graph);
  const figures = timing.value?.profile.figures;

  const fit = (): void => {
    const element = box.current;
    if (!placed || !element) return;
    const scale = Math.min(1.4, element.clientWidth / placed.width, Math.max(element.clientHeight / placed.height, 0.55));
    view.value = {
      scale,
      x: (element.clientWidth - placed.width * scale) / 2,
      y: Math.max(0, (element.clientHeight - placed.height * scale) / 2),
    };
  };
  useEffect(fit, [placed]);
  const fitRef = useRef(fit);
  fitRef.current = fit;
  useEffect(
    () =>
      addKeys([
        { keys: ['0', 'f'], title: 'fit the graph', group: 'Graph', act: () => fitRef.current() },
        {
          keys: ['c'],
          title: 'colour by the next metric',
          group: 'Graph',
          act: () => {
            const names = Object.keys(METRICS) as Metric[];
            metric.value = names[(names.indexOf(metric.value) + 1) % names.length];
          },
        },
      ]),
    [],
  );

  // The selected layer comes into sight, wherever it was selected.
  const { layer } = selection.value;
  useEffect(() => {
    const element = box.current;
    const index = graph?.groups.findIndex((group) => group.layer === layer) ?? -1;
    if (!element || !placed || !view.value || layer < 0 || index < 0) return;
    const { x, y, scale } = view.value;
    const at = { x: placed.nodes[index].x * scale + x, y: placed.nodes[index].y * scale + y };
    if (at.x > 60 && at.y > 30 && at.x < element.clientWidth - 60 && at.y < element.clientHeight - 30) return;
    view.value = { scale, x: x + element.clientWidth / 2 - at.x, y: y + element.clientHeight / 2 - at.y };
  }, [layer, placed]);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const onWheel = (event: WheelEvent): void => {
      event.preventDefault();
      const now = view.value;
      if (!now) return;
      const factor = 1.0015 ** -event.deltaY;
      const scale = Math.min(3, Math.max(0.05, now.scale * factor));
      const rect = element.getBoundingClientRect();
      const [px, py] = [event.clientX - rect.left, event.clientY - rect.top];
      view.value = { scale, x: px - ((px - now.x) * scale) / now.scale, y: py - ((py - now.y) * scale) / now.scale };
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, []);

  const select = (group: Group): void => {
    if (!drag.current?.moved) selection.value = { ...NOTHING, layer: group.layer, node: group.nodes[0].node };
  };
  const onPointerMove = (event: PointerEvent): void => {
    const grab = drag.current;
    const now = view.value;
    if (!grab || !now || event.buttons === 0) return;
    const [dx, dy] = [event.clientX - grab.x, event.clientY - grab.y];
    if (!grab.moved && Math.hypot(dx, dy) < 4) return;
    drag.current = { x: event.clientX, y: event.clientY, moved: true };
    view.value = { ...now, x: now.x + dx, y: now.y + dy };
  };

  const shown = view.value;
  const failedNode = failure.value ?? '';
  const zoom = (factor: number): void => {
    if (shown && box.current) {
      const [cx, cy] = [box.current.clientWidth / 2, box.current.clientHeight / 2];
      view.value = { scale: shown.scale * factor, x: cx - (cx - shown.x) * factor, y: cy - (cy - shown.y) * factor };
    }
  };
  return (
    <div class="view full graph">
      <div class="toolbar">
        <span class="muted">colour by</span>
        <fieldset class="segmented" aria-label="colour by">
          {(Object.keys(METRICS) as Metric[]).map((name) => (
            <button key={name} type="button" aria-pressed={metric.value === name} onClick={() => (metric.value = name)}>
              {METRICS[name]}
            </button>
          ))}
        </fieldset>
        <span class="scale" aria-hidden="true">
          good{' '}
          {[0, 0.25, 0.5, 0.75, 1].map((at) => (
            <i key={at} style={{ background: heatColour(at) }} />
          ))}{' '}
          bad
        </span>
        <span class="space" />
        <button type="button" onClick={() => zoom(1.3)} aria-label="larger">
          +
        </button>
        <button type="button" onClick={() => zoom(1 / 1.3)} aria-label="smaller">
          −
        </button>
        <button type="button" onClick={fit}>
          Fit <kbd>0</kbd>
        </button>
        <button type="button" onClick={() => saveSvg(`${net?.name}-graph.svg`, box.current?.querySelector('svg') ?? null)}>
          Save SVG
        </button>
      </div>
      <div
        ref={box}
        class="graph-box"
        onPointerDown={(event) => (drag.current = { x: event.clientX, y: event.clientY, moved: false })}
        onPointerMove={onPointerMove}
      >
        {!placed && <p class="waiting">Laying the graph out …</p>}
        {placed && shown && graph && (
          <svg>
            <title>{`graph of ${net?.name}`}</title>
            <defs>
              <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
                <path d="M0 0L8 4L0 8z" class="edge-head" />
              </marker>
            </defs>
            <g transform={`translate(${shown.x} ${shown.y}) scale(${shown.scale})`}>
              {placed.edges.map((points, i) => (
                <path
                  key={i}
                  class="edge"
                  marker-end="url(#arrow)"
                  d={`M${points.map((p) => `${p.x.toFixed(1)} ${p.y.toFixed(1)}`).join('L')}`}
                />
              ))}
              {graph.groups.map((group) => (
                <Box
                  key={group.id}
                  group={group}
                  at={placed.nodes[group.id]}
                  cost={
                    figures && group.layer >= 0 && figures.layers[group.layer]
                      ? costOf(metric.value, figures.layers[group.layer], figures.layers, figures.cycles)
                      : undefined
                  }
                  selected={group.layer >= 0 ? group.layer === layer : group.nodes.some((node) => node.node === selection.value.node)}
                  wrong={group.where === 'refused' || group.nodes.some((node) => failedNode.includes(`'${node.node}'`))}
                  onSelect={() => select(group)}
                />
              ))}
            </g>
          </svg>
        )}
      </div>
    </div>
  );
}

interface BoxProps {
  readonly group: Group;
  readonly at: { readonly x: number; readonly y: number };
  readonly cost: Cost | undefined;
  readonly selected: boolean;
  readonly wrong: boolean;
  readonly onSelect: () => void;
}

const shorten = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
/** Names differ at their ends. */
const shortenName = (text: string, most: number): string => (text.length > most ? `…${text.slice(1 - most)}` : text);

function Box({ group, at, cost, selected, wrong, onSelect }: BoxProps) {
  const height = heightOf(group);
  const fill = cost ? heatColour(cost.badness) : undefined;
  const ink = fill ? inkOn(fill) : undefined;
  const [x, y] = [at.x - BOX.width / 2, at.y - height / 2];
  const ops = group.ops.length > 4 ? `${group.ops.slice(0, 3).join(' · ')} · +${group.ops.length - 3}` : group.ops.join(' · ');
  const third =
    cost?.text ??
    (group.where === 'host'
      ? 'on the host'
      : group.where === 'refused'
        ? 'refused'
        : group.layer >= 0
          ? program.value?.layers[group.layer]?.op
          : undefined);
  const lines = [shortenName(group.title, 26), shorten(ops, 29), ...(third ? [shorten(third, 29)] : [])];
  const label = lines.join(' ');
  const classes = ['node', group.where, selected ? 'chosen' : '', wrong ? 'wrong' : ''].join(' ');
  return (
    // biome-ignore lint/a11y/useSemanticElements: a button can not be in an SVG
    <g
      class={classes}
      role="button"
      tabIndex={0}
      aria-pressed={selected}
      aria-label={label}
      onClick={onSelect}
      onKeyDown={(event) => {
        if (event.key === 'Enter' || event.key === ' ') onSelect();
      }}
    >
      <title>{`${label}\n${group.nodes.map((node) => `${node.node} (${node.op}): ${node.how}`).join('\n')}`}</title>
      <rect x={x} y={y} width={BOX.width} height={height} rx={5} style={fill ? { fill } : undefined} />
      {lines.map((line, i) => (
        <text
          key={i}
          x={x + 10}
          y={y + BOX.padding + 11 + i * BOX.line}
          class={i === 0 ? 'title' : ''}
          style={ink ? { fill: ink } : undefined}
        >
          {`${line} `}
        </text>
      ))}
    </g>
  );
}
