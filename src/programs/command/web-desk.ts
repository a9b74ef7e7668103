import type { Command } from 'commander';
import { toHex } from '../../base/index.ts';
import { type Fleet, forEachHost, type KnownKeys, type OrderTrace } from '../../fleet/index.ts';
import type { KeyStore } from '../../ports/index.ts';
import type { Order } from '../../protocol/index.ts';
import type { Keyring } from '../../security/index.ts';
import type { ShowOptions } from '../../show/index.ts';
import type { OwnKey, RunWatch, Sure } from '../../web/index.ts';
import type { Context } from './context.ts';
import { endOf, faultOf, leftOf, progressText } from './web-ends.ts';

/** Each has its words, its progress and its receipt on one page. */
export const MOST_HOSTS = 64;
/** What orders of the page are given with. */
export interface DeskParts {
  readonly context: Context;
  readonly program: Command;
  readonly fleet: Fleet;
  readonly signer: Awaited<ReturnType<Context['signer']>>;
  readonly tenant: string;
  readonly people: Keyring;
  readonly keys: KnownKeys;
  /** Hosts that this page shows. */
  readonly hosts: Pick<ReadonlySet<string>, 'has'>;
  /** All hosts of the configuration. */
  readonly devices: ReadonlySet<string>;
  /** Ids of orders, hexadecimal, of which receipts are kept, as the command keeps those of its orders. */
  readonly kept: Set<string>;
}

/** The hosts's name for one, their number for several: typed, it is no slip. */
export function sureOf(hosts: readonly string[], grave: boolean): Sure {
  if (!grave) return { is: 'press' };
  const [only = ''] = hosts;
  if (hosts.length === 1) return { is: 'type', word: only, says: 'the name of the host' };
  return { is: 'type', word: `${hosts.length} hosts`, says: 'how many hosts' };
}

export function ownKey(key: KeyStore, people: Keyring): OwnKey {
  const { keyId } = key.publicKey;
  const me = people.lookup(keyId);
  return {
    key: toHex(keyId),
    ...(me === undefined ? {} : { name: me.name, person: me.person, role: me.role }),
  };
}

export interface SignedOrder {
  readonly order: Order;
  readonly packet: Uint8Array;
  readonly trace?: OrderTrace | undefined;
}

/** Sends what is signed, and follows each order to its end. */
export async function sendAll(
  { fleet, context, keys, kept }: DeskParts,
  signed: ReadonlyMap<string, SignedOrder>,
  show: ShowOptions,
  watch: RunWatch,
  signal: AbortSignal,
): Promise<void> {
  await forEachHost([...signed.keys()], async (host) => {
    const { order, packet, trace } = signed.get(host)!;
    const id = toHex(order.id);
    kept.add(id);
    let sent = false;
    try {
      const run = await fleet.send(order, packet, { signal, timing: context.timing }, trace);
      sent = true;
      for await (const event of run.events()) watch.progress(host, progressText(event));
      const { end, receipt } = endOf({ host, verb: order.verb, packet }, await run.outcome, keys, show);
      watch.ended(end, receipt);
    } catch (error) {
      watch.ended(sent ? leftOf(host) : faultOf(host, error), undefined);
    } finally {
      kept.delete(id);
    }
  });
}
