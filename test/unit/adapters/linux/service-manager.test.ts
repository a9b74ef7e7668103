import { spawn } from 'node:child_process';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openServiceManager, unixAddress } from '../../../../src/adapters/linux/service-manager.ts';
import { eventually } from '../../../kit/eventually.ts';

const home = await mkdtemp(join(tmpdir(), 'ns-manager-'));
t.teardown(() => rm(home, { recursive: true }));
const logged: string[] = [];
const log = { log: (_level: string, event: string): void => void logged.push(event) };

await t.test('the manager hears that we are ready, that we live, and that we end', async (t) => {
  const path = join(home, 'notify');
  const manager = spawn('socat', ['-u', `UNIX-RECVFROM:${path},fork`, 'STDOUT'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => manager.kill('SIGKILL'));
  let heard = '';
  manager.stdout.setEncoding('utf8').on('data', (text: string) => {
    heard += text;
  });
  await eventually(() =>
    access(path).then(
      () => true,
      () => false,
    ),
  );
  const opened = await openServiceManager({ NOTIFY_SOCKET: path, WATCHDOG_USEC: '60000000' }, log);
  t.equal(opened?.watchdog?.timeout, 60_000);
  await opened?.ready();
  await eventually(() => heard === 'READY=1');
  await opened?.watchdog?.pet();
  await eventually(() => heard === 'READY=1WATCHDOG=1');
  await opened?.watchdog?.close();
  await eventually(() => heard === 'READY=1WATCHDOG=1STOPPING=1');
  await opened?.close();
  t.same(logged, []);
});

await t.test('nobody who wants to hear, or who cannot be told, keeps a device from starting', async (t) => {
  t.equal(await openServiceManager({}, log), undefined);
  t.equal(await openServiceManager({ NOTIFY_SOCKET: '' }, log), undefined);
  t.same(logged, []);
  for (const path of [join(home, 'nobody'), 'relative', `/${'x'.repeat(120)}`])
    t.equal(await openServiceManager({ NOTIFY_SOCKET: path }, log), undefined);
  t.same(logged, Array(3).fill('service.manager-not-told'));
});

await t.test('a watchdog is only what says how long it waits', async (t) => {
  const path = join(home, 'other');
  const manager = spawn('socat', ['-u', `UNIX-RECVFROM:${path},fork`, 'STDOUT'], { stdio: 'ignore' });
  t.teardown(() => manager.kill('SIGKILL'));
  await eventually(() =>
    access(path).then(
      () => true,
      () => false,
    ),
  );
  for (const usec of [undefined, '', '0', '-1', '1e9', '18446744073709551615']) {
    const opened = await openServiceManager({ NOTIFY_SOCKET: path, WATCHDOG_USEC: usec }, log);
    t.ok(opened);
    t.equal(opened?.watchdog, undefined, String(usec));
    await opened?.close();
  }
});

await t.test('an abstract name begins with a zero byte and ends where it ends', async (t) => {
  t.same(unixAddress('@abc'), Buffer.from('\x01\0\0abc'));
  t.same(unixAddress('/a'), Buffer.from('\x01\0/a\0'));
});
