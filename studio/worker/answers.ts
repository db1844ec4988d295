/** The answers of an opened network, by the name of the question. */

import { descriptorOf, findToken, peek, seek } from './machine.ts';
import type { CallName, Calls } from './protocol.ts';
import { runOnce } from './run-once.ts';
import type { Session } from './session.ts';

type Answer<M extends CallName> = (session: Session, argument: Calls[M]['argument']) => Promise<Calls[M]['value']> | Calls[M]['value'];

const ANSWERS: { readonly [M in CallName]: Answer<M> } = {
  export: async ({ timer }, { kind }) => timer.export(kind),
  run: runOnce,
  seek,
  peek,
  findToken,
  descriptor: descriptorOf,
};

export async function answer(
  session: Session,
  method: CallName,
  argument: unknown,
): Promise<{ readonly value: unknown; readonly transfer: Transferable[] }> {
  const value = await (ANSWERS[method] as Answer<CallName>)(session, argument as never);
  return { value, transfer: [] };
}
