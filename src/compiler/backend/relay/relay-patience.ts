/**
 * What is worth trying for a run of stages: where shorter runs with the same beginning found no plan of a kind, longer ones find none either, as they have more to hold.
 * Specification: docs/compiler.md, "Relays".
 */

/** A kind of plan is given up when it has failed for more than so many runs, one longer than the other. */
export const PATIENCE = 2;

/** Kinds of plans of runs with one beginning, by how often they failed since they last fitted. */
export class Patience {
  private readonly failed = new Map<string, number>();

  /** Does a search for plans of a kind find some? Not tried where that is hopeless. */
  tries(kind: string, search: () => boolean): boolean {
    const failed = this.failed.get(kind) ?? 0;
    if (failed > PATIENCE) return false;
    const isFound = search();
    this.failed.set(kind, isFound ? 0 : failed + 1);
    return isFound;
  }
}
