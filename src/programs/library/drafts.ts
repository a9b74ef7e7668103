import { systemEntropy } from '../../adapters/entropy.ts';
import { openLocalFile } from '../../adapters/operator-files.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { equalBytes, milliseconds, NsError, toHex } from '../../base/index.ts';
import {
  checkComplete,
  cosignDrafts,
  decodeOrderFile,
  encodeOrderFile,
  forEachHost,
  peopleOf,
  readOrderFile,
  showDrafts,
  signDrafts,
  wordsOf,
} from '../../fleet/index.ts';
import type { ArgsOf, Order, Verb } from '../../protocol/index.ts';
import { isLasting, type Draft as Judged, Keyring, needsTwoPeople } from '../../security/index.ts';
import { clean } from '../../show/index.ts';
import { tokensOf } from './desk.ts';
import { common, ended, follow, type Hosts, launch } from './give.ts';
import { type OrderControl, timingIn } from './options.ts';
import type { Run } from './run.ts';
import { hostsOf, type Site, stopOf } from './site.ts';

export interface SignOptions extends OrderControl {
  /** File with the tokens of the budget, for what destroys something. */
  readonly tokens?: string | undefined;
  /** Time for the second person to be found; 24 hours where absent, 7 days at most. */
  readonly validForMs?: number | undefined;
  /** Only if the effect has this hash. */
  readonly approve?: Uint8Array | undefined;
}

export interface SendOptions extends OrderControl {
  /** The file that orders for a put were signed for. */
  readonly file?: string | undefined;
  /** Stay until a staged order has ended; else that it is staged is its outcome. */
  readonly untilEnded?: boolean | undefined;
}

/** A signature under an order; without a name where the key is not known here, and nothing can be said. */
export interface DraftSignature {
  /** Id of the key, as hexadecimal digits. */
  readonly key: string;
  readonly name?: string;
  readonly person?: string;
  readonly role?: string;
}

export interface DraftedOrder {
  readonly host: string;
  readonly verb: Verb;
  readonly id: string;
  /** What it does, what it destroys first. */
  readonly words: string;
  readonly signatures: readonly DraftSignature[];
  /** How many different people have signed. */
  readonly people: number;
  readonly validUntil: Date | undefined;
}

/** Orders for two people, on their way from one to the other. `text` is what goes there; the command reads it too. */
export interface OrderDraft {
  readonly text: string;
  readonly orders: readonly DraftedOrder[];
  /** Exactly what is signed, in the command's words, for whoever is to sign it. */
  readonly lines: readonly string[];
}

const DAY_MS = 86_400_000;
const LONGEST_MS = 7 * DAY_MS;

function refuse(code: `NS_${string}`, sentence: string): NsError {
  return new NsError(code, sentence, { family: 'caller' });
}

function judge(
  { setup: { config } }: Site,
  text: string,
): { readonly drafts: readonly Judged[]; readonly people: Keyring } {
  const people = new Keyring(config.people);
  const file = decodeOrderFile(text);
  const drafts = readOrderFile(file, people);
  if (file.tenant === config.tenant) return { drafts, people };
  throw refuse(
    'NS_ORDER_FILE',
    `the orders are for the tenant "${file.tenant}", and yours is "${config.tenant}"`,
  );
}

function draftOf(
  { setup: { config } }: Site,
  text: string,
  drafts: readonly Judged[],
  people: Keyring,
): OrderDraft {
  const view = { now: systemClock.wallSeconds(), hosts: new Set(config.devices.keys()), people };
  return {
    text,
    orders: drafts.map((draft) => ({
      host: draft.order.aud.name,
      verb: draft.order.verb,
      id: toHex(draft.order.id),
      words: clean(wordsOf(draft.order)),
      signatures: draft.signatures.map(({ keyId, signer }) => ({
        key: toHex(keyId),
        ...(signer === undefined ? {} : { name: signer.name, person: signer.person, role: signer.role }),
      })),
      people: peopleOf(draft),
      validUntil: draft.order.exp === undefined ? undefined : new Date(draft.order.exp * 1000),
    })),
    lines: showDrafts(config.tenant, drafts, view).map(clean),
  };
}

