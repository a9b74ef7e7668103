import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { readListenAddress } from '../../../../src/adapters/metrics/listen-address.ts';
import {
  type ScrapeServerOptions,
  startScrapeServer,
} from '../../../../src/adapters/metrics/scrape-server.ts';
import { milliseconds } from '../../../../src/base/index.ts';
import { eventually } from '../../../kit/eventually.ts';

const TEXT = '# HELP x X.\n# TYPE x gauge\nx 1\n';
const server = (options: Partial<ScrapeServerOptions> = {}) =>
  startScrapeServer({ address: readListenAddress('127.0.0.1:0'), scrape: async () => TEXT, ...options });

function raw(authority: string, text: string): Socket {
  const [host, port] = authority.split(':');
  const socket = connect(Number(port), host);
  socket.on('error', () => undefined);
  socket.write(text);
  return socket;
}

/** Resolves when the other side has ended it, however. */
const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    socket.on('close', () => resolve());
  });

/** Status of a request with these headers. */
async function ask(
  authority: string,
  headers: Record<string, string> = {},
  path = '/metrics',
  method = 'GET',
) {
  const [host, port] = authority.split(':');
  const asked = request({ host, port, path, method, headers: { host: authority, ...headers }, agent: false });
  asked.end();
  const [answer] = await once(asked, 'response');
  let text = '';
  for await (const part of answer) text += String(part);
  return { status: answer.statusCode as number, text, type: String(answer.headers['content-type']) };
}

await t.test('the metrics are at /metrics, and nothing else is anywhere', async (t) => {
  const one = await server();
  t.match(await ask(one.authority), { status: 200, text: TEXT, type: /^text\/plain; version=0\.0\.4/ });
  t.match(await ask(one.authority, {}, '/metrics?x=1'), { status: 200, text: TEXT });
  t.match(await ask(one.authority, {}, '/metrics', 'HEAD'), { status: 200, text: '' });
  t.match(await ask(one.authority, { host: one.authority.replace('127.0.0.1', 'localhost') }), {
    status: 200,
  });
  for (const path of ['/', '/metrics/', '/../etc/passwd', '//metrics', '/metricsx']) {
    t.equal((await ask(one.authority, {}, path)).status, 404, path);
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']) {
    t.equal((await ask(one.authority, {}, '/metrics', method)).status, 405, method);
  }
  await one.close();
});

await t.test('a name that was made to point here, and a page of a browser, get nothing', async (t) => {
  const one = await server();
  const port = one.authority.split(':')[1];
  for (const host of [
    `evil.example:${port}`,
    'evil.example',
    '127.0.0.1',
    '127.0.0.1:1',
    `127.0.0.1.nip.io:${port}`,
  ]) {
    t.equal((await ask(one.authority, { host })).status, 403, host);
  }
  t.equal((await ask(one.authority, { origin: 'http://evil.example' })).status, 403);
  await one.close();
});

await t.test('with a token, only who knows it is answered', async (t) => {
  const one = await server({ token: 'correct-horse-battery' });
  for (const authorization of [
    '',
    'Bearer',
    'Bearer wrong',
    'Basic correct-horse-battery',
    'Bearer correct-horse-batterY',
  ]) {
    const { status, text } = await ask(one.authority, authorization === '' ? {} : { authorization });
    t.equal(status, 401, authorization);
    t.notMatch(text, 'horse');
  }
  t.equal((await ask(one.authority, { authorization: 'Bearer correct-horse-battery' })).status, 200);
  await one.close();
});

await t.test('a hundred who ask at once are one look', async (t) => {
  let looks = 0;
  let release = (): void => undefined;
  const looked = new Promise<void>((resolve) => {
    release = resolve;
  });
  const one = await server({
    scrape: async () => {
      looks += 1;
      await looked;
      return TEXT;
    },
  });
  const asked = Array.from({ length: 100 }, () =>
    ask(one.authority).then(
      ({ text }) => text,
      () => 'cut off',
    ),
  );
  await eventually(() => looks === 1);
  release();
  const answers = await Promise.all(asked);
  const whole = answers.filter((text) => text === TEXT).length;
  t.equal(looks, 1);
  t.ok(whole >= 1);
  t.equal(whole + answers.filter((text) => text === 'cut off').length, 100, 'whole or nothing');
  t.equal((await ask(one.authority)).status, 200);
  await one.close();
});

