/**
 * Emission of a flow: item by item in the order of its plan, every CU its share of the units. Loads come right before their first reader, stores right behind
 * their last writer. Specification: docs/compiler.md, "Flows".
 */

import type { FlowMember, Place } from '../flow/flow.ts';
import { type Chunk, type FlowItem, type Region, regionsOf, regionWords, type Segment } from '../flow/flow-items.ts';
import type { FlowPlan } from '../flow/flow-plan.ts';
import { viewTensor } from '../layout/dram-layout.ts';
import { isLookUp, isPairWork, vecWorks } from '../stages/stage.ts';
import type { View } from '../stages/view.ts';
import { type Piece, SPACE } from '../tasks/task.ts';
import type { EmitContext, Source, WeightsGroup } from './emit-context.ts';
import { emitMax, emitPair, emitTable, loadTable } from './emit-vec.ts';
import type { LinkConstants } from './link-task.ts';
import { loadActivationGroup } from './load-activations.ts';
import { loadGroup } from './load-group.ts';
import { addMacTask } from './mac-task.ts';

export interface FlowJob {
  readonly plan: FlowPlan;
  /** Where the flow's words begin in the maps buffers. */
  readonly base: number;
  readonly frame: number;
  /** Of every member: its layer, weights and where they are (none without MACs), its activation table, where its results are stored. */
  readonly constants: readonly (Pick<LinkConstants, 'layer'> &
    Partial<LinkConstants> & { readonly tableAddress: number; readonly output: View })[];
}

export function* emitFlow(context: EmitContext, job: FlowJob): Generator<void> {
  const emitter = new FlowEmitter(context, job);
  for (const item of job.plan.items) {
    emitter.emit(item);
    yield;
  }
}

class FlowEmitter {
  private readonly context: EmitContext;
  private readonly job: FlowJob;
  /** Pieces of segments by chunk (or by turn, where they come from DRAM) and CU. */
  private readonly held = new Map<number, Piece[][]>();
  private readonly known = new Set<string>();
  /** Items that members still have to do before the results of some turns are complete. */
  private readonly unfinished = new Map<string, number>();

  constructor(context: EmitContext, job: FlowJob) {
    this.context = context;
    this.job = job;
    for (const item of job.plan.items) {
      if (item.isFinal) this.unfinished.set(keyOf(item), (this.unfinished.get(keyOf(item)) ?? 0) + 1);
    }
  }

  emit(item: FlowItem): void {
    const member = this.job.plan.members[item.member]!;
    const source = this.source(item);
    for (const segment of [item.output, item.input, ...(item.other ? [item.other] : [])]) {
      for (const region of regionsOf(segment, item.turns)) this.hold(region, source);
    }
    if (item.unit === 'mac') this.emitMac(item, member, source);
    else this.emitVec(item, member, source);
    if (!item.isFinal || !member.isStored) return;
    const key = keyOf(item);
    const left = this.unfinished.get(key)! - 1;
    this.unfinished.set(key, left);
    if (left === 0) this.store(item, member, source);
  }

  private source({ member, turns, input }: FlowItem): Source {
    const { frame, constants } = this.job;
    return { layer: constants[member]!.layer, tile: `${frame > 0 ? `frame ${frame} ` : ''}pixels ${input.first}, turn ${turns[0]}` };
  }

  /** Where a turn of a segment begins in a CU. */
  private baseOf(segment: Segment, turn: number, cu: number): number {
    const [{ key, turns }] = regionsOf(segment, [turn, turn + 1]) as [Region];
    let local = 0;
    for (let before = turns[0]; before < turn; before++) {
      const { first, end } = shareOf(segment, before, cu, this.context.cus);
      local += end - first;
    }
    return this.job.base + this.job.plan.bases.get(key)! + local * segment.pitch;
  }

