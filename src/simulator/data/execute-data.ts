/** Runs a whole program on the data engine. Specification: docs/microarchitecture.md, sections 1 and 8. */
import { UNIT_ID_COUNT } from '../../isa/fields.ts';
import type { Program } from '../../program/program.ts';
import { createRandom } from '../../util/random.ts';
import type { Dispatch } from '../dispatch.ts';
import { DataEngine, type DataEngineOptions } from './engine.ts';
import type { LeftoverTokens } from './tokens.ts';

/** Options of the data engine. */
export interface DataOptions extends DataEngineOptions {
  /** Chooses at random among all that could happen next, instead of a fixed order: the result must not depend on it. */
  readonly seed?: number;
  /** Called after each descriptor. */
  readonly onExecuted?: (dispatch: Dispatch) => void;
}

/** What the data engine leaves behind. */
export interface DataResult {
  /** DRAM after the program: `program.dramWords` words, those of the image that was given. */
  readonly dram: Int16Array;
  /** Descriptors executed. */
  readonly executed: number;
  /** Tokens nobody took: harmless once, wrong when the program runs again without a reset. */
  readonly leftoverTokens: readonly LeftoverTokens[];
}

/**
 * Executes the dispatches of a program (`traceCore`) in an order that queues and tokens allow.
 * @throws JobError naming unit, instruction and cause: wrong descriptor, address outside, read before write, race, token overflow, deadlock.
 */
export function executeData(program: Program, dispatches: readonly Dispatch[], options: DataOptions = {}): DataResult {
  const engine = new DataEngine(program, options);
  const random = options.seed === undefined ? undefined : createRandom(options.seed);
  let next = 0;
  const report = (dispatch: Dispatch): void => options.onExecuted?.(dispatch);
  while (next < dispatches.length || !engine.isIdle) {
    const pending: Dispatch | undefined = dispatches[next];
    const canDispatch = pending !== undefined && engine.canDispatch(pending.unitId);
    const units = runnableUnits(engine);
    if (!canDispatch && units.length === 0) throw engine.deadlockError(pending);
    if (random === undefined) {
      for (const unit of units) while (engine.canStep(unit)) report(engine.step(unit));
      while (next < dispatches.length && engine.canDispatch(dispatches[next].unitId)) engine.dispatch(dispatches[next++]);
    } else {
      const pick = random.integer(0, units.length - (canDispatch ? 0 : 1));
      if (pick < units.length) report(engine.step(units[pick]));
      else engine.dispatch(dispatches[next++]);
    }
  }
  return { dram: engine.image.words, executed: engine.executed, leftoverTokens: engine.leftoverTokens() };
}

function runnableUnits(engine: DataEngine): number[] {
  const units: number[] = [];
  for (let unit = 0; unit < UNIT_ID_COUNT; unit++) if (engine.canStep(unit)) units.push(unit);
  return units;
}