await t.test('a request without an end, too large, or with a body, ends', async (t) => {
  const one = await server({ idle: milliseconds(200) });
  const head = `GET /metrics HTTP/1.1\r\nHost: ${one.authority}\r\n`;
  await closed(raw(one.authority, `${head}X: ${'x'.repeat(1 << 20)}`).resume());
  await closed(raw(one.authority, '\x16\x03\x01\0\0').resume());
  await closed(raw(one.authority, head).resume());
  t.equal((await ask(one.authority, { 'content-length': '1' }).catch(() => ({ status: 413 }))).status, 413);
  const body = raw(one.authority, `${head}Transfer-Encoding: chunked\r\n\r\n`);
  const [answer] = await once(body, 'data');
  t.match(String(answer), /^HTTP\/1\.1 413 /);
  body.destroy();
  t.equal((await ask(one.authority)).status, 200);
  await one.close();
});

await t.test('who asks and never reads is cut off, and keeps nobody else waiting', async (t) => {
  const long = 'x'.repeat(32 << 20);
  const one = await server({ scrape: async () => long, idle: milliseconds(200) });
  const mute = raw(one.authority, `GET /metrics HTTP/1.1\r\nHost: ${one.authority}\r\n\r\n`);
  mute.pause();
  t.equal((await ask(one.authority)).text.length, long.length);
  // Only by writing does one who does not read learn that he was cut off.
  const cut = closed(mute);
  const knock = setInterval(() => mute.write(' '), 500);
  await cut;
  clearInterval(knock);
  t.ok(mute.bytesRead < long.length);
  await one.close();
});

await t.test(
  'who asks on before he was answered is cut off, and who waits for each answer is not',
  async (t) => {
    const one = await server();
    const question = `GET /metrics HTTP/1.1\r\nHost: ${one.authority}\r\n\r\n`;
    const hasty = raw(one.authority, question.repeat(1000));
    let got = '';
    hasty.on('data', (bytes) => {
      got += String(bytes);
    });
    await closed(hasty);
    t.ok(got.split('HTTP/1.1 ').length <= 2, 'one answer at most');
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const patient = new Set<Socket>();
    for (let n = 0; n < 20; n += 1) {
      const asked = request(`http://${one.authority}/metrics`, { agent });
      asked.on('socket', (socket) => patient.add(socket));
      asked.end();
      const [answer] = await once(asked, 'response');
      t.equal(answer.statusCode, 200);
      await once(answer.resume(), 'end');
    }
    t.equal(patient.size, 1, 'by one connection');
    agent.destroy();
    await one.close();
  },
);

await t.test('with a certificate it speaks TLS, and nothing else', async (t) => {
  const dir = t.testdir({});
  const files = ['-keyout', join(dir, 'key'), '-out', join(dir, 'cert')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const named = ['-subj', '/CN=bmc', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...curve, ...named, ...files], { stdio: 'pipe' });
  const [cert, key] = ['cert', 'key'].map((name) => readFileSync(join(dir, name), 'utf8'));
  const one = await server({ tls: { cert: cert!, key: key! }, idle: milliseconds(500) });
  const [host, port] = one.authority.split(':');
  const ask = httpsRequest({ host, port, path: '/metrics', ca: cert, agent: false });
  ask.end();
  const [answer] = await once(ask, 'response');
  t.equal(answer.statusCode, 200);
  answer.resume();
  await once(answer, 'end');
  await closed(raw(one.authority, `GET /metrics HTTP/1.1\r\nHost: ${one.authority}\r\n\r\n`).resume());
  await t.rejects(server({ tls: { cert: 'x', key: 'y' } }), 'what is no certificate');
  await one.close();
});

await t.test('an address is digits and a port, and is known as the loopback or not', async (t) => {
  t.same(readListenAddress('127.0.0.1:9460'), { host: '127.0.0.1', port: 9460, loopback: true });
  t.same(readListenAddress('[::1]:0'), { host: '::1', port: 0, loopback: true });
  t.match(readListenAddress('0.0.0.0:9460'), { loopback: false });
  t.match(readListenAddress('[::]:9460'), { loopback: false });
  t.match(readListenAddress('[::ffff:127.0.0.1]:9460'), { loopback: false });
  for (const text of [
    'localhost:1',
    '9460',
    ':9460',
    '127.0.0.1',
    '127.0.0.1:99999',
    '1.2.3:5',
    '::1:9460',
    '[1.2.3.4]:1',
  ])
    t.throws(() => readListenAddress(text), { code: 'NS_LISTEN_ADDRESS' }, text);
  const one = await server();
  await t.rejects(server({ address: readListenAddress(one.authority) }), { code: 'NS_METRICS_LISTEN' });
  await one.close();
});
