/**
 * Bands: consecutive stages that run row by row, every CU with columns of its own of every map. Which stages can be members, which buffers their tensors are,
 * and who reads what of them. Specification: docs/compiler.md, "Bands".
 */
import { LINE_WORDS } from '../../../machine/machine.ts';
import { type DramLayout, rootOfTensor } from '../layout/dram-layout.ts';
import { regionsOf } from '../mac/blocks.ts';
import { isPairWork, type Stage, type StageGraph, tensorsRead, tensorsWritten } from '../stages/stage.ts';

/** Where the pixels of a tensor lie in its root: pixel (y, x) at (y · rowScale + row, x · columnScale + column), from `channel` on. */
export interface BandPlace {
  readonly rowScale: number;
  readonly row: number;
  readonly columnScale: number;
  readonly column: number;
  readonly channel: number;
}

/** A map on chip, with the words of a root that members make or read. */
export interface BandBuffer {
  readonly tensor: number;
  /** First channel in the tensor. */
  readonly first: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Words from pixel to pixel. */
  readonly pitch: number;
  /** Pixel (y, x) of the tensor is pixel (y ÷ zoom, x ÷ zoom) of the buffer: a map that was enlarged by repeating its pixels. */
  readonly zoom: number;
  /** Does all of it come from DRAM? */
  readonly isLoaded: boolean;
}

/** Channels [channel, …) of a buffer. */
export interface BandOperand {
  readonly buffer: number;
  readonly channel: number;
  /** Channels there are; those behind them are 0. */
  readonly channels: number;
}

export interface BandMember {
  /** Stage index. */
  readonly index: number;
  readonly stage: Stage;
  readonly input: BandOperand;
  readonly other: BandOperand | undefined;
  /** Where its result is on chip. */
  readonly buffer: number;
  readonly place: BandPlace;
  /** Does anybody outside read it? */
  readonly isStored: boolean;
  /** Words of the runs in which a pixel is stored, where other words lie between pixels. */
  readonly runs: readonly number[];
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

export interface BandGraph {
  readonly members: readonly BandMember[];
  readonly buffers: readonly BandBuffer[];
}

/** A buffer while its readers and makers are collected. */
interface Draft {
  readonly number: number;
  readonly tensor: number;
  readonly zoom: number;
  readonly isLoaded: boolean;
  first: number;
  end: number;
  isLine: boolean;
}

/** What is known of a network's stages before members are chosen. */
export class BandFacts {
  private readonly graph: StageGraph;
  private readonly layout: DramLayout;
  private readonly frames: number;
  /** Stages that read, and that write, a root. */
  private readonly readers = new Map<number, number[]>();
  private readonly makers = new Map<number, number[]>();

  constructor(graph: StageGraph, layout: DramLayout, frames: number) {
    this.graph = graph;
    this.layout = layout;
    this.frames = frames;
    const note = (map: Map<number, number[]>, tensor: number, index: number): void => {
      const root = rootOfTensor(layout, tensor);
      const list = map.get(root) ?? [];
      if (list.at(-1) !== index) list.push(index);
      map.set(root, list);
    };
    graph.stages.forEach((stage, index) => {
      for (const tensor of tensorsRead(stage)) note(this.readers, tensor, index);
      for (const tensor of tensorsWritten(graph, stage)) note(this.makers, tensor, index);
    });
  }

  /** May a stage be a member of any band? Work on rows of maps: no gate, no pool behind MACs. */
  isEligible(index: number): boolean {
    const { mac, vec, weights, columns, batched, input } = this.graph.stages[index]!;
    if (weights !== undefined || columns || batched || this.graph.tensors[input]!.width === 1) return false;
    if (isPairWork(vec) && (vec.isPixel || vec.op === 'maximum')) return false;
    if (mac) return vec?.op !== 'max' && regionsOf(mac, mac.geometry).length === 1;
    return vec !== undefined && vec.op !== 'copy';
  }

