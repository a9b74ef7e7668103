import { createHash } from 'node:crypto';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { silentLog } from '../../src/adapters/log.ts';
import { MqttBus } from '../../src/adapters/mqtt/mqtt-bus.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { Fleet } from '../../src/fleet/index.ts';
import type { LocalSink, PublicKey } from '../../src/ports/index.ts';
import { publicKeyFromText, publicKeyText } from '../../src/security/index.ts';
import { testKey } from '../../test/kit/keys.ts';

const MiB = 1 << 20;
const SIZE = 64 * MiB;
/** By then blocks flow as fast as they can. */
const FLOWING = 2 * MiB;

const key = testKey();
const devices = new Map<string, PublicKey>();
const content = systemEntropy.randomBytes(SIZE);
const source = {
  size: SIZE,
  sha256: new Uint8Array(createHash('sha256').update(content).digest()),
  read: async (offset: number, into: Uint8Array) =>
    into.set(content.subarray(offset, offset + into.byteLength)),
};
const sink: LocalSink = {
  open: async () => ({
    map: undefined,
    write: async () => undefined,
    read: async (_offset, into) => void into.fill(0),
    flush: async () => undefined,
    saveMap: async () => undefined,
    finish: async () => undefined,
    keep: async () => undefined,
    discard: async () => undefined,
  }),
};
let counter = 0;
let fleet: Fleet;
let ended: Promise<string> = Promise.resolve('none');

async function open(url: string, tenant: string): Promise<string> {
  const bus = new MqttBus(
    { broker: { url }, clientId: 'bulk', cleanSession: true },
    systemClock,
    systemEntropy,
    silentLog,
  );
  const bulk = { bus, tenant, key, devices, clock: systemClock, entropy: systemEntropy };
  fleet = new Fleet({ ...bulk, counter: { next: async () => ++counter } });
  await fleet.connect();
  return publicKeyText(key.publicKey);
}

/** Resolves once the file is well on its way. */
function flow(name: string, what: 'get' | 'put'): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      signal: new AbortController().signal,
      onProgress: ({ done }: { readonly done: number }) => {
        if (done >= FLOWING) resolve('flowing');
      },
    };
    const outcome =
      what === 'get'
        ? fleet.get(name, { path: '/big' }, sink, options)
        : fleet.put(name, { path: '/new' }, source, options);
    ended = outcome.then(({ outcome: end }) => {
      const how = end.is === 'receipt' ? end.receipt.outcome : end.is;
      reject(new Error(`the ${what} ended as ${how} before it flowed`));
      return how;
    });
  });
}

type Ask =
  | { readonly open: { readonly url: string; readonly tenant: string } }
  | { readonly flow: { readonly name: string; readonly key: string; readonly what: 'get' | 'put' } }
  | { readonly end: true };

process.on('message', (ask: Ask) => {
  const answer = async (): Promise<unknown> => {
    if ('open' in ask) return open(ask.open.url, ask.open.tenant);
    if ('end' in ask) return ended;
    devices.set(ask.flow.name, publicKeyFromText(ask.flow.key));
    return flow(ask.flow.name, ask.flow.what);
  };
  answer().then(
    (done) => process.send?.({ done }),
    (error: unknown) => process.send?.({ failed: String(error) }),
  );
});
process.send?.({ done: 'ready' });
