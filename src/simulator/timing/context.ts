/** What the units of one timing run share. */
import type { Machine } from '../../machine/machine.ts';
import type { Account } from './account.ts';
import type { Clock } from './clock.ts';
import type { DescriptorTable } from './descriptor-table.ts';
import type { Tokens } from './tokens.ts';

export interface Context {
  readonly machine: Machine;
  readonly clock: Clock;
  readonly table: DescriptorTable;
  readonly tokens: Tokens;
  readonly account: Account;
}
