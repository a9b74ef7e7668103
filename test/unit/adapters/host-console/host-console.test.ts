import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { serialConsole } from '../../../../src/adapters/host-console/serial-console.ts';
import { openSocketConsole } from '../../../../src/adapters/host-console/socket-console.ts';
import { uartConsole } from '../../../../src/adapters/host-console/uart-console.ts';
import { VirtualClock } from '../../../../src/adapters/sim/index.ts';
import { SimIo } from '../../../../src/adapters/sim/io.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { type Duration, utf8 } from '../../../../src/base/index.ts';
import type { SerialLine } from '../../../../src/ports/index.ts';
import { eventually } from '../../../kit/eventually.ts';

const directory = await mkdtemp(join(tmpdir(), 'ns-host-console-'));
t.teardown(() => rm(directory, { recursive: true, force: true }));

/** A host that listens on a unix socket, as QEMU does. */
async function listening(path: string) {
  const sockets: Socket[] = [];
  const seen = { heard: '', sockets };
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    socket.on('data', (bytes) => {
      seen.heard += bytes.toString();
    });
    socket.on('error', () => {});
  });
  server.listen(path);
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  };
  return { seen, close };
}

await t.test('a socket console comes and goes with its host', async (t) => {
  const path = join(directory, 'console');
  const lines: string[] = [];
  const log = { log: (_: string, event: string) => lines.push(event) };
  const console = openSocketConsole({ path, clock: systemClock, log });
  t.teardown(() => console.close());
  const states: boolean[] = [];
  let text = '';
  console.onAvailable((available) => states.push(available));
  console.onData((bytes) => {
    text += Buffer.from(bytes).toString();
  });
  t.same(states, [false]);
  t.notOk(console.write(utf8('x')), 'nobody is there to take it');
  const first = await listening(path);
  await eventually(() => states.length === 2);
  t.ok(console.write(utf8('hello')));
  first.seen.sockets[0]?.write('login: ');
  await eventually(() => first.seen.heard === 'hello' && text === 'login: ');
  await first.close();
  await eventually(() => states.length === 3);
  const second = await listening(path);
  await eventually(() => states.length === 4);
  t.ok(console.write(utf8('again')));
  await eventually(() => second.seen.heard === 'again');
  t.same(states, [false, true, false, true]);
  await console.close();
  await eventually(() => second.seen.sockets.every((socket) => socket.destroyed || socket.readableEnded));
  await second.close();
  t.same(lines, ['host-console.lost', 'host-console.lost']);
});

await t.test('a host that does not read fills a bounded buffer', async (t) => {
  const path = join(directory, 'deaf');
  const host = await listening(path);
  const console = openSocketConsole({ path, clock: systemClock, log: { log: () => {} } });
  t.teardown(() => console.close());
  await eventually(() => host.seen.sockets.length === 1 && console.write(utf8('a')));
  host.seen.sockets[0]?.pause();
  let taken = 0;
  await eventually(() => {
    while (console.write(new Uint8Array(1024))) taken += 1024;
    return true;
  });
  t.ok(taken < 64 * 1024 * 1024);
  t.notOk(console.write(new Uint8Array(1024)));
  host.seen.sockets[0]?.resume();
  await eventually(() => console.write(utf8('b')));
  await console.close();
  await host.close();
});

await t.test(
  'a host that does not read leaves no more than 1 KiB with us that nothing takes back',
  async (t) => {
    const path = join(directory, 'slow');
    const host = await listening(path);
    const console = openSocketConsole({ path, clock: systemClock, log: { log: () => {} } });
    t.teardown(() => console.close());
    await eventually(() => host.seen.sockets.length === 1 && console.write(utf8('a')));
    host.seen.sockets[0]?.pause();
    let taken = 1;
    while (console.write(new Uint8Array(256))) taken += 256;
    // What is with us goes with us; what the system has is heard.
    await console.close();
    const ended = once(host.seen.sockets[0]!, 'close');
    host.seen.sockets[0]?.resume();
    await ended;
    t.ok(taken > 1024);
    t.ok(taken - host.seen.heard.length <= 1024, `${taken - host.seen.heard.length} bytes waited with us`);
    await host.close();
  },
);

await t.test('a uart channel that is slow has 1 KiB on its way at most', async (t) => {
  const turns: (() => void)[] = [];
  const io = {
    channels: [],
    write: () => new Promise<void>((resolve) => turns.push(resolve)),
    read: async () => 0,
    watch: () => () => {},
  };
  const console = uartConsole(io as unknown as Parameters<typeof uartConsole>[0], 'console');
  let taken = 0;
  while (taken < 100 * 256 && console.write(new Uint8Array(256))) taken += 256;
  t.equal(taken, 1024);
  await eventually(() => turns.length === 1);
  turns[0]?.();
  await eventually(() => console.write(new Uint8Array(256)));
});

await t.test('a uart channel is a console, and a failing one loses what it is given', async (t) => {
  const clock = new VirtualClock();
  const uart = { name: 'console', kind: 'uart', readable: true, writable: true, unit: 'bytes' } as const;
  const io = new SimIo(clock, [uart]);
  const console = uartConsole(io, 'console');
  let text = '';
  const stop = console.onData((bytes) => {
    text += Buffer.from(bytes).toString();
  });
  t.ok(console.write(utf8('help\r')));
  await eventually(() => text === 'help\r\nsim-host> ');
  io.setFailing('console', true);
  t.ok(console.write(new Uint8Array(4096)));
  t.notOk(console.write(new Uint8Array(1)), 'bounded');
  await eventually(() => console.write(utf8('lost')));
  io.setFailing('console', false);
  await eventually(() => console.write(utf8('x')) && text.includes('x'));
  stop();
  const before = text;
  console.write(utf8('y'));
  await clock.advance(100 as Duration);
  t.equal(text, before);
});

await t.test('a serial line is a console, until it hangs up', async (t) => {
  const hangUps: ((reason: string) => void)[] = [];
  const said: string[] = [];
  const line: SerialLine = {
    name: 'ttyS9',
    write: (bytes) => said.push(Buffer.from(bytes).toString()) > 0,
    room: async () => {},
    onData: () => () => {},
    onHangUp: (listener) => {
      hangUps.push(listener);
      return () => {};
    },
    setBaudRate: async () => {},
    sendBreak: async (duration) => {
      said.push(`break ${duration}`);
    },
    drained: async () => {},
    close: async () => {},
  };
  const console = serialConsole(line);
  const states: boolean[] = [];
  console.onAvailable?.((available) => states.push(available));
  t.ok(console.write(utf8('hi')));
  await console.sendBreak?.();
  t.same(said, ['hi', 'break 300']);
  for (const listener of hangUps) listener('pulled');
  t.same(states, [true, false]);
});

await t.test(
  'what waits for a slow host is never much: who may write no more is soon heard no more',
  async (t) => {
    let taken = 0;
    let left: () => void = () => {};
    const line = {
      name: 'ttyS9',
      // As a line is that has room for a minute of it.
      write: (bytes: Uint8Array) => {
        taken += bytes.byteLength;
        return true;
      },
      onData: () => () => {},
      onHangUp: () => () => {},
      sendBreak: async () => {},
      drained: () =>
        new Promise<void>((resolve) => {
          left = resolve;
        }),
    };
    const console = serialConsole(line);
    const piece = new Uint8Array(256);
    for (let n = 0; n < 100; n += 1) console.write(piece);
    t.equal(taken, 1024);
    left();
    await eventually(() => console.write(piece));
    t.equal(taken, 1280);
    left();
    await eventually(() => console.write(piece));
  },
);
