/**
 * Tiles of a program: the parts of a layer by the source map, for accounts that are finer than layers.
 * Specification: docs/microarchitecture.md, section 10 ("Which layer").
 */
import type { Program } from '../../program/program.ts';
import { mapInstructionsToLayers } from './descriptor-table.ts';

/** The cells of an account: every instruction belongs to one cell, every cell to one layer. */
export interface Cells {
  /** Cell of each instruction. */
  readonly of: Int32Array;
  /** Layer of each cell. */
  readonly layer: Int32Array;
  /** Name of each cell within its layer. */
  readonly names: readonly string[];
}

/** One cell a layer: what an account needs when nobody asks for tiles. */
export function layersAsCells(layerOf: Int32Array, layers: number): Cells {
  return { of: layerOf, layer: Int32Array.from({ length: layers }, (_, i) => i), names: [] };
}

/**
 * One cell for each tile of the source map, in the order of the layers and of each tile's first instruction. A tile whose instructions lie
 * apart (tiles of two layers in turn) is one cell. Instructions without a layer belong to the layer that mapInstructionsToLayers gives them.
 */
export function tilesAsCells(program: Program): Cells {
  const layerOf = mapInstructionsToLayers(program);
  const found = new Map<string, { layer: number; name: string; first: number }>();
  const keys: string[] = [];
  for (const span of program.sourceMap) {
    const layer = layerOf[span.first];
    const name = span.tile;
    const key = `${layer}/${name}`;
    if (!found.has(key)) found.set(key, { layer, name, first: span.first });
    keys.push(key);
  }
  if (found.size === 0) {
    const cells = layersAsCells(layerOf, Math.max(1, program.layers.length));
    return { ...cells, names: Array.from(cells.layer, () => '') };
  }
  const sorted = [...found].sort(([, a], [, b]) => a.layer - b.layer || a.first - b.first);
  const numberOf = new Map(sorted.map(([key], cell) => [key, cell]));
  const of = new Int32Array(program.instructions.length);
  for (const [i, { first, end }] of program.sourceMap.entries()) of.fill(numberOf.get(keys[i])!, first, end);
  return { of, layer: Int32Array.from(sorted, ([, { layer }]) => layer), names: sorted.map(([, { name }]) => name) };
}
