import { randomBytes } from 'node:crypto';
import { deviceTopics, encodeSeen } from '../../../src/protocol/index.ts';
import { cosignOrder, draftOrder, publicKeyText, signOrder } from '../../../src/security/index.ts';
import { testKey } from '../../kit/keys.ts';
import type { SimFleetHost } from '../../kit/sim-fleet.ts';
import type { Answers, Attacker } from '../attacker.ts';
import { bytesOf, many, one, signatureBy } from '../forge.ts';
import { goodToken, type Move, nextEpoch } from '../move.ts';
import { type KeyName, TENANT } from '../site.ts';

const now = () => Math.floor(Date.now() / 1000);
const DAY = 86_400;
const mallory = testKey();

const grantAad = new TextEncoder().encode(`nightshift/1/grant/${TENANT}`);

/** A right that somebody passes on, whoever signs that. */
function grant(a: Attacker, by: KeyName, change: object = {}): Promise<Uint8Array> {
  const body = {
    v: 1,
    tenant: TENANT,
    id: new Uint8Array(randomBytes(16)),
    to: publicKeyText(mallory.publicKey),
    name: 'mallory',
    person: 'mallory',
    scopes: [{ verbs: ['machine.*', 'file.*'] }],
    notAfter: now() + DAY,
    at: now(),
    again: 0,
    ...change,
  };
  return one(bytesOf(body), { key: a.key(by), aad: grantAad });
}

/** An order to disable by whoever got the right: alone, and with the held officer beside. */
async function disableBy(
  a: Attacker,
  host: SimFleetHost,
  grants: readonly Uint8Array[],
): Promise<readonly Uint8Array[]> {
  const token = a.lacks === 'gus' ? undefined : await goodToken(a, host);
  const iss = mallory.publicKey.keyId;
  const body = (): Uint8Array =>
    bytesOf(a.order(a.officer, host, 'machine.disable', {}, { ...(token && { token }), iss, grants }));
  const payload = body();
  return [
    await one(body(), { key: mallory }),
    many(payload, [
      await signatureBy(payload, { key: mallory }),
      await signatureBy(payload, { key: a.key(a.officer) }),
    ]),
  ];
}

const GRANTED = ['DELEGATION_INVALID', 'KEY_UNKNOWN', 'NOT_PERMITTED', 'NEEDS_TWO_PEOPLE'];

/** One officer is held: can that right be made into two people's? */
export const GRANT_MOVES: readonly Move[] = [
  {
    words: 'the held officer passes the right to disable on, and signs beside whoever got it',
    fails: GRANTED,
    run: async (a, hosts) => {
      const grants = [await grant(a, a.officer)];
      return a.strike(hosts, (host) => disableBy(a, host, grants));
    },
  },
  {
    words: 'the governor passes a right on',
    fails: GRANTED,
    run: async (a, hosts) => {
      const grants = [await grant(a, a.lacks === 'gus' ? a.officer : 'gus')];
      return a.strike(hosts, (host) => disableBy(a, host, grants));
    },
  },
  {
    words: 'a root key passes a right on',
    fails: GRANTED,
    run: async (a, hosts) => {
      const grants = [await grant(a, a.roots[0]!)];
      return a.strike(hosts, (host) => disableBy(a, host, grants));
    },
  },
  {
    words: 'a chain of three grants',
    fails: [...GRANTED, 'MESSAGE_INVALID'],
    run: async (a, hosts) => {
      const first = await grant(a, a.officer, { again: 1 });
      return a.strike(hosts, (host) => disableBy(a, host, [first, first, first]));
    },
  },
];

const seenTopic = (host: SimFleetHost, teller: string) =>
  deviceTopics(TENANT, host.name).cmd.replace(`/d/${host.name}/cmd`, `/d/${teller}/seen`);

