/**
 * One dispatched descriptor: what the control core's GO sends to a unit, in program order. Both engines (data and timing) consume lists of
 * these. Specification: docs/microarchitecture.md, sections 1 and 8; made by `traceCore` (src/isa/core.ts).
 */
import type { Dispatch } from '../isa/core.ts';
import type { UnitKind } from '../isa/fields.ts';

export type { Dispatch } from '../isa/core.ts';

/** The dispatches of one unit kind. */
export type DispatchOf<K extends UnitKind> = Extract<Dispatch, { kind: K }>;
