import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import t from 'tap';
import { openRmcpServer } from '../../src/adapters/rmcp-server.ts';
import { utf8 } from '../../src/base/index.ts';
import type { DatagramPeer } from '../../src/ports/index.ts';

async function client(host: string): Promise<Socket> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.bind(0, host);
  await once(socket, 'listening');
  return socket;
}
const say = (socket: Socket, text: string, port: number, host: string): Promise<unknown> =>
  new Promise((resolve) => socket.send(text, port, host, resolve));
const ended = (socket: Socket): Promise<void> => new Promise((resolve) => socket.close(() => resolve()));

const ipv6 = Object.values(networkInterfaces())
  .flat()
  .some((each) => each?.address === '::1');

for (const [listen, host] of [
  ['127.0.0.1', '127.0.0.1'],
  ['0.0.0.0', '127.0.0.1'],
  ...(ipv6
    ? ([
        ['::1', '::1'],
        ['::', '127.0.0.1'],
      ] as const)
    : []),
] as const) {
  await t.test(`on ${listen}, each who asks from ${host} is heard, and answered alone`, async (t) => {
    const server = await openRmcpServer({ host: listen, port: 0 });
    const peers: DatagramPeer[] = [];
    server.onMessage((bytes, peer) => {
      peers.push(peer);
      server.send(peer, Buffer.concat([utf8('>'), bytes]));
    });
    const [one, two] = [await client(host), await client(host)];
    const heard = Promise.all([once(one, 'message'), once(two, 'message')]);
    await say(one, 'one', server.local.port, host);
    await say(two, 'two', server.local.port, host);
    const texts = (await heard).map(([bytes]) => String(bytes));
    t.same(texts, ['>one', '>two']);
    t.same(
      peers.map(({ port }) => port).toSorted((a, b) => a - b),
      [one.address().port, two.address().port].toSorted((a, b) => a - b),
    );
    t.ok(peers.every(({ address }) => address.endsWith(host)));
    await Promise.all([ended(one), ended(two), server.close()]);
  });
}

await t.test('a listener that stopped hears nothing, and a closed server frees its port', async (t) => {
  const server = await openRmcpServer({ host: '127.0.0.1', port: 0 });
  const { port } = server.local;
  const heard: string[] = [];
  const stop = server.onMessage((bytes) => heard.push(String(bytes)));
  stop();
  const kept = new Promise<void>((resolve) => server.onMessage(() => resolve()));
  const one = await client('127.0.0.1');
  await say(one, 'x', port, '127.0.0.1');
  await kept;
  t.same(heard, []);
  await server.close();
  await server.close();
  server.send({ address: '127.0.0.1', port: one.address().port }, utf8('late'));
  const again = await openRmcpServer({ host: '127.0.0.1', port });
  t.equal(again.local.port, port);
  await Promise.all([again.close(), ended(one)]);
});

await t.test('what cannot be sent is lost, and the server goes on', async (t) => {
  const server = await openRmcpServer({ host: '127.0.0.1', port: 0 });
  const gone = await client('127.0.0.1');
  const { port } = gone.address();
  await ended(gone);
  server.send({ address: '127.0.0.1', port }, utf8('nobody there'));
  server.send({ address: '127.0.0.1', port: 0 }, utf8('no such port'));
  server.send({ address: '127.0.0.1', port }, new Uint8Array(70_000));
  const one = await client('127.0.0.1');
  const heard = once(one, 'message');
  server.send({ address: '127.0.0.1', port: one.address().port }, utf8('here'));
  t.equal(String((await heard)[0]), 'here');
  await Promise.all([server.close(), ended(one)]);
});

await t.test('an address that is not to be had is a clear error', async (t) => {
  const server = await openRmcpServer({ host: '127.0.0.1', port: 0 });
  for (const address of [
    server.local,
    { address: '192.0.2.1', port: 0 },
    { address: 'localhost', port: 0 },
  ]) {
    const { address: host, port } = address;
    await t.rejects(openRmcpServer({ host, port }), { code: 'NS_DATAGRAM', family: 'caller' });
  }
  await server.close();
});
