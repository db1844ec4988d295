/**
 * Relays: consecutive stages that hand their maps to each other on chip, every CU with pixels of its own. Which stages can be members, and which buffers their
 * tensors are. Specification: docs/compiler.md, "Relays".
 */

import { type DramLayout, rootOfTensor, type TensorHome } from '../layout/dram-layout.ts';
import { regionsOf } from '../mac/blocks.ts';
import { isPairWork, type MacWork, type Stage, type StageGraph, tensorsRead, tensorsWritten } from '../stages/stage.ts';

/** A map on chip: a tensor that is nobody's slice, or results that are stored in an order of their own. */
export interface RelayBuffer {
  readonly tensor: number;
  /** Its first channel in the tensor. */
  readonly first: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Words from pixel to pixel. */
  readonly pitch: number;
  /** Channels that come from DRAM, in ascending runs. */
  readonly loaded: readonly Channels[];
  /** Does anybody outside read what the members make? */
  readonly isStored: boolean;
  /** Is it stored, and no stage reads it? */
  readonly isEnd: boolean;
  /** Do its words in DRAM lie in the order of its pixels? */
  readonly isPlain: boolean;
  /** Words from pixel to pixel in DRAM, where it is plain. */
  readonly dramPitch: number;
  /** The member behind which channels that several members make are stored in one run; undefined: every member stores what it makes. */
  readonly gatherer: number | undefined;
}

/** Channels [from, to) of a member's result lie in a buffer from `channel` on. */
export interface Destination {
  readonly buffer: number;
  readonly from: number;
  readonly to: number;
  readonly channel: number;
}

export interface RelayOperand {
  readonly buffer: number;
  readonly channel: number;
}

export interface RelayMember {
  /** Stage index. */
  readonly index: number;
  readonly stage: Stage;
  readonly work: MacWork | undefined;
  readonly input: RelayOperand;
  readonly other: (RelayOperand & { readonly isPixel: boolean }) | undefined;
  readonly destinations: readonly Destination[];
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Of whole maps every CU makes whole rows (not parts cut at the pixel): their windows reach over fewer rows. */
  readonly isCutAtRows: boolean;
}

export interface RelayGraph {
  readonly members: readonly RelayMember[];
  readonly buffers: readonly RelayBuffer[];
  /** Members whose results may take the place of their second operand: nobody reads it later. */
  readonly inPlace: readonly number[];
}

const LINE_WORDS = 16;

/** Channels [first, end). */
interface Channels {
  readonly first: number;
  readonly end: number;
}

interface DraftBuffer {
  readonly number: number;
  readonly tensor: number;
  readonly first: number;
  readonly channels: number;
  readonly isPlain: boolean;
  readonly made: Channels[];
  readonly read: Channels[];
  isRead: boolean;
  isLine: boolean;
}

/** Channels [from, to) of a stage's result belong to a tensor from `channel` on (or are the tensor, which lies in an order of its own). */
interface Result {
  readonly tensor: number;
  readonly isPlain: boolean;
  readonly from: number;
  readonly to: number;
  readonly channel: number;
}

/** Where a tensor lies in another one that has its extents. */
interface Place {
  readonly root: number;
  readonly channel: number;
}

/** Which maps pass from member to member. */
export interface GraphOptions {
  /** What is read by none of so many members behind its maker goes through DRAM. */
  readonly reach?: number;
  /** Only of maps that depthwise layers read: these lie in whole lines, rows of their own. */
  readonly isRows?: boolean;
  /** What others read too and several members make, in parts that share lines, is stored whole. There is no graph where there is no such map. */
  readonly gathers?: boolean;
}

/** What is known of a network's stages before members are chosen. */
export class RelayFacts {
  readonly graph: StageGraph;
  readonly layout: DramLayout;
  private readonly frames: number;
  /** Stages that read a root, and stages with the channels of a root that they write (all, where they are not plain). */
  private readonly readers = new Map<number, number[]>();
  private readonly makers = new Map<number, number[]>();
  private readonly oddRoots = new Set<number>();

  constructor(graph: StageGraph, layout: DramLayout, frames: number) {
    this.graph = graph;
    this.layout = layout;
    this.frames = frames;
    const note = (map: Map<number, number[]>, root: number, index: number): void => {
      const list = map.get(root) ?? [];
      if (list.at(-1) !== index) list.push(index);
      map.set(root, list);
    };
    graph.stages.forEach((stage, index) => {
      for (const tensor of tensorsRead(stage)) note(this.readers, rootOfTensor(layout, tensor), index);
      for (const tensor of tensorsWritten(graph, stage)) note(this.makers, rootOfTensor(layout, tensor), index);
    });
    for (const id of graph.fills.keys()) this.oddRoots.add(rootOfTensor(layout, id));
    for (const id of graph.constants.keys()) this.oddRoots.add(rootOfTensor(layout, id));
  }

