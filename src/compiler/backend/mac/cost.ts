/**
 * What a plan costs: one price of a byte for stages alone, chains, relays and bands, so that they can be compared. Specification: docs/compiler.md, "Price of a byte".
 */
import type { Machine } from '../../../machine/machine.ts';

/** What every plan is weighed by. */
export interface PlanCost {
  readonly cycles: number;
  readonly bytes: number;
}

/** Of a byte's transfer time: bandwidth that others could use while units work, and that prediction does not see them waiting for. */
const BYTE_PRICE = 0.4;

/** What every search minimises, in cycles. */
export function costOf({ cycles, bytes }: PlanCost, machine: Machine): number {
  return cycles + (BYTE_PRICE * bytes * machine.clockHz) / machine.dram.bytesPerSecond;
}

/** The cheapest plan of some that are made, the first of equals; undefined when none fits. */
export class Cheapest<P extends PlanCost> {
  private readonly machine: Machine;
  plan: P | undefined;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** Is it one? */
  readonly consider = (plan: P | undefined): boolean => {
    if (plan && (!this.plan || costOf(plan, this.machine) < costOf(this.plan, this.machine))) this.plan = plan;
    return plan !== undefined;
  };
}
