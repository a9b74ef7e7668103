import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import t from 'tap';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { openUdp } from '../../src/adapters/udp-datagram.ts';
import { concatBytes, utf8 } from '../../src/base/index.ts';
import type { Datagram } from '../../src/ports/index.ts';

/** Somebody on loopback who sends everything back, with a mark before it. */
async function echo(host: string): Promise<{ port: number; socket: Socket; close(): Promise<void> }> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (bytes, from) => {
    socket.send(concatBytes(utf8('>'), bytes), from.port, from.address);
  });
  socket.bind(0, host);
  await once(socket, 'listening');
  const close = async (): Promise<void> => {
    const end = once(socket, 'close');
    socket.close();
    await end;
  };
  return { port: socket.address().port, socket, close };
}

const heard = (datagram: Datagram, count = 1): Promise<string[]> =>
  new Promise((resolve) => {
    const texts: string[] = [];
    const stop = datagram.onMessage((bytes) => {
      texts.push(Buffer.from(bytes).toString());
      if (texts.length < count) return;
      stop();
      resolve(texts);
    });
  });

const ipv6 = Object.values(networkInterfaces())
  .flat()
  .some((each) => each?.address === '::1');

for (const host of ipv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1']) {
  await t.test(`what is sent to ${host} gets there, and the answer back`, async (t) => {
    const peer = await echo(host);
    const datagram = await openUdp({ host, port: peer.port }, systemClock);
    const answer = heard(datagram);
    await datagram.send(utf8('hello'));
    t.same(await answer, ['>hello']);
    t.equal(datagram.peer, host === '::1' ? `[::1]:${peer.port}` : `${host}:${peer.port}`);
    await datagram.close();
    await datagram.close();
    await t.rejects(datagram.send(utf8('late')), { code: 'NS_DATAGRAM' });
    await peer.close();
  });
}

await t.test('a name stands for its first address', async (t) => {
  const datagram = await openUdp({ host: 'localhost', port: 9623 }, systemClock);
  t.equal(datagram.peer, 'localhost:9623');
  await datagram.close();
});

await t.test('a datagram from anyone else never gets here', async (t) => {
  const peer = await echo('127.0.0.1');
  const stranger = await echo('127.0.0.1');
  let own = 0;
  peer.socket.on('message', (_, from) => {
    own = from.port;
  });
  const datagram = await openUdp({ host: '127.0.0.1', port: peer.port }, systemClock);
  const all = heard(datagram, 2);
  await datagram.send(utf8('one'));
  while (own === 0) await once(peer.socket, 'message');
  await new Promise((resolve) => stranger.socket.send('forged', own, '127.0.0.1', resolve));
  await datagram.send(utf8('two'));
  t.same(await all, ['>one', '>two']);
  await Promise.all([datagram.close(), peer.close(), stranger.close()]);
});

await t.test('a peer that is not there loses datagrams, and hears them once it is', async (t) => {
  const first = await echo('127.0.0.1');
  await first.close();
  const datagram = await openUdp({ host: '127.0.0.1', port: first.port }, systemClock);
  for (let i = 0; i < 5; i += 1) await datagram.send(utf8(`lost ${i}`));
  const again = createSocket('udp4');
  again.bind(first.port, '127.0.0.1');
  await once(again, 'listening');
  const arrived = once(again, 'message');
  await datagram.send(utf8('here'));
  const [bytes] = (await arrived) as [Buffer];
  t.equal(bytes.toString(), 'here');
  again.close();
  await datagram.close();
});

await t.test('what cannot be sent at all is a clear error', async (t) => {
  await t.rejects(openUdp({ host: 'no-such-host.invalid', port: 623 }, systemClock), { code: 'NS_DATAGRAM' });
  const datagram = await openUdp({ host: '127.0.0.1', port: 9 }, systemClock);
  await t.rejects(datagram.send(new Uint8Array(70_000)), { code: 'NS_DATAGRAM', family: 'caller' });
  await datagram.close();
});