  /** May a stage be a member of any relay? */
  isEligible(index: number): boolean {
    const { mac, vec, weights, columns, batched } = this.graph.stages[index]!;
    if (weights !== undefined || columns || (batched && this.frames > 1)) return false;
    if (mac) return regionsOf(mac, mac.geometry).length === 1;
    return isPairWork(vec) || vec?.op === 'table' || vec?.op === 'max';
  }

  /** The members' buffers; undefined where their tensors do not lie as plain maps. */
  graphOf(
    indices: readonly number[],
    { reach = Number.POSITIVE_INFINITY, isRows = false, gathers = false }: GraphOptions = {},
  ): RelayGraph | undefined {
    const { graph, layout } = this;
    const inside = new Set(indices);
    const buffers = new Map<string, DraftBuffer>();
    const bufferOf = (key: string, draft: Pick<DraftBuffer, 'tensor' | 'first' | 'channels' | 'isPlain'>): DraftBuffer => {
      let buffer = buffers.get(key);
      if (!buffer) {
        buffer = { ...draft, number: buffers.size, made: [], read: [], isRead: false, isLine: false };
        buffers.set(key, buffer);
      }
      return buffer;
    };
    const lines = new Set(
      indices.filter((index) => graph.stages[index]!.mac?.depthwise).map((index) => rootOfTensor(layout, graph.stages[index]!.input)),
    );
    const rootBuffer = (root: number): DraftBuffer =>
      bufferOf(`${root}`, { tensor: root, first: 0, channels: graph.tensors[root]!.channels, isPlain: true });
    const members: RelayMember[] = [];
    const parts = indices.flatMap((index, position) => partsOf(graph.stages[index]!).map((part) => ({ ...part, index, position })));
    for (const { stage, index, position, isFed, isFeeding } of parts) {
      const { vec, mac } = stage;
      const read = isFed ? { root: stage.input, channel: 0 } : this.placeOf(stage.input);
      if (!read) return undefined;
      const source = rootBuffer(read.root);
      const input = { buffer: source.number, channel: read.channel + stage.inputChannelOffset };
      source.isRead = true;
      source.read.push({ first: input.channel, end: input.channel + (mac?.inChannels ?? graph.tensors[stage.input]!.channels) });
      if (mac?.depthwise) {
        if (input.channel % LINE_WORDS !== 0) return undefined;
        source.isLine = true;
      }
      let other: RelayMember['other'];
      if (isPairWork(vec)) {
        const place = this.placeOf(vec.other);
        if (!place) return undefined;
        const buffer = rootBuffer(place.root);
        buffer.isRead = true;
        buffer.read.push({ first: place.channel, end: place.channel + graph.tensors[vec.other]!.channels });
        other = { buffer: buffer.number, channel: place.channel, isPixel: vec.isPixel };
      }
      const { height, width, channels } = graph.tensors[stage.output]!;
      const inner: Result = { tensor: stage.output, isPlain: true, from: 0, to: channels, channel: 0 };
      const results = isFeeding ? [inner] : this.resultsOf(stage);
      if (!results) return undefined;
      const destinations = results.map(({ tensor, isPlain, from, to, channel }): Destination => {
        const next = indices.slice(position + 1, isRows && !lines.has(tensor) ? undefined : position + 1 + reach);
        const isGathered = gathers && indices.filter((maker) => (this.makers.get(tensor) ?? []).includes(maker)).length > 1;
        const isHeld = isPlain && (isFeeding || isGathered || next.some((reader) => this.readsRoot(reader, tensor)));
        if (isHeld) {
          const buffer = rootBuffer(tensor);
          buffer.made.push({ first: channel, end: channel + to - from });
          return { buffer: buffer.number, from, to, channel };
        }
        // Stored and forgotten: a buffer of the member's own.
        const all = results.filter((result) => result.tensor === tensor);
        const first = Math.min(...all.map((result) => result.channel));
        const end = Math.max(...all.map((result) => result.channel + result.to - result.from));
        const buffer = bufferOf(`${tensor} of ${index}`, { tensor, first, channels: end - first, isPlain });
        buffer.made.push({ first: channel - first, end: channel - first + to - from });
        return { buffer: buffer.number, from, to, channel: channel - first };
      });
      members.push({ index, stage, work: mac, input, other, destinations, height, width, channels, isCutAtRows: false });
    }
    const drafts = [...buffers.values()];
    // What a member stores in an order of its own, another one cannot read beside it.
    const read = new Set(drafts.filter(({ isRead }) => isRead).map(({ tensor }) => tensor));
    if (drafts.some(({ tensor, isPlain }) => !isPlain && read.has(rootOfTensor(layout, tensor)))) return undefined;
    const list: RelayBuffer[] = [];
    for (const { tensor, first, channels, made, read: wanted, isRead, isLine, isPlain } of drafts) {
      // Words that no stage makes are in DRAM.
      if (isRead && made.length > 0 && this.oddRoots.has(tensor)) return undefined;
      const gaps = gapsOf(made, channels);
      if (!gaps) return undefined;
      const loaded = gaps.flatMap((gap) => common(gap, wanted));
      const isStored =
        made.length > 0 && (!isPlain || this.isNeeded(tensor, inside) || (!isRead && (this.readers.get(tensor) ?? []).length > 0));
      const pitch = isLine ? Math.ceil(channels / LINE_WORDS) * LINE_WORDS : channels;
      const { height, width, channels: dramPitch } = graph.tensors[tensor]!;
      // Runs that begin inside a line write it twice.
      const isShared = gathers && isStored && isPlain && made.length > 1 && made.some((run) => run.first % LINE_WORDS !== 0);
      const makers = members.flatMap(({ destinations }, m) => (destinations.some(({ buffer }) => buffer === list.length) ? [m] : []));
      const gatherer = isShared && makers.length > 1 ? makers.at(-1) : undefined;
      const isEnd = isStored && (this.readers.get(tensor) ?? []).length === 0;
      list.push({ tensor, first, height, width, channels, pitch, loaded, isStored, isEnd, isPlain, dramPitch, gatherer });
    }
    if (gathers && list.every(({ gatherer }) => gatherer === undefined)) return undefined;
    // A maximum tells its operands apart by one distance.
    const isUneven = members.some(({ stage, other, input, work, destinations }) => {
      if (stage.vec?.op !== 'maximum') return false;
      const pitches = work ? destinations.map(({ buffer }) => list[buffer]!.pitch) : [list[input.buffer]!.pitch];
      return pitches.some((pitch) => pitch !== list[other!.buffer]!.pitch);
    });
    if (isUneven) return undefined;
    return { members, buffers: list, inPlace: members.flatMap((_, m) => (mayReplace(members, list, m) ? [m] : [])) };
  }

