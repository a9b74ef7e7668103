import { mkdir } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { scratch } from '../kit/disk-tools.ts';
import { startQemu } from '../kit/qemu.ts';
import { connectQmp } from '../kit/qmp.ts';

const { dir, remove } = await scratch();
t.teardown(remove);

await t.test('a machine is asked, stopped, let go on and ended, and says so itself', async (t) => {
  const directory = join(dir, 'host');
  await mkdir(directory);
  const host = startQemu({ directory, args: ['-S'], lifeSeconds: 60 });
  t.teardown(() => host.stop());
  const monitor = await host.monitor();
  t.match(await monitor.command('query-status'), { status: 'prelaunch', running: false });
  await monitor.command('cont');
  t.match(await monitor.event('RESUME'), { event: 'RESUME' });
  t.match(await monitor.command('query-status'), { status: 'running', running: true });
  await monitor.command('system_powerdown');
  t.match(await monitor.event('POWERDOWN'), { event: 'POWERDOWN' });
  await monitor.command('stop');
  await monitor.event('STOP');
  await t.rejects(monitor.command('make-coffee'), { kind: 'CommandNotFound', message: /make-coffee/ });
  await t.rejects(monitor.command('device_del', { id: 'nothing' }), {
    kind: 'DeviceNotFound',
    message: /nothing/,
  });
  await t.rejects(monitor.event('SUSPEND', 50), /did not give the event SUSPEND within 50 ms/);
  await monitor.command('quit');
  t.match(await monitor.event('SHUTDOWN'), { data: { reason: 'host-qmp-quit' } });
  t.equal(await host.ended, 0);
  await t.rejects(monitor.command('query-status'), /closed|failed/);
});

await t.test('a machine that runs out of life is ended, and that is an error', async (t) => {
  const directory = join(dir, 'endless');
  await mkdir(directory);
  const host = startQemu({ directory, args: ['-S'], lifeSeconds: 1 });
  await t.rejects(host.ended, /did not end within 1 s/);
});

/** A monitor whose answers are the test's. */
async function fakeMonitor(path: string, talk: (socket: Socket) => void): Promise<Server> {
  const server = createServer(talk);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

await t.test('a monitor that is silent, breaks off or never ends a line is given up', async (t) => {
  const path = join(dir, 'fake');
  const hello = '{"QMP": {"version": {}, "capabilities": []}}\r\n';
  const behaviours: [string, (socket: Socket) => void, RegExp][] = [
    ['silent', () => {}, /did not give the greeting within 200 ms/],
    ['gone', (socket) => socket.destroy(), /closed/],
    ['greets only', (socket) => socket.write(hello), /answer to qmp_capabilities within 200 ms/],
    ['endless', (socket) => socket.write('x'.repeat(3_000_000)), /failed/],
    ['babble', (socket) => socket.write('no JSON\n'), /failed/],
  ];
  for (const [name, talk, expected] of behaviours) {
    const sockets: Socket[] = [];
    const server = await fakeMonitor(`${path}-${name}`, (socket) => {
      socket.on('error', () => {});
      sockets.push(socket);
      talk(socket);
    });
    await t.rejects(connectQmp(`${path}-${name}`, 200), expected, name);
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
});
