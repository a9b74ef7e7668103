import type { OrderOutcome, PutArgs, TransferOptions } from '../../src/fleet/index.ts';
import type { KeyStore } from '../../src/ports/index.ts';
import type { ArgsOf, Order, Verb } from '../../src/protocol/index.ts';
import type { MemorySink } from './fleet-bench.ts';

/** Gives the token that a destructive order takes with it; undefined: none. */
export type Tokens = (order: Order) => Promise<Uint8Array | undefined>;

export interface GiveOptions {
  readonly key?: KeyStore;
  /** Who signs an order for two people beside the key; the other officer where absent. */
  readonly cosigners?: readonly KeyStore[];
  readonly effect?: Uint8Array;
  /** By which the key has its right, where somebody passed it on. */
  readonly grants?: readonly Uint8Array[];
  /** Of the kit's governor where absent. */
  readonly tokens?: Tokens;
}

type Watching = Pick<TransferOptions, 'onEvent' | 'onProgress' | 'effect'>;
export type PutOptions = Omit<PutArgs, 'path'> & Watching & Pick<GiveOptions, 'tokens'>;
export type GetOptions = Omit<ArgsOf<'file.upload'>, 'path'> & Watching & { readonly sink?: MemorySink };

/** How an order ended, flat: what tests ask for. */
export interface Ended<V extends Verb> {
  /** The receipt's outcome, or how there came none. */
  readonly outcome: string;
  /** Of the refusal or failure. */
  readonly code: string | undefined;
  readonly sentence: string | undefined;
  readonly remedy: string | undefined;
  readonly result: (OrderOutcome<V> & { is: 'receipt' })['result'];
  readonly power: readonly { readonly state: string }[];
}

export interface Got extends Ended<'file.upload'> {
  readonly sink: MemorySink;
  readonly fault: string | undefined;
  readonly resumedAt: number | undefined;
}

export function endOf<V extends Verb>(outcome: OrderOutcome<V>): Ended<V> {
  const nothing = { sentence: undefined, remedy: undefined, result: undefined, power: [] };
  if (outcome.is === 'rejected') return { ...nothing, outcome: 'rejected', ...outcome.refusal };
  if (outcome.is !== 'receipt') return { ...nothing, outcome: outcome.is, code: undefined };
  const { receipt, result } = outcome;
  return {
    outcome: receipt.outcome,
    code: receipt.refusal?.code ?? receipt.failure?.code,
    sentence: receipt.refusal?.sentence ?? receipt.failure?.sentence,
    remedy: receipt.refusal?.remedy ?? receipt.failure?.remedy,
    result,
    power: receipt.power,
  };
}
