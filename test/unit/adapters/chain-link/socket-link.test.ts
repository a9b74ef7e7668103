import { mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { connectSocketLink, listenSocketLink } from '../../../../src/adapters/chain-link/socket-link.ts';
import { silentLog } from '../../../../src/adapters/log.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { systemScheduler } from '../../../../src/adapters/system-scheduler.ts';
import { milliseconds, utf8 } from '../../../../src/base/index.ts';
import type { ChainFrame, ChainLink } from '../../../../src/ports/index.ts';
import { eventually } from '../../../kit/eventually.ts';
import { noise } from '../../../kit/noise.ts';

const parts = { scheduler: systemScheduler(), clock: systemClock, log: silentLog };
const quick = {
  keepAlive: milliseconds(20),
  retry: { first: milliseconds(5), longest: milliseconds(20) },
};

async function place(t: Test): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'ns-link-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return join(directory, 'link');
}

function kept(t: Test, link: ChainLink): ChainLink {
  t.teardown(() => link.close());
  return link;
}

function state(link: ChainLink): { connected: boolean } {
  const now = { connected: false };
  link.onConnection((connected) => {
    now.connected = connected;
  });
  return now;
}

function raw(t: Test, socketPath: string): Socket {
  const socket = connect(socketPath);
  socket.on('error', () => undefined);
  socket.resume();
  t.teardown(() => socket.destroy());
  return socket;
}

await t.test(
  'a peer that writes garbage gets nothing through, and is put out by one that makes sense',
  async (t) => {
    const socketPath = await place(t);
    const link = kept(t, await listenSocketLink({ ...quick, socketPath }, parts));
    const [now, frames] = [state(link), [] as ChainFrame[]];
    link.onFrame((frame) => frames.push(frame));
    const hostile = raw(t, socketPath);
    for (let i = 0; i < 40; i += 1) {
      await new Promise((resolve) => hostile.write(noise(64 * 1024, i), resolve));
    }
    t.notOk(now.connected);
    const honest = kept(t, connectSocketLink({ ...quick, socketPath }, parts));
    await eventually(() => now.connected);
    t.ok(honest.send({ channel: 'state', bytes: utf8('hello') }));
    await eventually(() => frames.length === 1);
    t.same(frames, [{ channel: 'state', bytes: utf8('hello') }]);
    await eventually(() => hostile.destroyed || hostile.readableEnded);
  },
);

await t.test('a second peer cannot put out one that is connected', async (t) => {
  const socketPath = await place(t);
  const link = kept(t, await listenSocketLink({ ...quick, socketPath }, parts));
  const first = kept(t, connectSocketLink({ ...quick, socketPath }, parts));
  const [there, here] = [state(first), state(link)];
  await eventually(() => there.connected && here.connected);
  const changes: boolean[] = [];
  link.onConnection((connected) => changes.push(connected));
  const second = raw(t, socketPath);
  await eventually(() => second.readableEnded || second.destroyed);
  t.same(changes, [true]);
  t.ok(first.send({ channel: 'fis', bytes: new Uint8Array(1) }));
});

await t.test('the end that connects waits for the other to come, and to come again', async (t) => {
  const socketPath = await place(t);
  const link = kept(t, connectSocketLink({ ...quick, socketPath }, parts));
  const now = state(link);
  for (let round = 0; round < 2; round += 1) {
    const other = await listenSocketLink({ ...quick, socketPath }, parts);
    await eventually(() => now.connected);
    await other.close();
    await eventually(() => !now.connected);
  }
  t.notOk(now.connected);
});

await t.test(
  'only the owner may enter; a socket that nobody listens at is replaced, a live one is not',
  async (t) => {
    const socketPath = await place(t);
    const stale = createServer();
    await new Promise<void>((resolve) => stale.listen(socketPath, resolve));
    await t.rejects(listenSocketLink({ ...quick, socketPath }, parts), { code: 'NS_LINK_LISTEN' });
    // What a program leaves that is killed: the file without a listener.
    await new Promise<void>((resolve) => stale.close(() => resolve()));
    const left = createServer();
    const handle = join(socketPath, '..', 'other');
    await new Promise<void>((resolve) => left.listen(handle, resolve));
    await rename(handle, socketPath);
    await new Promise<void>((resolve) => left.close(() => resolve()));
    t.ok((await stat(socketPath)).isSocket(), 'the file is left');
    const link = await listenSocketLink({ ...quick, socketPath }, parts);
    t.equal((await stat(socketPath)).mode & 0o777, 0o600);
    await link.close();
    await writeFile(socketPath, 'not a socket');
    await t.rejects(listenSocketLink({ ...quick, socketPath }, parts), { code: 'NS_LINK_LISTEN' });
  },
);

await t.test('close leaves no socket, file or timer behind, connected or not', async (t) => {
  const socketPath = await place(t);
  const alone = connectSocketLink({ ...quick, socketPath }, parts);
  await alone.close();
  const listening = await listenSocketLink({ ...quick, socketPath }, parts);
  const joined = connectSocketLink({ ...quick, socketPath }, parts);
  const now = state(joined);
  await eventually(() => now.connected);
  await Promise.all([listening.close(), joined.close()]);
  await t.rejects(stat(socketPath), { code: 'ENOENT' });
});
