import { parseCose } from '../../../src/security/cose.ts';
import { signOrder, signToken } from '../../../src/security/index.ts';
import type { SimFleetHost } from '../../kit/sim-fleet.ts';
import type { Answers, Attacker } from '../attacker.ts';
import { bytesOf, headerOf, many, signatureBy, tag, tokenAad } from '../forge.ts';
import { goodToken, type Move, nextEpoch } from '../move.ts';
import type { Past } from '../server.ts';
import { KEYS, OTHER_TENANT, PAPERS, TENANT } from '../site.ts';

/** Signed by both officers; only the token is for somebody else to give. */
const disable = async (a: Attacker, host: SimFleetHost, token?: Uint8Array, change: object = {}) =>
  signOrder(
    a.order('sam', host, 'machine.disable', { reason: 'stolen' }, { ...(token && { token }), ...change }),
    a.key('sam'),
    TENANT,
    [a.key('tess')],
  );

const control: NonNullable<Move['control']> = (a, host) =>
  a.strike([host], async () => disable(a, host, await goodToken(a, host)));

const now = () => Math.floor(Date.now() / 1000);
const bodyFor = (host: SimFleetHost, change: object = {}) => ({
  v: 1,
  epoch: nextEpoch(),
  for: 'lock',
  n: 1,
  device: host.name,
  at: now(),
  ...change,
});

type MakeToken = (a: Attacker, host: SimFleetHost) => Promise<Uint8Array | undefined>;

function withToken(words: string, make: MakeToken, fails: readonly string[] = ['TOKEN_INVALID']): Move {
  return {
    words,
    fails,
    run: (a, hosts) => a.strike(hosts, async (host) => disable(a, host, await make(a, host))),
    control,
  };
}

/** At the hosts that had been disabled before, with what is left of that. */
function atPast(words: string, token: (past: Past) => Uint8Array, fails: readonly string[]): Move {
  return {
    words,
    fails,
    run: (a) => {
      const { past } = a.server;
      return a.strike(
        past.map(({ host }) => host),
        async (host) => disable(a, host, token(past.find((each) => each.host === host)!)),
      );
    },
  };
}

/** The bytes of a token under whose signature other bytes stand now. */
function altered(token: Uint8Array, body: object): Uint8Array {
  const message = parseCose(token)!;
  const { headers, signature } = message.signatures[0]!;
  return tag(18, [headers.protectedBytes, new Map(), bytesOf(body), signature]);
}

const past = (a: Attacker): Past => a.server.past[0]!;

/** For whoever holds both officers, and not the governor. */
export const TOKEN_MOVES: readonly Move[] = [
  withToken('both officers disable, without a token', async () => undefined, ['NEEDS_TOKEN']),
  withToken('a token signed by an operator', (a, host) =>
    signToken(bodyFor(host) as never, a.key('olga'), TENANT),
  ),
  withToken('a token signed by an officer', (a, host) =>
    signToken(bodyFor(host) as never, a.key('sam'), TENANT),
  ),
  withToken('a token signed by a root key', (a, host) =>
    signToken(bodyFor(host) as never, a.key('sam-root'), TENANT),
  ),
  withToken("a token under the governor's key id, signed by another key", (a, host) =>
    signToken(bodyFor(host) as never, { ...a.key('sam'), publicKey: a.publicKey('gus') }, TENANT),
  ),
  withToken('a token signed by both officers together', async (a, host) => {
    const payload = bytesOf(bodyFor(host));
    const aad = tokenAad();
    return many(payload, [
      await signatureBy(payload, { key: a.key('sam'), aad }),
      await signatureBy(payload, { key: a.key('tess'), aad }),
    ]);
  }),
  withToken("a used token's signature over other bytes: this host, a new epoch", async (a, host) =>
    altered(past(a).tokens.spent, bodyFor(host)),
  ),
  withToken("the signature of the governor's root key under the keyring, under a token", async (_a, host) => {
    const { headers, signature } = parseCose(PAPERS.inForce)!.signatures[2]!;
    return tag(18, [headers.protectedBytes, new Map(), bytesOf(bodyFor(host)), signature]);
  }),
  withToken("a token of another tenant's budget", (_a, host) =>
    signToken(bodyFor(host) as never, KEYS.gus.key, OTHER_TENANT),
  ),
  withToken('a token of another host', async (a, host) => {
    const other = a.server.past.find((each) => each.host !== host)!;
    return other.tokens.old;
  }),
  withToken('no token, but a number', async () => bytesOf(7)),
  withToken('a token with an empty signature', async (a, host) =>
    tag(18, [
      bytesOf(headerOf({ ...a.key('sam'), publicKey: a.publicKey('gus') })),
      new Map(),
      bytesOf(bodyFor(host)),
      new Uint8Array(64),
    ]),
  ),
  atPast('a token that was used before, at the same host', ({ tokens }) => tokens.spent, ['TOKEN_SPENT']),
  atPast('a token for deleting, to disable', ({ tokens }) => tokens.wipe, ['TOKEN_INVALID']),
  atPast('a token of an epoch that is over', ({ tokens }) => tokens.old, ['TOKEN_INVALID']),
  atPast('a token with a number above the limit', ({ tokens }) => tokens.above, ['BUDGET_SPENT']),
  {
    words: "both officers disable the whole group 'all' by one order",
    fails: ['WRONG_AUDIENCE', 'NEEDS_TOKEN'],
    run: (a, hosts) =>
      a.strike(hosts, async (host) => disable(a, host, undefined, { aud: { to: 'group', name: 'all' } })),
  },
  {
    words: 'the budget is raised to 1024, and used at once with a number above the old limit',
    fails: ['succeeded', 'BUDGET_SPENT'],
    run: (a) => raisedAndUsed(a, 1),
  },
  {
    words: 'two raises, one after the other, and then the number again',
    fails: ['succeeded', 'BUDGET_SPENT'],
    run: (a) => raisedAndUsed(a, 2),
  },
  {
    words: 'the version of the budget before, brought back',
    fails: ['BUDGET_OLDER'],
    run: (a) =>
      a.strike(
        a.server.past.map(({ host }) => host),
        (host) => budget(a, host, 1, 1023),
      ),
  },
];

const budget = (a: Attacker, host: SimFleetHost, version: number, lock: number) =>
  signOrder(a.order('sam', host, 'budget.update', { version, lock, wipe: 10 }), a.key('sam'), TENANT, [
    a.key('tess'),
  ]);

let version = 1;

async function raisedAndUsed(a: Attacker, raises: number): Promise<Answers> {
  const { past } = a.server;
  const orders = (host: SimFleetHost) =>
    Promise.all(
      Array.from({ length: raises }, () => {
        version += 1;
        return budget(a, host, version, 1000 + version);
      }),
    );
  return a.strike(
    past.map(({ host }) => host),
    async (host) => {
      const { tokens } = past.find((each) => each.host === host)!;
      return [...(await orders(host)), await disable(a, host, tokens.above)];
    },
  );
}
