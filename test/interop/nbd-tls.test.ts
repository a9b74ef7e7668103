import { execFile, execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { openNbd } from '../../src/adapters/nbd/nbd-client.ts';
import { type NbdServer, serveNbd } from '../../src/adapters/nbd/nbd-server.ts';
import { MiB } from '../../src/base/index.ts';
import { MemoryDevice } from '../kit/memory-device.ts';
import { RawClient } from '../kit/nbd-raw-client.ts';
import { noise } from '../kit/noise.ts';

const run = promisify(execFile);
const directory = t.testdir({});
const path = (name: string): string => join(directory, name);
const read = (name: string): string => readFileSync(path(name), 'utf8');
const openssl = (...args: string[]): Buffer =>
  execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

function authority(name: string): void {
  const out = ['-keyout', `${name}.key`, '-out', `${name}.crt`];
  openssl('req', '-x509', ...NEW_KEY, '-days', '2', '-subj', `/CN=${name}`, ...out);
}

function certificate(name: string, issuer: string, names: string): void {
  writeFileSync(path(`${name}.ext`), `subjectAltName=${names}\n`);
  openssl('req', ...NEW_KEY, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
  const ca = ['-CA', `${issuer}.crt`, '-CAkey', `${issuer}.key`, '-CAcreateserial'];
  const out = ['-days', '2', '-extfile', `${name}.ext`, '-out', `${name}.crt`];
  openssl('x509', '-req', '-in', `${name}.csr`, ...ca, ...out);
}

authority('site');
authority('other');
certificate('server', 'site', 'IP:127.0.0.1,DNS:localhost');
certificate('client', 'site', 'DNS:host1');
certificate('stranger', 'other', 'DNS:host1');
const serverTls = { certificate: read('server.crt'), key: read('server.key') };
const mine = { certificate: read('client.crt'), key: read('client.key') };
const tcp = { host: '127.0.0.1', port: 0 };
const at = (server: NbdServer) => ({ tcp: { host: '127.0.0.1', port: server.port! } });

await t.test('over TLS a device is written and read, by us and by libnbd', async (t) => {
  const disk = new MemoryDevice('disk0', 4 * MiB);
  const server = await serveNbd(disk, { tcp, tls: { ...serverTls, clientAuthority: read('site.crt') } });
  const device = await openNbd({ ...at(server), tls: { authority: read('site.crt'), ...mine } });
  const content = noise(3 * MiB + 5, 1);
  await device.write(77, content);
  const back = new Uint8Array(content.byteLength);
  await device.read(77, back);
  t.ok(Buffer.from(back).equals(Buffer.from(content)));
  await device.close();
  mkdirSync(path('pki'));
  copyFileSync(path('site.crt'), path('pki/ca-cert.pem'));
  copyFileSync(path('client.crt'), path('pki/client-cert.pem'));
  copyFileSync(path('client.key'), path('pki/client-key.pem'));
  const uri = `nbds://localhost:${server.port}/?tls-certificates=${path('pki')}`;
  t.match((await run('nbdinfo', [uri])).stdout, /newstyle-fixed with TLS, using structured packets/);
  await run('nbdcopy', [uri, path('copy')]);
  t.ok(readFileSync(path('copy')).equals(Buffer.from(disk.bytes)));
  await server.close();
});

await t.test('whoever cannot show who it is gets nothing, on either side', async (t) => {
  const server = await serveNbd(new MemoryDevice('disk0', MiB), {
    tcp,
    tls: { ...serverTls, clientAuthority: read('site.crt') },
    exportName: 'disk0',
  });
  const where = at(server);
  const ca = read('site.crt');
  const stranger = { certificate: read('stranger.crt'), key: read('stranger.key') };
  await t.rejects(openNbd(where), { code: 'NS_NBD_REFUSED', message: /wants TLS/ });
  await t.rejects(openNbd({ ...where, tls: { ...mine, authority: read('other.crt') } }), {
    code: 'NS_NBD_TLS',
  });
  await t.rejects(openNbd({ ...where, tls: { ...mine, authority: ca, serverName: 'elsewhere' } }), {
    code: 'NS_NBD_TLS',
  });
  for (const tls of [{ authority: ca }, { authority: ca, ...stranger }]) {
    // With TLS 1.3 a client believes it is through before the server has looked at it.
    await t.rejects(openNbd({ ...where, tls }), { code: /^NS_NBD_(TLS|CONNECT)$/ });
  }
  const known = await openNbd({ ...where, tls: { ...mine, authority: ca } });
  await known.close();
  await server.close();
});

await t.test('in the clear nothing is told, and what is sent ahead of TLS ends the connection', async (t) => {
  const socketPath = path('socket');
  const server = await serveNbd(new MemoryDevice('disk0', MiB), {
    socketPath,
    tls: serverTls,
    exportName: 'disk0',
  });
  const client = await new RawClient(socketPath).start(false);
  for (const option of [3, 6, 7, 8, 9, 10]) {
    client.option(option, option === 8 ? undefined : Buffer.alloc(6));
    t.equal((await client.optionReply())?.type, 0x80000005);
  }
  client.option(1, Buffer.from('disk0'));
  t.equal(await client.take(1), undefined);
  const ahead = await new RawClient(socketPath).start(false);
  const start = Buffer.concat([Buffer.from('IHAVEOPT'), Buffer.from([0, 0, 0, 5, 0, 0, 0, 0])]);
  const more = Buffer.concat([Buffer.from('IHAVEOPT'), Buffer.from([0, 0, 0, 8, 0, 0, 0, 0])]);
  ahead.socket.write(Buffer.concat([start, more]));
  t.equal((await ahead.optionReply())?.type, 1);
  t.equal(await ahead.take(1), undefined);
  const garbage = await new RawClient(socketPath).start(false);
  garbage.option(5);
  t.equal((await garbage.optionReply())?.type, 1);
  garbage.socket.write(noise(600, 2));
  while ((await garbage.take(1)) !== undefined);
  t.pass('no TLS: closed');
  await server.close();
});

await t.test('where TLS may be left out, both ways lead to the export', async (t) => {
  const server = await serveNbd(new MemoryDevice('disk0', MiB), {
    tcp,
    tls: { ...serverTls, required: false },
  });
  for (const tls of [{}, { tls: { authority: read('site.crt') } }]) {
    const device = await openNbd({ ...at(server), ...tls });
    t.equal(device.capabilities.size, MiB);
    await device.close();
  }
  await server.close();
});

await t.test('beyond this machine an export is offered through TLS alone', async (t) => {
  const device = new MemoryDevice('disk0', MiB);
  const code = 'NS_NBD_OPTIONS';
  const tls = { ...serverTls, required: false };
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'localhost', '127.0.0.1.example']) {
    await t.rejects(serveNbd(device, { tcp: { host, port: 0 } }), { code });
    await t.rejects(serveNbd(device, { tcp: { host, port: 0 }, tls }), { code });
  }
  await t.rejects(serveNbd(device, {}), { code });
  await t.rejects(serveNbd(device, { socketPath: path('none'), minimumBlock: 100 }), { code });
  await t.rejects(serveNbd(device, { socketPath: path('none'), tls: { certificate: 'x', key: 'y' } }), {
    code: 'NS_NBD_TLS',
  });
  await (await serveNbd(device, { tcp: { host: '0.0.0.0', port: 0 }, tls: serverTls })).close();
});
