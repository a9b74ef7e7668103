import { join } from 'node:path';
import { readOrderText } from '../adapters/order-file.ts';
import { UsedTokens } from '../adapters/used-tokens.ts';
import { NsError, REFUSALS, toHex } from '../base/index.ts';
import { foldHosts, LARGEST_ARMOURED, readTokenFile } from '../fleet/index.ts';
import type { Order } from '../protocol/index.ts';
import {
  type Destruction,
  foldPerson,
  Keyring,
  type KeyringEntry,
  type TokenDraft,
} from '../security/index.ts';

/** Whose tokens are believed, and where it is noted which are used. */
export interface TokenPlace {
  readonly people: readonly KeyringEntry[];
  readonly tenant: string;
  /** Directory of the receipts. */
  readonly receipts: string;
}

/** Tokens for the orders of one command, one for each host. */
export interface HeldTokens {
  /** By host, the one that is given first. */
  readonly first: ReadonlyMap<string, TokenDraft>;
  /** The token of this order, which no other order gets from now on. NS_NEEDS_TOKEN, NS_ORDER_INVALID. */
  readonly give: (order: Order) => Promise<Uint8Array>;
  /** After an order that its device did not take. */
  readonly release: (order: Uint8Array) => Promise<void>;
}

export function needsToken(why: string): NsError {
  const { sentence } = REFUSALS.NEEDS_TOKEN;
  return new NsError('NS_NEEDS_TOKEN', `${sentence} ${why}`, { family: 'caller' });
}

/** The tokens of a file that the governor has signed. NS_NEEDS_TOKEN where there is not one for each host, NS_TOKEN_FILE. */
export async function readTokens(
  place: TokenPlace,
  kind: Destruction,
  hosts: readonly string[],
  path: string,
): Promise<HeldTokens> {
  return holdTokens(place, kind, hosts, { name: path, text: await readOrderText(path, LARGEST_ARMOURED) });
}

/** The same with the text of such a file. */
export async function holdTokens(
  place: TokenPlace,
  kind: Destruction,
  hosts: readonly string[],
  { name, text }: { readonly name: string; readonly text: string },
): Promise<HeldTokens> {
  const { people, tenant, receipts } = place;
  const keyring = new Keyring(people);
  const tokens = readTokenFile(text, keyring, tenant);
  const used = new UsedTokens(join(receipts, '.tokens-used'));
  const free = new Map<string, TokenDraft[]>();
  const short: string[] = [];
  const gone: string[] = [];
  for (const host of hosts) {
    const fit: TokenDraft[] = [];
    for (const token of tokens) {
      if (token.device !== host || token.for !== kind) continue;
      const by = await used.takenBy(token.packet);
      if (by === undefined) fit.push(token);
      else gone.push(`number ${token.n} was used by the order ${by || 'of which the note is damaged'}`);
    }
    if (fit.length === 0) short.push(host);
    free.set(host, fit);
  }
  if (short.length > 0) {
    const why = gone.length === 0 ? '' : ` (${gone.slice(0, 3).join('; ')})`;
    throw needsToken(
      `${name} has none for ${kind} that is left for ${foldHosts(short)}${why}, so nothing was sent.`,
    );
  }
  const taken = new Map<string, TokenDraft>();
  return {
    first: new Map(hosts.map((host) => [host, free.get(host)![0]!])),
    give: async (order) => {
      const id = toHex(order.id);
      for (const token of free.get(order.aud.name) ?? []) {
        checkApart(token, order, keyring);
        if (!(await used.take(token.packet, id))) continue;
        taken.set(id, token);
        return token.packet;
      }
      throw needsToken(`Another program took the last one for ${order.aud.name} meanwhile.`);
    },
    release: async (order) => {
      const token = taken.get(toHex(order));
      if (token !== undefined) await used.release(token.packet, toHex(order));
    },
  };
}

/** The devices refuse it too: whoever gives the order is not also who says how many there may be. NS_ORDER_INVALID. */
export function checkApart({ governor }: TokenDraft, order: Order, people: Keyring): void {
  const issuer = people.lookup(order.iss);
  if (governor === undefined || issuer === undefined) return;
  if (foldPerson(governor.person) !== foldPerson(issuer.person)) return;
  throw new NsError(
    'NS_ORDER_INVALID',
    `${issuer.person} has signed the token, and cannot sign the order too`,
    {
      family: 'caller',
    },
  );
}
