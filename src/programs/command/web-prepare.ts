import { setMaxListeners } from 'node:events';
import { systemEntropy } from '../../adapters/entropy.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { asNsError, equalBytes, milliseconds, NsError } from '../../base/index.ts';
import {
  boundFor,
  DEFAULT_TIMING,
  encodeOrderFile,
  forEachHost,
  type OrderTiming,
  type OrderTrace,
  parseWait,
  showOutcome,
  showUnsigned,
  writeOrder,
} from '../../fleet/index.ts';
import { encode, type Order } from '../../protocol/index.ts';
import { destructionOf, draftOrder, needsTwoPeople, signOrder } from '../../security/index.ts';
import { clean, type ShowOptions } from '../../show/index.ts';
import type { PrepareBody, PreparedOrders, RunWatch, Tried } from '../../web/index.ts';
import { checkApart, needsToken, type TokensInHand, tokensInText } from './tokens-in-hand.ts';
import { unread } from './web-commands.ts';
import { type DeskParts, MOST_HOSTS, type SignedOrder, sendAll, sureOf } from './web-desk.ts';
import { openDraft } from './web-drafts.ts';
import { readForm, type WantedOrder } from './web-forms.ts';

/** Time for the second person to be found, as of "nightshift sign". */
const VALID = '24h';
const LONGEST_VALID = milliseconds(7 * 24 * 3_600_000);

function hostsOf(asked: readonly string[], known: DeskParts['hosts']): readonly string[] {
  const hosts = [...new Set(asked)];
  if (hosts.length > MOST_HOSTS) {
    throw unread(`an order of the page is for ${MOST_HOSTS} hosts at most; the command takes more`);
  }
  const stranger = hosts.find((host) => !known.has(host));
  if (stranger !== undefined) throw new NsError('NS_DEVICE_UNKNOWN', `"${stranger}" is not shown here`);
  return hosts;
}

interface TriedDry {
  readonly tried: readonly Tried[];
  readonly effects: ReadonlyMap<string, Uint8Array>;
}

/** Asks each host what it would do. A host that would not, or does not answer, gets no order. */
async function tryDry(
  { fleet, context }: DeskParts,
  dry: NonNullable<WantedOrder['dry']>,
  hosts: readonly string[],
  signal: AbortSignal,
): Promise<TriedDry> {
  const effects = new Map<string, Uint8Array>();
  const tried = await forEachHost(hosts, async (host): Promise<Tried> => {
    try {
      const run = await fleet.order(host, dry.verb, dry.args, { signal, timing: context.timing });
      const outcome = await run.outcome;
      const taken = outcome.is === 'receipt' && outcome.receipt.outcome === 'succeeded';
      const result = outcome.is === 'receipt' ? outcome.result : undefined;
      if (taken && result !== undefined && 'effect' in result) effects.set(host, result.effect.hash);
      return { host, taken, lines: showOutcome(dry.verb, outcome).map(clean) };
    } catch (error) {
      if (signal.aborted) throw error;
      return { host, taken: false, lines: [`not sent: ${clean(asNsError(error).sentence)}`] };
    }
  });
  return { tried, effects };
}

/** The one that all hosts have; undefined where they differ. */
function onlyEffect(
  effects: ReadonlyMap<string, Uint8Array>,
  hosts: readonly string[],
): Uint8Array | undefined {
  const [first = ''] = hosts;
  const effect = effects.get(first);
  const same = hosts.every((host) => equalBytes(effects.get(host) ?? NO_BYTES, effect ?? NO_BYTES));
  return same ? effect : undefined;
}

const NO_BYTES = new Uint8Array();
const NUMBER_LATER = { next: async () => 1 };

interface WrittenOrder {
  readonly order: Order;
  readonly trace: OrderTrace | undefined;
}

/** The orders as they will be signed, but for the counter, which is drawn then: a device takes no old ones. */
async function bodiesOf(
  parts: DeskParts,
  wanted: WantedOrder,
  hosts: readonly string[],
  effects: ReadonlyMap<string, Uint8Array>,
  validFor: OrderTiming['validFor'],
  signal: AbortSignal,
): Promise<readonly WrittenOrder[]> {
  const { context, fleet, signer } = parts;
  const { timing } = context;
  const { verb, args } = wanted.order;
  const two = needsTwoPeople(wanted.order);
  const grants = two ? undefined : signer.grants;
  const writer = { key: signer.key, counter: NUMBER_LATER, entropy: systemEntropy, grants };
  return forEachHost(hosts, async (host) => {
    const nonce = timing.by === 'nonce' ? await fleet.nonce(host, { signal, timing }) : undefined;
    const effect = effects.get(host);
    // A draft is on its way for too long to be one line of a trace.
    const trace = two ? undefined : fleet.beginTrace(host, verb);
    const order = await writeOrder({ ...writer, now: systemClock.wallSeconds() }, host, verb, args, {
      timing: { validFor },
      ...(effect === undefined ? {} : { effect }),
      ...(nonce === undefined ? {} : { bound: boundFor(nonce, validFor) }),
      ...(trace === undefined ? {} : { trace: trace.traceparent }),
    });
    return { order, trace };
  });
}

function validityOf(wanted: WantedOrder): OrderTiming['validFor'] {
  if (!needsTwoPeople(wanted.order)) return DEFAULT_TIMING.validFor;
  const validFor = milliseconds(parseWait(wanted.valid ?? VALID));
  if (validFor > LONGEST_VALID) throw unread('an order is valid for 7 days at most');
  return validFor;
}

