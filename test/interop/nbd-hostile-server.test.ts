import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { openNbd } from '../../src/adapters/nbd/nbd-client.ts';
import { MiB } from '../../src/base/index.ts';
import { temporaryDirectory } from '../kit/ext-volume.ts';

const directory = await temporaryDirectory();
t.teardown(() => directory.remove());
let count = 0;

const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const u64 = (value: bigint | number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
};
const GREETING = Buffer.concat([Buffer.from('NBDMAGICIHAVEOPT'), u16(3)]);
const OPTION_REPLY = Buffer.from('0003e889045565a9', 'hex');
const reply = (
  option: number,
  type: number,
  data: Buffer = Buffer.alloc(0),
  length = data.byteLength,
): Buffer => Buffer.concat([OPTION_REPLY, u32(option), u32(type), u32(length), data]);
const ACK = 1;
const UNSUPPORTED = 0x80000001;
const about = (size: bigint | number): Buffer => Buffer.concat([u16(0), u64(size), u16(1 | 4)]);
const sizes = (least: number, most: number): Buffer =>
  Buffer.concat([u16(3), u32(least), u32(4096), u32(most)]);

/** Answers option after option, or request after request, with what `script` gives for it. */
async function hostile(
  script: (option: number, socket: Socket) => Buffer | undefined,
  requests: (cookie: Buffer, command: number) => Buffer = () => Buffer.alloc(0),
  greeting: Buffer = GREETING,
): Promise<{ socketPath: string; close: () => Promise<void> }> {
  count += 1;
  const socketPath = join(directory.path, `socket-${count}`);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.write(greeting);
    let got: Buffer = Buffer.alloc(0);
    let flags = false;
    let serving = false;
    socket.on('data', (chunk: Buffer) => {
      got = Buffer.concat([got, chunk]);
      for (;;) {
        if (!flags) {
          if (got.byteLength < 4) return;
          got = got.subarray(4);
          flags = true;
        } else if (serving) {
          if (got.byteLength < 28) return;
          socket.write(requests(got.subarray(8, 16), got.readUInt16BE(6)));
          got = got.subarray(28);
        } else {
          if (got.byteLength < 16 || got.byteLength < 16 + got.readUInt32BE(12)) return;
          const option = got.readUInt32BE(8);
          got = got.subarray(16 + got.readUInt32BE(12));
          const answer = script(option, socket);
          if (answer !== undefined) socket.write(answer);
          serving = option === 7;
        }
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    socketPath,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const honest = (size: bigint | number, blocks?: Buffer) => (option: number) => {
  if (option !== 7) return option === 8 ? reply(8, ACK) : reply(option, UNSUPPORTED);
  const parts = [reply(7, 3, about(size))];
  if (blocks !== undefined) parts.push(reply(7, 3, blocks));
  return Buffer.concat([...parts, reply(7, ACK)]);
};

await t.test('a greeting or an option answered with nonsense ends the attempt, and says why', async (t) => {
  const endless = (option: number, socket: Socket): Buffer => {
    const flood = Buffer.concat(Array.from({ length: 1000 }, () => reply(option, 3, Buffer.alloc(100))));
    socket.on('drain', () => socket.write(flood));
    return flood;
  };
  const cases: [string, (option: number, socket: Socket) => Buffer | undefined, Buffer?][] = [
    ['no magic', honest(MiB), Buffer.alloc(18, 7)],
    [
      'old style',
      honest(MiB),
      Buffer.concat([Buffer.from('NBDMAGIC'), Buffer.from('00420281861253', 'hex'), Buffer.alloc(3)]),
    ],
    ['not fixed newstyle', honest(MiB), Buffer.concat([Buffer.from('NBDMAGICIHAVEOPT'), u16(0)])],
    ['no reply magic', () => Buffer.alloc(20)],
    ['another option', () => reply(99, ACK)],
    ['a huge reply', (option) => reply(option, 3, Buffer.alloc(0), 0xffffffff)],
    ['replies without an end', endless],
    ['no size', (option) => reply(option, ACK)],
    ['blocks of zero', honest(MiB, sizes(0, 4096))],
    ['blocks of no power', honest(MiB, sizes(1000, 4096))],
    ['blocks too large', honest(2 ** 40, sizes(2 ** 30, 2 ** 31))],
    ['largest below smallest', honest(MiB, sizes(4096, 512))],
    ['no whole blocks', honest(1000, sizes(512, 4096))],
  ];
  for (const [what, script, greeting] of cases) {
    const server = await hostile(script, undefined, greeting);
    await t.rejects(openNbd({ socketPath: server.socketPath }), { code: 'NS_NBD_PROTOCOL' }, what);
    await server.close();
  }
  const huge = await hostile(honest(2n ** 63n));
  await t.rejects(openNbd({ socketPath: huge.socketPath }), { code: 'NS_BLOCK_TOO_LARGE' });
  await huge.close();
});

await t.test('silence and an early end are told apart from refusals', async (t) => {
  const silent = await hostile(() => undefined);
  await t.rejects(openNbd({ socketPath: silent.socketPath, connectMilliseconds: 50 }), {
    code: 'NS_NBD_CONNECT',
    message: /within 50 ms/,
  });
  await silent.close();
  const ending = await hostile((_, socket) => {
    socket.end();
    return undefined;
  });
  await t.rejects(openNbd({ socketPath: ending.socketPath }), { code: 'NS_NBD_CONNECT' });
  await ending.close();
  const rude = await hostile((option) =>
    option === 7 ? reply(7, 0x80000002, Buffer.from('go\x1b[2J away')) : reply(option, UNSUPPORTED),
  );
  await t.rejects(openNbd({ socketPath: rude.socketPath }), {
    code: 'NS_NBD_REFUSED',
    message: /go\?\[2J away/,
  });
  await rude.close();
});

const chunk = (cookie: Buffer, type: number, data: Buffer, flags = 1, length = data.byteLength): Buffer =>
  Buffer.concat([u32(0x668e33ef), u16(flags), u16(type), cookie, u32(length), data]);

await t.test('a reply that makes no sense breaks the connection for good; no byte is made up', async (t) => {
  const data = (offset: number, length: number): Buffer =>
    Buffer.concat([u64(offset), Buffer.alloc(length, 1)]);
  const cases: Record<string, (cookie: Buffer) => Buffer> = {
    'no magic': () => Buffer.alloc(64, 3),
    'another cookie': () => chunk(Buffer.alloc(8, 0xff), 1, data(0, 4096)),
    'a simple reply to a read': (cookie) =>
      Buffer.concat([u32(0x67446698), u32(0), cookie, Buffer.alloc(4096)]),
    'data before the read': (cookie) => chunk(cookie, 1, data(0, 4096)),
    'data beyond the read': (cookie) => chunk(cookie, 1, data(4096 + 1, 4096)),
    'too much data': (cookie) => chunk(cookie, 1, data(4096, 4097)),
    'a huge length': (cookie) => chunk(cookie, 1, data(4096, 1), 1, 0xffffffff),
    'the same bytes twice': (cookie) =>
      Buffer.concat([chunk(cookie, 1, data(4096, 2048), 0), chunk(cookie, 1, data(4096, 2048))]),
    'too few bytes': (cookie) => chunk(cookie, 1, data(4096, 4095)),
    'a hole of nothing': (cookie) => chunk(cookie, 2, Buffer.concat([u64(4096), u32(0)])),
    'a hole too large': (cookie) => chunk(cookie, 2, Buffer.concat([u64(4096), u32(4097)])),
    'nothing at all': (cookie) => chunk(cookie, 0, Buffer.alloc(0)),
    'an empty part that is not the last': (cookie) => chunk(cookie, 0, Buffer.alloc(0), 0),
    'block status of a read': (cookie) => chunk(cookie, 5, Buffer.concat([u32(1), u32(1), u32(0)])),
    'an unknown type': (cookie) => chunk(cookie, 77, Buffer.alloc(8)),
    'an error too short': (cookie) => chunk(cookie, 0x8001, Buffer.alloc(2)),
    'an error too long': (cookie) => chunk(cookie, 0x8001, Buffer.alloc(6), 1, 0x7fffffff),
  };
  for (const [what, answer] of Object.entries(cases)) {
    const server = await hostile(honest(MiB), answer);
    const device = await openNbd({ socketPath: server.socketPath });
    await t.rejects(device.read(4096, new Uint8Array(4096)), { code: 'NS_BLOCK_IO' }, what);
    await t.rejects(device.flush(), { code: 'NS_BLOCK_IO' });
    await device.close();
    await server.close();
  }
});

await t.test('errors in any form fail one request; parts in any order make a read whole', async (t) => {
  const half = (offset: number): Buffer => Buffer.concat([u64(offset), Buffer.alloc(2048, offset / 2048)]);
  const answers: ((cookie: Buffer) => Buffer)[] = [
    (cookie) => chunk(cookie, 0x8001, Buffer.concat([u32(5), u16(3), Buffer.from('bad')])),
    (cookie) => chunk(cookie, 0x8002, Buffer.concat([u32(0), u16(0), u64(4096)])),
    (cookie) => Buffer.concat([chunk(cookie, 0x8044, Buffer.alloc(6), 0), chunk(cookie, 0, Buffer.alloc(0))]),
    (cookie) => Buffer.concat([u32(0x67446698), u32(5), cookie]),
    (cookie) =>
      Buffer.concat([
        chunk(cookie, 1, half(6144), 0),
        chunk(cookie, 1, half(4096), 0),
        chunk(cookie, 0, Buffer.alloc(0)),
      ]),
  ];
  const server = await hostile(honest(MiB), (cookie) => (answers.shift() ?? (() => Buffer.alloc(0)))(cookie));
  const device = await openNbd({ socketPath: server.socketPath });
  const into = new Uint8Array(4096);
  for (let i = 0; i < 4; i += 1) await t.rejects(device.read(4096, into), { code: 'NS_BLOCK_IO' });
  await device.read(4096, into);
  t.ok(into.every((byte, at) => byte === (at < 2048 ? 2 : 3)));
  await device.close();
  await server.close();
});