  /** The members' buffers; undefined where their tensors do not lie as maps that rows can be taken of. */
  graphOf(indices: readonly number[]): BandGraph | undefined {
    const { graph } = this;
    const drafts = new Map<number, Draft>();
    const own: Draft[] = [];
    const isInside = (index: number): boolean => index >= indices[0]! && index <= indices.at(-1)!;
    const draftOf = (root: number, zoom: number, isLoaded: boolean, first: number, end: number): Draft => {
      let draft = drafts.get(root);
      if (!draft) {
        draft = { number: own.length, tensor: root, zoom, isLoaded, first, end, isLine: false };
        own.push(draft);
        drafts.set(root, draft);
      }
      draft.first = Math.min(draft.first, first);
      draft.end = Math.max(draft.end, end);
      return draft;
    };
    /** Channels of an operand: of its root, if its pixels are the root's. */
    const read = (tensor: number, offset: number, channels: number, index: number): { draft: Draft; channel: number } | undefined => {
      const place = this.placeOf(tensor);
      const root = rootOfTensor(this.layout, tensor);
      if (!place || !isWhole(place) || !this.hasExtents(tensor, root)) return undefined;
      const makers = (this.makers.get(root) ?? []).filter(isInside);
      const channel = place.channel + offset;
      if (makers.length === 0) return { draft: draftOf(root, 1, true, channel, channel + channels), channel };
      const draft = drafts.get(root);
      // All of it was made by members in front.
      const isMade = makers.length === this.makers.get(root)!.length && makers.every((maker) => maker < index);
      return draft && isMade ? { draft, channel } : undefined;
    };
    const members: (Omit<BandMember, 'input' | 'other'> & { input: [Draft, number, number]; other?: [Draft, number, number] })[] = [];
    for (const index of indices) {
      const stage = graph.stages[index]!;
      const { mac, vec } = stage;
      const inChannels = mac?.inChannels ?? graph.tensors[stage.input]!.channels;
      const source = read(stage.input, stage.inputChannelOffset, inChannels, index);
      if (!source || source.draft.zoom > 1) return undefined;
      if (mac?.depthwise) source.draft.isLine = true;
      const { height, width, channels } = graph.tensors[stage.output]!;
      let other: [Draft, number, number] | undefined;
      if (isPairWork(vec)) {
        const second = read(vec.other, 0, graph.tensors[vec.other]!.channels, index);
        if (!second) return undefined;
        other = [second.draft, second.channel, channels];
      }
      const root = rootOfTensor(this.layout, stage.output);
      const result = this.resultOf(stage, root);
      const isRead = (this.readers.get(root) ?? []).some((reader) => reader > index && isInside(reader));
      const isStored =
        this.isNeeded(root, isInside) ||
        (graph.scatters.get(stage.output) ?? []).some(({ target }) => this.isNeeded(rootOfTensor(this.layout, target), isInside));
      let draft: Draft;
      let place = WHOLE;
      if (isRead) {
        if (!result || (drafts.get(root) && drafts.get(root)!.zoom !== result.zoom)) return undefined;
        if (drafts.get(root)?.isLoaded) return undefined;
        place = result.place;
        draft = draftOf(root, result.zoom, false, place.channel, place.channel + channels);
      } else {
        draft = { number: own.length, tensor: stage.output, zoom: 1, isLoaded: false, first: 0, end: channels, isLine: false };
        own.push(draft);
      }
      members.push({
        index,
        stage,
        input: [source.draft, source.channel, inChannels],
        ...(other ? { other } : {}),
        buffer: draft.number,
        place,
        isStored,
        runs: isStored ? this.runsOf(stage.output) : [],
        height,
        width,
        channels,
      });
    }
    return this.finish(own, members);
  }

  private finish(
    own: readonly Draft[],
    members: readonly (Omit<BandMember, 'input' | 'other'> & { input: [Draft, number, number]; other?: [Draft, number, number] })[],
  ): BandGraph | undefined {
    const { graph } = this;
    const buffers = own.map(({ tensor, first, end, zoom, isLoaded, isLine }): BandBuffer => {
      const { height, width } = graph.tensors[tensor]!;
      const channels = end - first;
      const pitch = isLine ? Math.ceil(channels / LINE_WORDS) * LINE_WORDS : channels;
      return { tensor, first, height: height / zoom, width: width / zoom, channels, pitch, zoom, isLoaded };
    });
    const operandOf = ([draft, channel, channels]: [Draft, number, number]): BandOperand => {
      const { first, end, number } = draft;
      return { buffer: number, channel: channel - first, channels: Math.min(channels, end - channel) };
    };
    const list = members.map(({ input, other, place, ...member }): BandMember => {
      const { first } = own[member.buffer]!;
      return { ...member, input: operandOf(input), other: other && operandOf(other), place: { ...place, channel: place.channel - first } };
    });
    for (const { stage, input, other, channels } of list) {
      const inChannels = stage.mac?.inChannels ?? graph.tensors[stage.input]!.channels;
      if (input.channel < 0 || input.channels < inChannels || (other && other.channel < 0)) return undefined;
      if (stage.mac?.depthwise && input.channel % LINE_WORDS !== 0) return undefined;
      // Words that nobody makes are 0, and only sums know what to do with those.
      if (other && other.channels < channels && stage.vec?.op !== 'add') return undefined;
    }
    return this.areWhole(buffers, list) ? { members: list, buffers } : undefined;
  }