/** What a broker or a host says of tokens, and an order to disable behind it. */
function afterGossip(
  words: string,
  tokens: (a: Attacker, host: SimFleetHost) => Promise<readonly Uint8Array[]>,
): Move {
  return {
    words,
    fails: ['NEEDS_TOKEN', 'TOKEN_INVALID', 'NEEDS_TWO_PEOPLE', 'TOKEN_SPENT'],
    run: async (a, hosts) => {
      for (const host of hosts) {
        const payload = encodeSeen(await tokens(a, host));
        a.fleet.broker.push(host.client, { topic: seenTopic(host, 'ghost'), payload, retained: true });
      }
      return a.strike(hosts, (host) => officers(a, host));
    },
  };
}

/** As much of an order to disable as the held keys allow. */
async function officers(a: Attacker, host: SimFleetHost): Promise<Uint8Array> {
  const token = a.lacks === 'gus' ? a.server.past[0]!.tokens.spent : await goodToken(a, host);
  const order = a.order(a.officer, host, 'machine.disable', {}, { token });
  const draft = await draftOrder(order, a.key(a.officer), TENANT);
  return a.lacks === 'gus' ? cosignOrder(draft, a.key(a.otherOfficer), TENANT) : draft;
}

export const GOSSIP_MOVES: readonly Move[] = [
  afterGossip('devices are told of tokens that nobody signed', async (a, host) =>
    Promise.all(
      Array.from({ length: 8 }, () =>
        a.tokenBy(mallory, { epoch: nextEpoch() + 1_000_000, n: 1, device: host.name }),
      ),
    ),
  ),
  afterGossip('devices are flooded with junk that says it is tokens', async () =>
    Array.from({ length: 60 }, () => new Uint8Array(randomBytes(256))),
  ),
  afterGossip('devices are told of tokens spent elsewhere, as if they were free', async (a) =>
    a.server.past.flatMap(({ tokens }) => [tokens.spent, tokens.old]),
  ),
];

/** So many days ahead of the device's own time, as often as said, by one operator with the host's own nonces. */
export async function pushTime(
  a: Attacker,
  host: SimFleetHost,
  days: number,
  times: number,
): Promise<Answers> {
  for (let n = 1; ; n += 1) {
    const quoted = { nonce: await a.nonce('olga', host), maxAge: 600 };
    const order = a.order('olga', host, 'clock.set', { at: now() + n * days * DAY }, quoted);
    const answers = await a.strike([host], () => signOrder(order, a.key('olga'), TENANT));
    if (n >= times || !answers.codes.has('succeeded')) return answers;
  }
}

/** With an operator's key, beside deleting: time, and what owners order. */
export const OPERATOR_MOVES: readonly Move[] = [
  {
    words: "the owners' order to enable a host is cancelled by an operator as it comes",
    fails: ['succeeded', 'NO_SUCH_TASK'],
    at: 1,
    run: async (a, [host]) => {
      const { id, enable } = await a.server.disabled(host!);
      const cancel = a.order('olga', host!, 'task.cancel', { task: id });
      const packets = [enable, await one(bytesOf(cancel), { key: a.key('olga') })];
      return a.strike([host!], async () => packets);
    },
  },
  {
    words: 'signed time is set a hundred years ahead by one operator, to end all grants',
    fails: ['NEEDS_TWO_PEOPLE', 'TIME_IMPLAUSIBLE'],
    at: 1,
    run: (a, hosts) => pushTime(a, hosts[0]!, 36_500, 1),
  },
  {
    words: 'signed time is set two years ahead by one operator',
    fails: ['NEEDS_TWO_PEOPLE', 'TIME_IMPLAUSIBLE'],
    at: 1,
    run: (a, hosts) => pushTime(a, hosts[0]!, 730, 1),
  },
  {
    words: 'signed time is set with a nonce that the host never gave out',
    fails: ['EXPIRED'],
    at: 1,
    run: async (a, [host]) => {
      const quoted = { nonce: new Uint8Array(16).fill(1), maxAge: 600 };
      const order = a.order('olga', host!, 'clock.set', { at: now() + DAY }, quoted);
      return a.strike([host!], () => signOrder(order, a.key('olga'), TENANT));
    },
  },
  {
    words: 'signed time is pushed on by a month, and again, by one operator',
    fails: ['NEEDS_TWO_PEOPLE'],
    at: 1,
    run: (a, hosts) => pushTime(a, hosts[0]!, 30, 14),
  },
];