/** Before any host is asked. NS_NEEDS_TOKEN where the order takes a token, and none was given. */
function checkTokens({ order }: WantedOrder, text: string | undefined): void {
  const kind = destructionOf(order);
  if (kind === undefined || (text !== undefined && text.trim() !== '')) return;
  throw needsToken(`Nothing was signed. The governor: "nightshift token issue HOSTS --for ${kind} -o FILE".`);
}

/** With the first token of each host in it. NS_NEEDS_TOKEN where there is not one for each. */
async function withTokens(
  { context, people }: DeskParts,
  wanted: WantedOrder,
  bodies: readonly Order[],
  text: string | undefined,
): Promise<{ readonly orders: readonly Order[]; readonly tokens?: TokensInHand }> {
  const kind = destructionOf(wanted.order);
  if (kind === undefined || text === undefined) return { orders: bodies };
  const hosts = bodies.map(({ aud }) => aud.name);
  const tokens = await tokensInText(context, kind, hosts, { name: 'the file of tokens', text });
  const orders = bodies.map((body) => {
    const token = tokens.first.get(body.aud.name)!;
    checkApart(token, body, people);
    return { ...body, token: token.packet };
  });
  return { orders, tokens };
}

function withoutCounter(order: Order): object {
  const { ctr: _drawnLater, ...rest } = order;
  return rest;
}

function sealed(tenant: string, orders: readonly Order[]): Uint8Array {
  return encode({ tenant, orders: orders.map(withoutCounter) }).slice();
}

/** Orders as they will be signed, from what the page asks for. NS_USAGE, NS_NEEDS_TOKEN, NS_NOT_TAKEN where no host would do it. */
export async function prepareOrders(
  parts: DeskParts,
  asked: PrepareBody,
  signal: AbortSignal,
): Promise<PreparedOrders> {
  // Each host that is asked listens to it.
  setMaxListeners(0, signal);
  const wanted = await readForm(parts.program, asked);
  const named = hostsOf(asked.hosts, parts.hosts);
  const { tenant, people, signer } = parts;
  const validFor = validityOf(wanted);
  checkTokens(wanted, asked.tokens);
  const two = needsTwoPeople(wanted.order);
  const { tried, effects } =
    wanted.dry === undefined
      ? { tried: [], effects: new Map<string, Uint8Array>() }
      : await tryDry(parts, wanted.dry, named, signal);
  const staged = 'stage' in wanted.order.args && wanted.order.args.stage !== undefined;
  const dropped = new Set(staged ? [] : tried.filter(({ taken }) => !taken).map(({ host }) => host));
  const hosts = named.filter((host) => !dropped.has(host));
  if (hosts.length === 0) {
    const why = tried.flatMap(({ host, lines }) => [`${host}: ${lines.slice(0, 2).join('; ')}`]).slice(0, 4);
    throw new NsError('NS_NOT_TAKEN', `no host would do it: ${why.join(' | ')}`, { family: 'peer' });
  }
  const written = await bodiesOf(parts, wanted, hosts, effects, validFor, signal);
  const bodies = written.map(({ order }) => order);
  const { orders, tokens } = await withTokens(parts, wanted, bodies, asked.tokens);
  const view = { now: systemClock.wallSeconds(), hosts: parts.devices, people };
  const me = people.lookup(signer.key.publicKey.keyId);
  const words = showUnsigned(tenant, orders, view, me);
  if (two) words.push('still needs: your signature, and that of another person');
  if (staged) words.push(...tried.filter(({ taken }) => !taken).map(({ host }) => `${host}: would wait`));
  const validUntil = orders.reduce<number | undefined>(
    (least, { exp }) => (exp === undefined ? least : Math.min(exp, least ?? exp)),
    undefined,
  );
  return {
    commandLine: clean(wanted.commandLine(hosts, onlyEffect(effects, hosts))),
    words: words.map(clean),
    hosts,
    validUntil,
    people: two ? 2 : 1,
    sure: sureOf(hosts, wanted.grave),
    tried: tried.map((each) => (staged ? { ...each, taken: true } : each)),
    sealed: () => sealed(tenant, orders),
    sign: async () =>
      two
        ? { is: 'draft', draft: await openDraft(parts, await draftOf(parts, orders, tokens)) }
        : { is: 'sending', send: await signedAlone(parts, written, wanted.show) },
  };
}

/** The first signature of two. */
async function draftOf(
  { signer, tenant }: DeskParts,
  orders: readonly Order[],
  tokens: TokensInHand | undefined,
): Promise<string> {
  const packets: Uint8Array[] = [];
  const given: Uint8Array[] = [];
  try {
    for (const order of orders) {
      if (tokens !== undefined) {
        given.push(order.id);
        const token = await tokens.give(order);
        if (order.token === undefined || !equalBytes(token, order.token)) {
          throw new NsError(
            'NS_PREPARED_DIFFERS',
            'another program took one of the tokens that were shown; nothing was signed: prepare it again',
            { family: 'caller' },
          );
        }
      }
      packets.push(await draftOrder({ ...order, ctr: await signer.counter.next() }, signer.key, tenant));
    }
    return encodeOrderFile({ tenant, packets });
  } catch (error) {
    // Nobody will ever have these orders.
    for (const id of given) await tokens?.release(id);
    throw error;
  }
}

async function signedAlone(parts: DeskParts, written: readonly WrittenOrder[], show: ShowOptions) {
  const { signer, tenant } = parts;
  const signed = new Map<string, SignedOrder>();
  for (const { order: body, trace } of written) {
    const order = { ...body, ctr: await signer.counter.next() };
    signed.set(body.aud.name, { order, trace, packet: await signOrder(order, signer.key, tenant) });
  }
  return (watch: RunWatch, signal: AbortSignal) => sendAll(parts, signed, show, watch, signal);
}