  /** Pieces for a region that is used for the first time, loaded where nobody in the flow makes it. */
  private hold(region: Region, source: Source): void {
    if (this.known.has(region.key)) return;
    this.known.add(region.key);
    const { context } = this;
    const { segment, turns } = region;
    const base = this.job.base + this.job.plan.bases.get(region.key)!;
    const isLoaded = segment.chunks.length === 0;
    const isHere = (turn: number): boolean => turn >= turns[0] && turn < turns[1];
    const places = isLoaded
      ? segment.turns.flatMap((_, turn) => (isHere(turn) ? [turn] : []))
      : segment.chunks.filter(({ turn }) => isHere(turn)).map(({ index }) => index);
    const byCu = Array.from({ length: context.cus }, (_, cu) =>
      context.list.newPieces(SPACE.maps(cu), base, base + regionWords(region, context.cus), places.length),
    );
    const held = this.held.get(segment.id) ?? [];
    this.held.set(segment.id, held);
    places.forEach((place, i) => {
      held[place] = byCu.map((pieces) => pieces[i]!);
    });
    if (isLoaded) for (const turn of places) this.load(segment, turn, source);
  }

  private load(segment: Segment, turn: number, source: Source): void {
    const { context, job } = this;
    const { root, pitch } = segment;
    const view = viewTensor(context.stages, context.layout, root, job.frame);
    const units: View = { ...view, height: segment.first + segment.count, width: 1, channels: pitch, rowPitch: pitch, pixelPitch: pitch };
    for (let cu = 0; cu < context.cus; cu++) {
      const { first, end } = shareOf(segment, turn, cu, context.cus);
      if (first === end) continue;
      const run = { first: segment.first + first, end: segment.first + end, channel: 0, words: pitch, cu, pitch };
      const piece = this.held.get(segment.id)![turn]![cu]!;
      context.loadPixels(units, job.frame, { ...run, base: this.baseOf(segment, turn, cu) }, source, piece);
    }
  }

  /** Pieces of words [from, to) of the units of some turns in a CU. */
  private piecesOf(segment: Segment, [first, end]: readonly [number, number], from: number, to: number, cu: number): Piece[] {
    const pieces = this.held.get(segment.id)!;
    if (segment.chunks.length === 0) return pieces.slice(first, end).map((byCu) => byCu[cu]!);
    return segment.chunks
      .filter((chunk) => chunk.turn >= first && chunk.turn < end && chunk.from < to && from < chunk.to)
      .map(({ index }) => pieces[index]![cu]!);
  }

  private chunkPieces({ output, chunks }: FlowItem, cu: number): Piece[] {
    const pieces = this.held.get(output.id)!;
    return chunks.map(({ index }: Chunk) => pieces[index]![cu]!);
  }

  /** How many units of an item a CU has. */
  private countOf({ output, turns: [first, end] }: FlowItem, cu: number): number {
    const shares = Array.from({ length: end - first }, (_, i) => shareOf(output, first + i, cu, this.context.cus));
    return shares.reduce((sum, share) => sum + share.end - share.first, 0);
  }

  private emitMac(item: FlowItem, member: FlowMember, source: Source): void {
    const { context } = this;
    const { stage, input, output } = member;
    const work = stage.mac!;
    const link = this.job.plan.links[item.member]!;
    const block = link.blocks[item.block]!;
    const group = this.group(item, member, source);
    const read = stage.inputChannelOffset + block.inputChannel;
    for (let cu = 0; cu < context.cus; cu++) {
      const count = this.countOf(item, cu);
      if (count === 0) continue;
      const flat = { inHeight: 1, inWidth: count, outHeight: 1, outWidth: count };
      const low = input.word + read;
      const words = work.depthwise ? block.channels : work.tapWords;
      addMacTask(
        context,
        {
          cu,
          geometry: { ...work.geometry, ...flat },
          ring: { base: this.baseOf(item.input, item.turns[0], cu), words: count * input.pitch },
          origin: 0,
          pixelPitch: input.pitch,
          channelOffset: low,
          tapWords: work.tapWords,
          depthwise: work.depthwise,
          lanes: link.lanes,
          weightsLine: group.line,
          clamp: work.clamp,
          raster: { y: 0, x: 0, x0: 0, width: count, count },
          output: {
            outBase: this.baseOf(item.output, item.turns[0], cu) + output.word + block.channel,
            outRing: 0,
            outOffset: 0,
            outRowStep: count * output.pitch,
            outColStep: output.pitch,
          },
          targets: 1 << cu,
          channels: block.channels,
        },
        source,
        [...this.piecesOf(item.input, item.turns, low, low + words, cu), ...group.pieces],
        this.chunkPieces(item, cu),
      );
    }
  }

