import { createHash, randomBytes } from 'node:crypto';
import { systemEntropy } from '../../../src/adapters/entropy.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { milliseconds, seconds } from '../../../src/base/index.ts';
import { Fleet } from '../../../src/fleet/index.ts';
import type { KeyStore } from '../../../src/ports/index.ts';
import { type DeviceEvent, deviceTopics } from '../../../src/protocol/index.ts';
import { signEvent } from '../../../src/security/index.ts';
import { testKey } from '../../kit/keys.ts';
import type { SimFleetHost } from '../../kit/sim-fleet.ts';
import type { Answers, Attacker } from '../attacker.ts';
import type { Move } from '../move.ts';
import { KEYS, TENANT } from '../site.ts';

const TIMING = { accept: milliseconds(300), silence: seconds(1), total: seconds(5) };
const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest());

let owners = 0;

/**
 * The rightful owners order a host to be enabled; the broker keeps the order from it, and says to them whatever `say` makes
 * of the order. What they are made to believe is the answer.
 */
async function believed(
  a: Attacker,
  host: SimFleetHost,
  say: (order: Uint8Array) => Promise<readonly Uint8Array[]>,
): Promise<Answers> {
  const { broker } = a.fleet;
  owners += 1;
  const name = `owner-${owners}`;
  const { cmd, evt } = deviceTopics(TENANT, host.name);
  const fleet = new Fleet({
    bus: broker.bus(name),
    tenant: TENANT,
    key: KEYS.sam.key,
    cosigners: [KEYS.tess.key],
    counter: { next: async () => a.nextCounter() },
    devices: new Map([[host.name, host.publicKey]]),
    clock: systemClock,
    entropy: systemEntropy,
  });
  const stop = broker.hear(({ topic, payload, client }) => {
    if (client !== name || topic !== cmd) return;
    void say(payload).then((packets) => {
      for (const packet of packets) broker.push(name, { topic: evt, payload: packet, retained: false });
    });
  });
  await fleet.connect();
  try {
    const order = await fleet.order(
      host.name,
      'machine.enable',
      {},
      {
        signal: new AbortController().signal,
        timing: TIMING,
      },
    );
    const outcome = await order.outcome;
    return { codes: new Map([[`owners see: ${outcome.is}`, 1]]), silent: 0 };
  } finally {
    stop();
    await fleet.close();
  }
}

/** A receipt that says what it likes, signed by some key. */
function forged(host: SimFleetHost, order: Uint8Array, key: KeyStore): Promise<Uint8Array> {
  const event = {
    v: 1,
    device: host.name,
    boot: new Uint8Array(16),
    event: 'receipt',
    id: new Uint8Array(randomBytes(16)),
    verb: 'machine.enable',
    order: sha256(order),
    issuer: KEYS.sam.key.publicKey.keyId,
    outcome: 'succeeded',
    power: [],
    receivedAt: 0,
    tookMs: 0,
    seq: 1,
    prev: new Uint8Array(32),
  } as DeviceEvent;
  return signEvent(event, key, TENANT);
}

const lies = (
  words: string,
  say: (a: Attacker, host: SimFleetHost, order: Uint8Array) => Promise<readonly Uint8Array[]>,
): Move => ({
  words,
  fails: ['owners see: unreachable'],
  at: 1,
  run: (a) => {
    const { host } = a.server.past[0]!;
    return believed(a, host, (order) => say(a, host, order));
  },
});

/** For whoever holds the broker, against those who read answers: is a stolen machine free, or a free one disabled? */
export const DECEPTION_MOVES: readonly Move[] = [
  lies(
    "owners are shown a receipt 'enabled', signed by a key that is not the host's",
    async (_a, host, order) => [await forged(host, order, testKey())],
  ),
  lies(
    "owners are shown a receipt under the host's key id, signed by another key",
    async (_a, host, order) => [await forged(host, order, { ...testKey(), publicKey: host.publicKey })],
  ),
  lies('owners are shown all that the host has ever said, once more', async (a, host) =>
    a.server.heard(host),
  ),
  lies('owners are shown what another host has said', async (a) => a.server.heard(a.server.past[1]!.host)),
  lies('owners are shown nothing: order and answer are dropped', async () => []),
];
