import { parseCose } from '../../../src/security/cose.ts';
import { cosignOrder, draftOrder, signOrder } from '../../../src/security/index.ts';
import type { SimFleetHost } from '../../kit/sim-fleet.ts';
import type { Attacker } from '../attacker.ts';
import { bytesOf, many } from '../forge.ts';
import type { Move } from '../move.ts';
import type { Past } from '../server.ts';
import { TENANT } from '../site.ts';

/** The past of one host, at whose order topic or another's it is used. */
const pastOf = (a: Attacker): Past => a.server.past[0]!;
const atPast =
  (make: (past: Past, a: Attacker) => Promise<Uint8Array | readonly Uint8Array[]>): Move['run'] =>
  (a) =>
    a.strike(
      a.server.past.map(({ host }) => host),
      async (host) => make(a.server.past.find((past) => past.host === host)!, a),
    );

/** The signatures of an order that both have signed, over other bytes. */
function withPayload(packet: Uint8Array, payload: Uint8Array): Uint8Array {
  const message = parseCose(packet)!;
  return many(
    payload,
    message.signatures.map(({ headers, signature }) => [headers.protectedBytes, new Map(), signature]),
  );
}

const flood = (a: Attacker, host: SimFleetHost, count: number): Promise<Uint8Array[]> =>
  Promise.all(
    Array.from({ length: count }, () =>
      signOrder(a.order('olga', host, 'task.list', {}), a.key('olga'), TENANT),
    ),
  );

/** With what was really signed once: by a broker that repeats, delays, and delivers at other doors. */
export const REPLAY_MOVES: readonly Move[] = [
  {
    words: "the old order of one host at every other host's door",
    fails: ['WRONG_AUDIENCE'],
    run: (a, hosts) => {
      const { host, disable } = pastOf(a);
      return a.strike(
        hosts.filter((other) => other !== host),
        async () => disable,
      );
    },
  },
  {
    words: "the old order of one host, re-addressed to others under both officers' signatures",
    fails: ['SIGNATURE_INVALID'],
    run: (a, hosts) =>
      a.strike(hosts, async (host) =>
        withPayload(
          pastOf(a).disable,
          bytesOf(a.order('sam', host, 'machine.disable', { reason: 'stolen' })),
        ),
      ),
  },
  {
    words: "the missing officer's signature, taken from an order to enable, under an order to disable",
    fails: ['SIGNATURE_INVALID'],
    run: (a, hosts) =>
      a.strike(hosts, async (host) => {
        const order = a.order('sam', host, 'machine.disable', {}, { token: pastOf(a).tokens.old });
        return withPayload(pastOf(a).enable, bytesOf(order));
      }),
  },
  {
    words: 'an order that was obeyed and undone, delivered once more',
    // The receipt of that day again, and nothing is done.
    fails: ['succeeded'],
    run: atPast(async ({ disable }) => disable),
  },
  {
    words: 'an order that was obeyed and undone, after a restart of the agent',
    fails: ['succeeded'],
    at: 1,
    run: async (a) => {
      const { host, disable } = pastOf(a);
      await host.stop();
      await host.boot();
      return a.strike([host], async () => disable);
    },
  },
  {
    words: 'an order that the broker kept back until its signers had disabled and enabled otherwise',
    fails: ['REPLAYED'],
    run: atPast(async ({ heldBack }) => heldBack),
  },
  {
    words: 'a draft of the missing officer, older than a later order of hers, finished by the held one',
    fails: ['REPLAYED', 'TOKEN_INVALID'],
    run: atPast(async ({ drafts }, a) => {
      const missing = a.lacks === 'tess' ? 'tess' : 'sam';
      const finisher = missing === 'sam' ? 'tess' : 'sam';
      return cosignOrder(drafts[missing], a.key(finisher), TENANT);
    }),
  },
  {
    words: 'an order set as retained, for whoever subscribes next',
    fails: ['RETAINED'],
    run: (a) =>
      a.strike(
        a.server.past.map(({ host }) => host),
        async (host) => a.server.past.find((past) => past.host === host)!.heldBack,
        { retained: true },
      ),
  },
  {
    words: 'an order to disable, in the place of a block of a file',
    fails: [],
    run: (a) =>
      a.strike(
        a.server.past.map(({ host }) => host),
        async () => pastOf(a).heldBack,
        { topic: 'blkIn' },
      ),
  },
  {
    words: 'queue and journal are filled by 200 orders of an operator, and one officer disables behind them',
    fails: ['NEEDS_TWO_PEOPLE', 'succeeded', 'QUEUE_FULL'],
    at: 3,
    run: (a, hosts) =>
      a.strike(hosts, async (host) => {
        const alone = a.order(a.officer, host, 'machine.disable', {});
        return [...(await flood(a, host, 200)), await draftOrder(alone, a.key(a.officer), TENANT)];
      }),
  },
];
