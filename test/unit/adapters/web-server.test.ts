import { connect, type Socket } from 'node:net';
import t from 'tap';
import { startWebServer } from '../../../src/adapters/web-server.ts';
import type { WebReply, WebRequest } from '../../../src/ports/index.ts';
import { eventually } from '../../kit/eventually.ts';

const whole = (content: string): WebReply => ({ status: 200, headers: {}, body: { is: 'whole', content } });

/** Sends this, and reads nothing unless told to. */
function raw(authority: string, text: string): Socket {
  const [host, port] = authority.split(':');
  const socket = connect(Number(port), host);
  socket.on('error', () => undefined);
  socket.pause();
  socket.write(text);
  return socket;
}

const GET = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;

await t.test('a request comes as it was sent', async (t) => {
  const seen: WebRequest[] = [];
  const server = await startWebServer(() => async (request) => {
    seen.push(request);
    return whole('hello');
  });
  const answer = await fetch(`http://${server.authority}/a/../b%2f?x=1&x=2&y=%3C`, {
    method: 'POST',
    body: 'body',
    headers: { origin: 'http://other' },
  });
  t.equal(await answer.text(), 'hello');
  t.match(seen[0], {
    method: 'POST',
    path: '/b%2f',
    headers: { host: server.authority, origin: 'http://other' },
  });
  t.same(
    [...seen[0]!.query],
    [
      ['x', '2'],
      ['y', '<'],
    ],
  );
  t.same(Buffer.from(seen[0]!.body).toString(), 'body');
  await server.close();
});

await t.test('who asks on before he was answered is cut off', async (t) => {
  let asked = 0;
  const server = await startWebServer(() => async () => {
    asked += 1;
    return whole('hello');
  });
  const hasty = raw(server.authority, GET('/').repeat(1000)).resume();
  await new Promise((resolve) => hasty.on('close', resolve));
  t.ok(asked <= 1, `${asked} were taken`);
  t.equal(await (await fetch(`http://${server.authority}/`)).text(), 'hello');
  await server.close();
});

await t.test('a reader that reads nothing is cut off, and what it holds has a bound', async (t) => {
  let sent = 0;
  let cut = false;
  let left: AbortSignal | undefined;
  const server = await startWebServer(() => async ({ gone }) => {
    left = gone;
    const begin = (send: (text: string) => boolean): void => {
      const part = 'x'.repeat(1 << 20);
      while (sent < 200 && send(part)) sent += 1;
      cut = sent < 200;
    };
    return { status: 200, headers: {}, body: { is: 'stream', begin } };
  });
  const socket = raw(server.authority, GET('/'));
  await eventually(() => left?.aborted === true);
  t.ok(cut, `after ${sent} MiB`);
  t.ok(sent <= 40);
  socket.destroy();
  await server.close();
});

await t.test('what goes wrong inside is not told outside', async (t) => {
  const server = await startWebServer(() => () => Promise.reject(new Error('the secret is 4711')));
  const answer = await fetch(`http://${server.authority}/`);
  t.equal(answer.status, 500);
  t.equal(await answer.text(), '');
  await server.close();
});

await t.test('closing ends what is open', async (t) => {
  const streams: AbortSignal[] = [];
  const server = await startWebServer(() => async ({ gone }) => {
    streams.push(gone);
    return { status: 200, headers: {}, body: { is: 'stream', begin: (send) => void send('a') } };
  });
  const sockets = [raw(server.authority, GET('/')), raw(server.authority, 'GET / HT')];
  await eventually(() => streams.length === 1);
  await server.close();
  t.ok(streams[0]?.aborted);
  for (const socket of sockets) socket.destroy();
});

await t.test('a port that is taken is said', async (t) => {
  const first = await startWebServer(() => async () => whole(''));
  const port = Number(first.authority.split(':')[1]);
  await t.rejects(
    startWebServer(() => async () => whole(''), { port }),
    { code: 'NS_WEB_LISTEN', message: new RegExp(`port ${port}`) },
  );
  await first.close();
});
