/**
 * What each unit knows of the others' progress: vector clocks that tokens carry. Specification: docs/microarchitecture.md, sections 1 and 9.
 *
 * Two time lines per unit: how many of its descriptors have finished reading, and how many have finished writing. A unit works in order: its n-th
 * read (write) token says that all its descriptors up to that one have finished reading (writing); a write token says both. A token also carries
 * what its producer knew when the descriptor started.
 */
import { UNIT_ID_COUNT } from '../../isa/fields.ts';

/** An access by descriptor `serial` (1, 2, … per unit) of a unit, packed into one number. */
export type AccessEvent = number;

const UNIT_BITS = 5;
/** Memory that nothing has written. */
export const NEVER: AccessEvent = -1;
/** Written by the host before the program started. */
export const HOST: AccessEvent = 31;

/** The access of the descriptor with this serial, 1 on. */
export function packEvent(unit: number, serial: number): AccessEvent {
  return serial * 2 ** UNIT_BITS + unit;
}

/** Unit id of an access; 31 for HOST. */
export function eventUnit(event: AccessEvent): number {
  return event & 31;
}

/** Serial of the descriptor among those of its unit. */
export function eventSerial(event: AccessEvent): number {
  return event >>> UNIT_BITS;
}

/** What a token carries. */
export interface TokenKnowledge {
  readonly unit: number;
  readonly serial: number;
  readonly write: boolean;
  /** The producer's clock when the descriptor started: reads by unit, then writes by unit. */
  readonly clock: Int32Array;
}

/** Vector clocks of all units: what each knows to be finished when its current descriptor started. */
export class ExecutionOrder {
  private readonly clocks = Array.from({ length: UNIT_ID_COUNT }, () => new Int32Array(2 * UNIT_ID_COUNT));
  private readonly serials = new Int32Array(UNIT_ID_COUNT);

  /** The next descriptor of a unit starts with these tokens. @returns its serial. */
  begin(unit: number, tokens: readonly TokenKnowledge[]): number {
    const clock = this.clocks[unit];
    for (const token of tokens) {
      for (let i = 0; i < clock.length; i++) if (token.clock[i] > clock[i]) clock[i] = token.clock[i];
      if (token.serial > clock[token.unit]) clock[token.unit] = token.serial;
      if (token.write && token.serial > clock[UNIT_ID_COUNT + token.unit]) clock[UNIT_ID_COUNT + token.unit] = token.serial;
    }
    return ++this.serials[unit];
  }

  /** The tokens that the descriptor which `begin` started gives. */
  signal(unit: number, write: boolean, clock: Int32Array): TokenKnowledge {
    return { unit, serial: this.serials[unit], write, clock };
  }

  /** Copy of a unit's clock, for its tokens. */
  snapshot(unit: number): Int32Array {
    return this.clocks[unit].slice();
  }

  /** True when the unit's current descriptor started after that write was finished. */
  knowsWrite(unit: number, event: AccessEvent): boolean {
    return event === HOST || this.clocks[unit][UNIT_ID_COUNT + (event & 31)] >= event >>> UNIT_BITS;
  }

  /** True when the unit's current descriptor started after descriptor `serial` of `reader` had read everything. */
  knowsRead(unit: number, reader: number, serial: number): boolean {
    return this.clocks[unit][reader] >= serial;
  }
}
