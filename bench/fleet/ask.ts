import { createPrivateKey, createPublicKey, randomBytes, sign, verify } from 'node:crypto';
import { decode, encode } from 'cbor-x';
import { plainClient } from '../rtt/plain-client.ts';

/** Asks every echo once, so many at a time, and ends when each has answered: the peer of the command. */
const [port, hosts, window, ownKey, echoKey] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];
const der = (text: string) => ({ key: Buffer.from(text, 'base64'), format: 'der' as const });
const own = createPrivateKey({ ...der(ownKey), type: 'pkcs8' });
const echo = createPublicKey({ ...der(echoKey), type: 'spki' });
const waiting = new Map<string, () => void>();
const client = await plainClient(Number(port), `ask-${randomBytes(4).toString('hex')}`, true);
client.on('message', (_topic, packet) => {
  const [answer, signature] = decode(packet) as [Uint8Array, Uint8Array];
  if (!verify(null, answer, echo, signature)) throw new Error('an answer that nobody signed');
  const { id } = decode(answer) as { id: Uint8Array };
  waiting.get(Buffer.from(id).toString('hex'))?.();
});
await client.subscribeAsync('peer/+/answer', { qos: 1 });
let next = 1;
const ask = (name: string): Promise<void> =>
  new Promise((resolve) => {
    const id = randomBytes(16);
    const order = {
      v: 1,
      id,
      aud: { to: 'device', name },
      verb: 'machine.status',
      args: {},
      ctr: next,
      exp: 4e9,
    };
    const body = encode(order);
    const key = id.toString('hex');
    waiting.set(key, () => {
      waiting.delete(key);
      resolve();
    });
    client.publish(`peer/${name}/ask`, encode([body, sign(null, body, own)]), { qos: 1 });
  });
const lane = async (): Promise<void> => {
  while (next <= Number(hosts)) {
    const name = `h${next}`;
    next += 1;
    await ask(name);
  }
};
await Promise.all(Array.from({ length: Number(window) }, lane));
await client.endAsync();
