import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { decode, encode } from 'cbor-x';
import { plainClient } from '../rtt/plain-client.ts';
import { eachStarted, serveFleet } from './setup.ts';

/** As many bytes as the receipt of a status has. */
const ANSWER_BYTES = 640;

/** The least that an answer to a signed order can be: verified, and a signed one of the same size goes back. */
await serveFleet(async (setup) => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const operator = createPublicKey({
    key: Buffer.from(setup.operator, 'base64'),
    format: 'der',
    type: 'spki',
  });
  const padding = Buffer.alloc(ANSWER_BYTES);
  await eachStarted(setup, async (name) => {
    const client = await plainClient(setup.port, `echo-${name}`, true);
    client.on('message', (_topic, packet) => {
      const [body, signature] = decode(packet) as [Uint8Array, Uint8Array];
      if (!verify(null, body, operator, signature)) throw new Error('an order that nobody signed');
      const { id } = decode(body) as { id: Uint8Array };
      const answer = encode({ id, device: name, padding });
      client.publish(`peer/${name}/answer`, encode([answer, sign(null, answer, privateKey)]), { qos: 1 });
    });
    await client.subscribeAsync(`peer/${name}/ask`, { qos: 1 });
  });
  return { key: publicKey.export({ format: 'der', type: 'spki' }).toString('base64') };
});