/** NS_ORDER_FILE. */
export function showDraft(site: Site, text: string): OrderDraft {
  const { drafts, people } = judge(site, text);
  return draftOf(site, text, drafts, people);
}

async function noncesOf(
  site: Site,
  hosts: readonly string[],
  o: SignOptions,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const { signal, release } = stopOf(site, o.signal);
  const timing = timingIn(o);
  try {
    const ask = async (host: string) => [host, await site.engine.nonce(host, { signal, timing })] as const;
    return new Map(await forEachHost(hosts, ask, site.atOnce));
  } finally {
    release();
  }
}

export async function signFor<V extends Verb>(
  site: Site,
  hosts: Hosts,
  verb: V,
  args: ArgsOf<V>,
  o: SignOptions,
): Promise<OrderDraft> {
  const validFor = milliseconds(o.validForMs ?? DAY_MS);
  if (!(validFor > 0 && validFor <= LONGEST_MS))
    throw refuse('NS_USAGE', 'an order is valid for 7 days at most');
  const order = { verb, args } as Pick<Order, 'verb' | 'args'>;
  if (!needsTwoPeople(order)) {
    throw refuse('NS_USAGE', `${wordsOf(order)}: one person gives that, without "sign"`);
  }
  const names = hostsOf(site, hosts, o.allBut);
  const tokens = await tokensOf(site, order, names, o.tokens);
  const { tenant } = site.setup.config;
  const signer = await site.signer();
  const nonces = o.fresh === true && !isLasting(order) ? await noncesOf(site, names, o) : undefined;
  const writer = { ...signer, tenant, entropy: systemEntropy, now: systemClock.wallSeconds() };
  const wish = { order, effect: o.approve, validFor, nonces, tokens };
  const packets = await signDrafts(writer, names, wish);
  return showDraft(site, encodeOrderFile({ tenant, packets }));
}

/** NS_ORDER_FILE, NS_ORDER_STRANGER, NS_ORDER_INVALID. */
export async function cosign(site: Site, text: string): Promise<OrderDraft> {
  const { drafts, people } = judge(site, text);
  const { tenant } = site.setup.config;
  const { key } = await site.signer();
  const packets = await cosignDrafts(drafts, key, { people, tenant });
  return showDraft(site, encodeOrderFile({ tenant, packets }));
}

export function sendDrafts(site: Site, text: string, o: SendOptions): Run<unknown> {
  const { drafts } = judge(site, text);
  checkComplete(drafts, site.setup.config.devices);
  const byHost = new Map(drafts.map((draft) => [draft.order.aud.name, draft]));
  const puts = drafts.flatMap(({ order }) => (order.verb === 'file.download' ? [order.args] : []));
  if (puts.length > 0 && o.file === undefined)
    throw refuse('NS_USAGE', 'these orders put a file: name it with "file"');
  const [first] = drafts;
  if (first === undefined) throw refuse('NS_ORDER_FILE', 'there are no orders in it');
  const staged = drafts.flatMap(({ order: { args } }) => ('stage' in args ? [args] : []))[0];
  const shared = common(site, [...byHost.keys()], o, first.order.verb, async () => first.order, staged);
  let opening: ReturnType<typeof openLocalFile> | undefined;
  const fileFor = async (path: string) => {
    opening ??= openLocalFile(path, shared.stop.signal);
    const file = await opening;
    if (puts.every(({ size, sha256 }) => size === file.size && equalBytes(sha256, file.sha256))) return file;
    throw refuse(
      'NS_ORDER_INVALID',
      `the orders were signed for another file than ${path}; nothing was sent`,
    );
  };
  const run = launch<unknown>(site, shared.hosts, o, shared.stop, async (host, tell) => {
    const { order, packet } = byHost.get(host)!;
    if (order.verb === 'file.download' && o.file !== undefined) {
      const file = await fileFor(o.file);
      const sent = await site.engine.sendPut(order, packet, file, { ...shared.options, ...tell });
      return ended(site, host, order.verb, sent.outcome, (result) => result, sent.fault);
    }
    const outcome = await follow(await site.engine.send(order, packet, shared.options), tell);
    return ended(site, host, order.verb, outcome, (result) => result);
  });
  const close = async (): Promise<void> => (await opening)?.close();
  run.then(close, close).catch(() => undefined);
  return run;
}
