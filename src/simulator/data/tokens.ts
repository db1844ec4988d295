/** The token counters of one cluster. Specification: docs/microarchitecture.md, section 1. Twin: sf_tokens.sv. */
import { UNIT_ID_COUNT } from '../../isa/fields.ts';
import type { TokenKnowledge } from './order.ts';

export type TokenKind = 'read' | 'write';

/** Tokens that were signalled and never taken. */
export interface LeftoverTokens {
  readonly from: number;
  readonly to: number;
  readonly kind: TokenKind;
  readonly count: number;
}

/** Counters as queues: the n-th token taken is the n-th signalled, with what its producer knew (undefined when order is not tracked). */
export class TokenCounters {
  private readonly queues: Readonly<Record<TokenKind, (TokenKnowledge | undefined)[][]>> = { read: emptyQueues(), write: emptyQueues() };

  has(kind: TokenKind, from: number, to: number): boolean {
    return this.queues[kind][from * UNIT_ID_COUNT + to].length > 0;
  }

  /** Requires a token there. */
  take(kind: TokenKind, from: number, to: number): TokenKnowledge | undefined {
    return this.queues[kind][from * UNIT_ID_COUNT + to].shift();
  }

  /** @returns the new count. */
  give(kind: TokenKind, from: number, to: number, knowledge: TokenKnowledge | undefined): number {
    return this.queues[kind][from * UNIT_ID_COUNT + to].push(knowledge);
  }

  leftovers(): LeftoverTokens[] {
    const found: LeftoverTokens[] = [];
    for (const kind of ['read', 'write'] as const) {
      for (const [index, queue] of this.queues[kind].entries()) {
        if (queue.length > 0) found.push({ from: Math.floor(index / UNIT_ID_COUNT), to: index % UNIT_ID_COUNT, kind, count: queue.length });
      }
    }
    return found;
  }
}

function emptyQueues(): (TokenKnowledge | undefined)[][] {
  return Array.from({ length: UNIT_ID_COUNT * UNIT_ID_COUNT }, () => []);
}