  private readsRoot(index: number, root: number): boolean {
    return (this.readers.get(root) ?? []).includes(index);
  }

  /** Does anybody but these stages need a root? */
  private isNeeded(root: number, inside: ReadonlySet<number>): boolean {
    if (this.layout.ends.has(root) || (this.frames > 1 && this.layout.borders.has(root))) return true;
    return (this.readers.get(root) ?? []).some((index) => !inside.has(index));
  }

  /** Where a stage's results belong; undefined where they belong to two places, or are read in another order. */
  private resultsOf(stage: Stage): Result[] | undefined {
    const { graph } = this;
    const { output } = stage;
    const { height, width, channels } = graph.tensors[output]!;
    const results: Result[] = [];
    if (!graph.virtual.has(output)) {
      const place = this.placeOf(output);
      // Stored in an order of their own: others read them.
      if (!place && ((this.readers.get(output) ?? []).length > 0 || rootOfTensor(this.layout, output) === output)) return undefined;
      results.push(
        place
          ? { tensor: place.root, isPlain: true, from: 0, to: channels, channel: place.channel }
          : { tensor: output, isPlain: false, from: 0, to: channels, channel: 0 },
      );
    }
    for (const { target, channel, words, grid } of graph.scatters.get(output) ?? []) {
      const place = this.placeOf(target);
      const tensor = graph.tensors[target]!;
      const isNatural =
        grid.rowStep === tensor.width * tensor.channels && grid.columnStep === tensor.channels && grid.offset < tensor.channels;
      if (!place || !isNatural || tensor.height !== height || tensor.width !== width) return undefined;
      results.push({ tensor: place.root, isPlain: true, from: channel, to: channel + words, channel: place.channel + grid.offset });
    }
    results.sort((a, b) => a.from - b.from);
    let at = 0;
    for (const { from, to } of results) {
      if (from !== at) return undefined;
      at = to;
    }
    return at === channels ? results : undefined;
  }

