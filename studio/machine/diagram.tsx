/** The block diagram at a cycle: each unit in the colour of the layer that it works on, with its queue. */
import { formatCount, formatPercent } from '../../src/browser.ts';
import { inkOn, layerColour } from '../parts/colours.ts';
import { program, timing } from '../state/store.ts';
import type { MachineView, UnitView } from '../worker/protocol.ts';
import type { BlockKind } from './blocks.ts';

/** A block that can be chosen: a kind and, for the parts of a compute unit, which one. */
export interface Block {
  readonly kind: BlockKind;
  readonly cu: number;
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

const LEFT = { x: 8, w: 150 };
const CU = { x: 214, w: 148, gap: 12 };

interface Props {
  readonly state: MachineView;
  readonly chosen: Block;
  readonly onChoose: (block: Block) => void;
}

export function Diagram({ state, chosen, onChoose }: Props) {
  const code = program.value;
  const now = timing.value;
  if (!code || !now) return null;
  const cus = code.machine.computeUnits;
  const columns = Math.min(4, cus);
  const rows = Math.ceil(cus / columns);
  const width = CU.x + columns * (CU.w + CU.gap);
  const height = Math.max(288, 14 + rows * 278);
  const unitNamed = (name: string): UnitView | undefined => state.units.find((unit) => unit.name === name);
  const fillAt = (kind: 'mapsBytes' | 'weightsBytes', cu: number): number => {
    const part = now.activities.findLast((p) => p.from <= state.cycle) ?? now.activities[0];
    const { binCycles } = part.activity;
    const values = part.activity[kind][cu];
    const full = kind === 'mapsBytes' ? code.machine.mapsBytes : 4 * code.machine.weightsBytes;
    return (values?.[Math.min(values.length - 1, Math.floor((state.cycle - part.from) / binCycles))] ?? 0) / full;
  };
  const unit = (kind: BlockKind, cu: number, place: Place): preact.JSX.Element => {
    const view = unitNamed(cu >= 0 ? `${kind}${cu}` : kind);
    const running = view?.running ?? -1;
    const layer = running >= 0 ? now.log.layer[running] : -1;
    const colour = running >= 0 ? layerColour(layer) : undefined;
    const queue = view?.queue.length ?? 0;
    const what = running >= 0 ? (code.layers[layer]?.name ?? '') : queue > 0 ? 'waits for a token' : 'idle';
    const span =
      running >= 0
        ? code.sourceMap.find((s) => s.first <= now.log.instruction[running] && now.log.instruction[running] < s.end)
        : undefined;
    const share = running >= 0 ? (state.cycle - now.log.start[running]) / (now.log.end[running] - now.log.start[running]) : 0;
    return (
      <BlockBox
        key={`${kind}${cu}`}
        place={place}
        title={view?.name ?? kind}
        kind={kind}
        cu={cu}
        chosen={chosen}
        onChoose={onChoose}
        colour={colour}
        lines={[what, span?.tile ?? '']}
        note={queue > 0 ? `${queue} queued` : undefined}
      >
        <rect class="meter" x={place.x + 8} y={place.y + place.h - 9} width={place.w - 16} height={4} rx={2} />
        <rect
          class="meter-on"
          style={colour ? { fill: inkOn(colour) } : undefined}
          x={place.x + 8}
          y={place.y + place.h - 9}
          width={(place.w - 16) * Math.min(1, Math.max(0, share))}
          height={4}
          rx={2}
        />
      </BlockBox>
    );
  };
  const buffer = (kind: 'maps' | 'weights', cu: number, place: Place): preact.JSX.Element => {
    const fill = fillAt(kind === 'maps' ? 'mapsBytes' : 'weightsBytes', cu);
    return (
      <BlockBox
        key={`${kind}${cu}`}
        place={place}
        title={kind}
        kind={kind}
        cu={cu}
        chosen={chosen}
        onChoose={onChoose}
        lines={[`${formatPercent(fill)} alive`]}
      >
        <rect class="meter" x={place.x + 8} y={place.y + place.h - 9} width={place.w - 16} height={4} rx={2} />
        <rect
          class="meter-on accent"
          x={place.x + 8}
          y={place.y + place.h - 9}
          width={(place.w - 16) * Math.min(1, fill)}
          height={4}
          rx={2}
        />
      </BlockBox>
    );
  };
  const instruction = code.instructions.length > 0 ? state.pc : 0;
  return (
    <svg class="diagram" viewBox={`0 0 ${width} ${height}`}>
      <title>{`the machine at cycle ${state.cycle}`}</title>
      <path class="wire" d={`M${LEFT.x + LEFT.w} 178H${CU.x - 26}V30M${CU.x - 26} 178V${height - 30}`} />
      <path class="wire" d={`M${LEFT.x + LEFT.w / 2} 60V254`} />
      {Array.from({ length: rows }, (_, row) => (
        <path key={row} class="wire" d={`M${CU.x - 26} ${40 + row * 278}H${width - CU.w}`} />
      ))}
      <BlockBox
        place={{ x: LEFT.x, y: 8, w: LEFT.w, h: 56 }}
        title="core"
        kind="core"
        cu={-1}
        chosen={chosen}
        onChoose={onChoose}
        lines={[`at instruction ${instruction}`, `${formatCount(state.steps)} executed`]}
      />
      {unit('LDM', -1, { x: LEFT.x, y: 76, w: LEFT.w, h: 56 })}
      {unit('LDW', -1, { x: LEFT.x, y: 140, w: LEFT.w, h: 56 })}
      {unit('ST', -1, { x: LEFT.x, y: 204, w: LEFT.w, h: 56 })}
      <BlockBox
        place={{ x: LEFT.x, y: 268, w: LEFT.w, h: 22 }}
        title="DRAM"
        kind="DRAM"
        cu={-1}
        chosen={chosen}
        onChoose={onChoose}
        lines={[]}
      />
      {Array.from({ length: cus }, (_, cu) => {
        const x = CU.x + (cu % columns) * (CU.w + CU.gap);
        const y = 8 + Math.floor(cu / columns) * 278;
        return (
          <g key={cu}>
            <rect class="cu" x={x - 6} y={y} width={CU.w + 12} height={270} rx={8} />
            <text class="cu-title" x={x + 2} y={y + 16}>
              CU {cu}
            </text>
            {buffer('maps', cu, { x, y: y + 24, w: CU.w, h: 50 })}
            {buffer('weights', cu, { x, y: y + 82, w: CU.w, h: 50 })}
            {unit('MAC', cu, { x, y: y + 140, w: CU.w, h: 58 })}
            {unit('VEC', cu, { x, y: y + 206, w: CU.w, h: 58 })}
          </g>
        );
      })}
    </svg>
  );
}

interface BoxProps {
  readonly place: Place;
  readonly title: string;
  readonly kind: BlockKind;
  readonly cu: number;
  readonly chosen: Block;
  readonly onChoose: (block: Block) => void;
  readonly lines: readonly string[];
  readonly colour?: string;
  /** In the upper right corner. */
  readonly note?: string;
  readonly children?: preact.ComponentChildren;
}

const shorten = (line: string): string => (line.length > 24 ? `${line.slice(0, 23)}…` : line);

function BlockBox({ place, title, kind, cu, chosen, onChoose, lines, colour, note, children }: BoxProps) {
  const ink = colour ? { fill: inkOn(colour) } : undefined;
  const isChosen = chosen.kind === kind && chosen.cu === cu;
  const choose = (): void => onChoose({ kind, cu });
  return (
    // biome-ignore lint/a11y/useSemanticElements: a button can not be in an SVG
    <g
      class={isChosen ? 'block chosen' : 'block'}
      role="button"
      tabIndex={0}
      aria-pressed={isChosen}
      aria-label={[title, ...lines.map(shorten), note ?? ''].filter((line) => line !== '').join(' ') + (cu >= 0 ? ` of CU ${cu}` : '')}
      onClick={choose}
      onKeyDown={(event) => event.key === 'Enter' && choose()}
    >
      <rect x={place.x} y={place.y} width={place.w} height={place.h} rx={5} style={colour ? { fill: colour } : undefined} />
      <text class="block-title" x={place.x + 8} y={place.y + 16} style={ink}>
        {`${title} `}
      </text>
      {lines.map((line, i) => (
        <text key={i} x={place.x + 8} y={place.y + 30 + i * 13} style={ink}>
          {`${shorten(line)} `}
        </text>
      ))}
      {note && (
        <text class="corner" style={ink} x={place.x + place.w - 8} y={place.y + 16} text-anchor="end">
          {note}
        </text>
      )}
      {children}
    </g>
  );
}
