import { NsError, REFUSALS } from '../../base/index.ts';
import type { OrderOptions } from '../../fleet/index.ts';
import { wordsOf } from '../../fleet/index.ts';
import type { KeyStore } from '../../ports/index.ts';
import type { Order } from '../../protocol/index.ts';
import { destructionOf, needsTwoPeople } from '../../security/index.ts';
import { openCosigner, receiptPlace } from '../operator-setup.ts';
import { type HeldTokens, readTokens } from '../tokens-in-file.ts';
import { askPassphrase, type TwoPeople } from './options.ts';
import type { Site } from './site.ts';

/** What goes with each order of a run, once it is known that all of them can have it. */
export interface Desk {
  readonly options: Pick<OrderOptions, 'cosigners' | 'tokens'>;
  /** After an order that its device did not take. */
  readonly release: (order: Uint8Array) => Promise<void>;
}

const NOTHING: Desk = { options: {}, release: async () => undefined };

/** The tokens that a destructive order takes; undefined for any other. NS_NEEDS_TOKEN, before anything is signed. */
export async function tokensOf(
  { setup }: Pick<Site, 'setup'>,
  order: Pick<Order, 'verb' | 'args'>,
  hosts: readonly string[],
  file: string | undefined,
): Promise<HeldTokens | undefined> {
  const kind = destructionOf(order);
  if (kind === undefined) return undefined;
  if (file !== undefined) {
    const { people, tenant } = setup.config;
    return readTokens({ people, tenant, receipts: receiptPlace(setup) }, kind, hosts, file);
  }
  const { sentence } = REFUSALS.NEEDS_TOKEN;
  throw new NsError(
    'NS_NEEDS_TOKEN',
    `${sentence} Nothing was sent; give "tokens", a file of the governor's.`,
    {
      family: 'caller',
    },
  );
}

/** A second key and tokens, where the order takes them; the same checks as the command makes. NS_USAGE, NS_NEEDS_TOKEN. */
export async function deskFor(
  site: Site,
  order: Pick<Order, 'verb' | 'args'>,
  hosts: readonly string[],
  { cosigner, passphrase, tokens: file }: TwoPeople = {},
): Promise<Desk> {
  const two = needsTwoPeople(order);
  if (two && cosigner === undefined) {
    throw new NsError(
      'NS_USAGE',
      `${wordsOf(order)}: that needs two people, so nothing was sent; give "twoPeople", or use sign, cosign and send`,
      { family: 'caller' },
    );
  }
  const tokens = await tokensOf(site, order, hosts, file);
  if (!two && tokens === undefined) return NOTHING;
  const { key } = await site.signer();
  const ask = (path: string): Promise<string> => askPassphrase(passphrase ?? site.passphrase, path);
  const second: KeyStore | undefined =
    cosigner === undefined ? undefined : await openCosigner(cosigner, key, ask);
  return {
    options: {
      ...(second === undefined ? {} : { cosigners: [second] }),
      ...(tokens === undefined ? {} : { tokens: tokens.give }),
    },
    release: async (order) => tokens?.release(order),
  };
}