  /** A tensor as channels of its root, pixel by pixel. */
  private placeOf(tensor: number): Place | undefined {
    const home: TensorHome | undefined = this.layout.homes.get(tensor);
    if (!home) return undefined;
    const own = this.graph.tensors[tensor]!;
    const root = this.graph.tensors[home.root]!;
    const channel = home.address - this.layout.homes.get(home.root)!.address;
    const isSame = own.height === root.height && own.width === root.width && channel + own.channels <= root.channels;
    const isPlain =
      (own.width === 1 || home.pixelPitch === root.channels) && (own.height === 1 || home.rowPitch === root.width * root.channels);
    return isSame && isPlain ? { root: home.root, channel } : undefined;
  }
}

/** What a stage does as a member: its MACs, or a max pool behind them, which reads what these make as any member does. */
interface Part {
  readonly stage: Stage;
  /** Is its input made by the part in front of it, is its result read by the part behind it? */
  readonly isFed: boolean;
  readonly isFeeding: boolean;
}

function partsOf(stage: Stage): Part[] {
  const { mac, vec, macOutput } = stage;
  if (!mac || vec?.op !== 'max') return [{ stage, isFed: false, isFeeding: false }];
  const macs: Stage = { ...stage, output: macOutput, vec: undefined, table: undefined };
  const pool: Stage = { ...stage, input: macOutput, mac: undefined, inputChannelOffset: 0 };
  return [
    { stage: macs, isFed: false, isFeeding: true },
    { stage: pool, isFed: true, isFeeding: false },
  ];
}

/** Channels that none of the runs has; undefined where they overlap. */
function gapsOf(made: readonly Channels[], channels: number): Channels[] | undefined {
  const gaps: Channels[] = [];
  let at = 0;
  for (const { first, end } of [...made].sort((a, b) => a.first - b.first)) {
    if (first < at) return undefined;
    if (first > at) gaps.push({ first: at, end: first });
    at = end;
  }
  if (at < channels) gaps.push({ first: at, end: channels });
  return gaps;
}

/** What a run of channels has in common with others. */
function common({ first, end }: Channels, others: readonly Channels[]): Channels[] {
  const parts: { first: number; end: number }[] = [];
  for (const other of [...others].sort((a, b) => a.first - b.first)) {
    const low = Math.max(first, other.first, parts.at(-1)?.end ?? 0);
    const high = Math.min(end, other.end);
    if (high <= low) continue;
    if (parts.at(-1)?.end === low) parts.at(-1)!.end = high;
    else parts.push({ first: low, end: high });
  }
  return parts;
}

/** May a member's results lie where its second operand does? It is of the same form, all its own, and nobody reads it later. */
function mayReplace(members: readonly RelayMember[], buffers: readonly RelayBuffer[], m: number): boolean {
  const { stage, work, other, destinations, input } = members[m]!;
  const [target] = destinations;
  // The slots in which results wait have a pitch of their own, and a maximum wants one pitch for both.
  if (stage.vec?.op === 'maximum') return false;
  if (!work || !other || other.isPixel || destinations.length !== 1 || input.buffer === other.buffer) return false;
  const [from, to] = [buffers[other.buffer]!, buffers[target!.buffer]!];
  const isSame = from.pitch === to.pitch && from.width === to.width && from.height === to.height && from.channels === to.channels;
  if (!isSame || !from.isPlain || !to.isPlain || other.channel !== 0 || target!.channel !== 0 || to.loaded.length > 0) return false;
  const isRead = (member: RelayMember): boolean => member.input.buffer === other.buffer || member.other?.buffer === other.buffer;
  const isMade = members.filter(({ destinations: list }) => list.some(({ buffer }) => buffer === target!.buffer)).length === 1;
  return isMade && !members.slice(m + 1).some(isRead);
}

/** Is a buffer made by a member, wholly or in part? */
export function isMade({ members }: RelayGraph, b: number): boolean {
  return members.some(({ destinations }) => destinations.some(({ buffer }) => buffer === b));
}

/** The same members with the cuts of others, one for each. */
export function cutLike(graph: RelayGraph, others: readonly RelayMember[]): RelayGraph {
  return { ...graph, members: graph.members.map((member, m) => ({ ...member, isCutAtRows: others[m]!.isCutAtRows })) };
}

/** Stages of a relay, in order. */
export function stagesOfRelay(graph: RelayGraph): number[] {
  return stageMembers(graph).map((m) => graph.members[m]!.index);
}

/** Members that begin a stage: all but max pools behind MACs, whose stage is that of the member in front. */
export function stageMembers({ members }: RelayGraph): number[] {
  return members.flatMap(({ index }, m) => (members[m - 1]?.index === index ? [] : [m]));
}