  /** Is every word that is read made or loaded? What isn't is the end of pixels, which holds zeros. */
  private areWhole(buffers: readonly BandBuffer[], members: readonly BandMember[]): boolean {
    return buffers.every(({ tensor, channels, zoom, isLoaded }, b) => {
      if (isLoaded) return true;
      const makers = members.filter(({ buffer }) => buffer === b);
      const { height, width } = this.graph.tensors[tensor]!;
      const pixels = (height * width) / (zoom * zoom);
      const made = makers.reduce((sum, maker) => sum + maker.height * maker.width * maker.channels, 0);
      const isRead = members.some(({ input, other }) => input.buffer === b || other?.buffer === b);
      if (!isRead) return true;
      const fill = this.graph.fills.get(tensor);
      return made === pixels * channels && (!fill || fill.word === 0);
    });
  }

  private hasExtents(tensor: number, root: number): boolean {
    const [a, b] = [this.graph.tensors[tensor]!, this.graph.tensors[root]!];
    return a.height === b.height && a.width === b.width;
  }

  /** Does anybody but the members need a root? */
  private isNeeded(root: number, isInside: (stage: number) => boolean): boolean {
    if (this.layout.ends.has(root) || (this.frames > 1 && this.layout.borders.has(root))) return true;
    return (this.readers.get(root) ?? []).some((index) => !isInside(index));
  }

  /** Where a stage's result lies in its root; as one map where all places together repeat its pixels. */
  private resultOf(stage: Stage, root: number): { place: BandPlace; zoom: number } | undefined {
    const { graph } = this;
    const place = this.placeOf(stage.output);
    const scatters = graph.scatters.get(stage.output) ?? [];
    if (!place) return undefined;
    if (scatters.length === 0) return { place, zoom: 1 };
    const zoom = place.rowScale;
    if (zoom !== place.columnScale || scatters.length + 1 !== zoom * zoom || zoom < 2 || graph.virtual.has(stage.output)) return undefined;
    const { width, channels } = graph.tensors[root]!;
    const own = graph.tensors[stage.output]!;
    const seen = new Set([place.row * zoom + place.column]);
    for (const { target, channel, words, grid } of scatters) {
      if (target !== root || channel !== 0 || words !== own.channels || grid.offset % channels !== place.channel) return undefined;
      if (grid.rowStep !== zoom * width * channels || grid.columnStep !== zoom * channels) return undefined;
      const pixel = Math.floor(grid.offset / channels);
      const [row, column] = [Math.floor(pixel / width), pixel % width];
      if (row >= zoom || column >= zoom) return undefined;
      seen.add(row * zoom + column);
    }
    return seen.size === zoom * zoom ? { place: { ...WHOLE, channel: place.channel }, zoom } : undefined;
  }

  private runsOf(tensor: number): number[] {
    const { tensors, scatters, virtual } = this.graph;
    const { channels } = tensors[tensor]!;
    const isApart = !virtual.has(tensor) && this.layout.homes.get(tensor)!.pixelPitch > channels;
    return [...(isApart ? [channels] : []), ...(scatters.get(tensor) ?? []).map(({ words }) => words)];
  }

  /** A tensor as pixels of its root. */
  private placeOf(tensor: number): BandPlace | undefined {
    const home = this.layout.homes.get(tensor);
    if (!home) return undefined;
    const { width, channels, height } = this.graph.tensors[home.root]!;
    const own = this.graph.tensors[tensor]!;
    const offset = home.address - this.layout.homes.get(home.root)!.address;
    const pixel = Math.floor(offset / channels);
    const place = {
      rowScale: own.height === 1 ? 1 : home.rowPitch / (width * channels),
      row: Math.floor(pixel / width),
      columnScale: own.width === 1 ? 1 : home.pixelPitch / channels,
      column: pixel % width,
      channel: offset % channels,
    };
    const { rowScale, row, columnScale, column, channel } = place;
    const isInside =
      Number.isInteger(rowScale) &&
      Number.isInteger(columnScale) &&
      (own.height - 1) * rowScale + row < height &&
      (own.width - 1) * columnScale + column < width &&
      channel + own.channels <= channels;
    return isInside ? place : undefined;
  }
}

const WHOLE: BandPlace = { rowScale: 1, row: 0, columnScale: 1, column: 0, channel: 0 };

function isWhole({ rowScale, row, columnScale, column }: BandPlace): boolean {
  return rowScale === 1 && columnScale === 1 && row === 0 && column === 0;
}