  /** A block's weights: those in the ring, as long as nothing has taken their place. */
  private group(item: FlowItem, { stage }: FlowMember, source: Source): WeightsGroup {
    const { context, job } = this;
    const { weights, address } = job.constants[item.member]!;
    const { groupLines, parts, blocks } = job.plan.links[item.member]!;
    const packed = weights!.blocks[item.block]!;
    if (stage.weights === undefined) return loadGroup(context, packed, address!, groupLines, parts, 0, source);
    const view = viewTensor(context.stages, context.layout, stage.weights, job.frame);
    const load = () => loadActivationGroup(context, packed, address!, blocks[item.block]!, view, groupLines - 1, parts, job.frame, source);
    // What other flows and frames make is loaded anew.
    return context.keepGroup(`${job.frame} ${item.member} ${item.block} of ${job.constants[0]!.layer}`, 0, load);
  }

  private emitVec(item: FlowItem, member: FlowMember, source: Source): void {
    const { context } = this;
    const { stage, input, output, other } = member;
    const { vec } = stage;
    const [low, high] = item.channels;
    const words = high - low;
    for (let cu = 0; cu < context.cus; cu++) {
      const count = this.countOf(item, cu);
      if (count === 0) continue;
      const writes = this.chunkPieces(item, cu);
      const at = (segment: Segment, place: Place) => ({
        base: this.baseOf(segment, item.turns[0], cu) + place.word + low,
        pitch: place.pitch,
      });
      const out = at(item.output, output);
      // Behind MACs in place.
      const from = stage.mac ? out : at(item.input, input);
      const reads = stage.mac ? writes : this.piecesOf(item.input, item.turns, input.word, input.word + input.words, cu);
      if (vec?.op === 'max') {
        const geometry = { ...vec.geometry, inHeight: count, outHeight: count };
        const ring = { base: from.base, words: count * input.pitch };
        const rows = { ring, origin: 0, pitch: input.columnPitch, rowWords: input.pitch };
        const channels = input.words - (input.columns - 1) * input.columnPitch;
        emitMax(context, { ...vec, geometry }, cu, rows, out, { first: 0, end: count }, channels, reads, writes, source);
        continue;
      }
      vecWorks(stage).forEach((work, i) => {
        const [place, pieces] = i === 0 ? [from, reads] : [out, writes];
        const looked = isLookUp(work) ? [loadTable(context, this.job.constants[item.member]!.tableAddress, source)[cu]!] : [];
        if (work.op === 'table') emitTable(context, work, cu, place, out, count, words, [...pieces, ...looked], writes, source);
        if (!isPairWork(work)) return;
        const second = at(item.other!, other!);
        const others = this.piecesOf(item.other!, item.turns, other!.word + low, other!.word + high, cu);
        emitPair(context, work, cu, place, second, out, count, words, [...pieces, ...others, ...looked], writes, source);
      });
    }
  }

  /** The results of an item's member on its turns. */
  private store({ output: segment, turns: [first, end], member: at }: FlowItem, { output }: FlowMember, source: Source): void {
    const { context, job } = this;
    const { output: view } = job.constants[at]!;
    for (let turn = first; turn < end; turn++) {
      for (let cu = 0; cu < context.cus; cu++) {
        const share = shareOf(segment, turn, cu, context.cus);
        if (share.first === share.end) continue;
        const base = this.baseOf(segment, turn, cu) + output.word;
        const own = segment.first - output.first;
        const run = { first: own + share.first, end: own + share.end, channel: 0, words: output.words, cu, base, pitch: output.pitch };
        const reads = this.piecesOf(segment, [turn, turn + 1], output.word, output.word + output.words, cu);
        context.storePixels(view, job.frame, run, source, reads);
      }
    }
  }
}

/** The member and turns of an item. */
function keyOf({ member, output, turns }: FlowItem): string {
  return `${member} ${output.id} ${turns[0]}`;
}

/** A CU's units of a turn, counted in the segment. */
function shareOf({ turns }: Segment, turn: number, cu: number, cus: number): { readonly first: number; readonly end: number } {
  const before = turns.slice(0, turn).reduce((sum, count) => sum + count, 0);
  const cut = (c: number): number => Math.floor((turns[turn]! * c) / cus);
  return { first: before + cut(cu), end: before + cut(cu + 1) };
}
