import t from 'tap';
import { MiB } from '../../src/base/index.ts';
import type { BlockDevice } from '../../src/ports/index.ts';
import { temporaryDirectory } from '../kit/ext-volume.ts';
import { MemoryDevice } from '../kit/memory-device.ts';
import { serveDisk } from '../kit/nbd-export.ts';
import { RawClient } from '../kit/nbd-raw-client.ts';

const directory = await temporaryDirectory();
t.teardown(() => directory.remove());
const serve = (device: BlockDevice) => serveDisk(directory.path, device);

await t.test('options that lie about themselves are refused, and haggling goes on', async (t) => {
  const { server, socketPath } = await serve(new MemoryDevice('disk0', MiB));
  const client = await new RawClient(socketPath).start(false);
  const longName = Buffer.alloc(6);
  longName.writeUInt32BE(0xffffffff, 0);
  const manyInfos = Buffer.from([0, 0, 0, 0, 0xff, 0xff]);
  for (const data of [Buffer.alloc(0), Buffer.alloc(5), longName, manyInfos, Buffer.alloc(7)]) {
    client.option(7, data);
    t.equal((await client.optionReply())?.type, 0x80000003);
  }
  client.option(7, Buffer.from([0, 0, 0, 1, 0x78, 0, 0]));
  t.equal((await client.optionReply())?.type, 0x80000006, 'another name is unknown');
  for (const option of [5, 11, 999]) {
    client.option(option);
    t.equal((await client.optionReply())?.type, 0x80000001);
  }
  const manyQueries = Buffer.from([0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
  const longQuery = Buffer.from([0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]);
  client.option(8, Buffer.alloc(1));
  t.equal((await client.optionReply())?.type, 0x80000003);
  client.option(10, Buffer.alloc(8));
  t.equal((await client.optionReply())?.type, 0x80000003, 'no contexts without structured replies');
  client.option(8);
  t.equal((await client.optionReply())?.type, 1);
  for (const data of [Buffer.alloc(0), longName, manyQueries, longQuery, Buffer.alloc(9)]) {
    client.option(10, data);
    t.equal((await client.optionReply())?.type, 0x80000003);
  }
  client.option(3, Buffer.alloc(1));
  t.equal((await client.optionReply())?.type, 0x80000003);
  client.option(7, Buffer.from([0, 0, 0, 0, 0, 0]));
  const info = await client.optionReply();
  t.equal(info?.type, 3);
  t.equal(info?.data.readBigUInt64BE(2), BigInt(MiB));
  t.equal((await client.optionReply())?.type, 1);
  client.socket.destroy();
  await server.close();
});

await t.test('whoever breaks the framing, or will not end haggling, is cut off; others go on', async (t) => {
  const { server, socketPath } = await serve(new MemoryDevice('disk0', MiB));
  const honest = await new RawClient(socketPath).start(true);
  const tooLong = await new RawClient(socketPath).start(false);
  tooLong.option(7, new Uint8Array(0), 8193);
  t.equal((await tooLong.optionReply())?.type, 0x80000009);
  t.equal(await tooLong.take(1), undefined);
  const noMagic = await new RawClient(socketPath).start(false);
  noMagic.socket.write(Buffer.alloc(16));
  t.equal(await noMagic.take(1), undefined);
  const badFlags = new RawClient(socketPath);
  await badFlags.take(18);
  badFlags.socket.write(Buffer.from([0, 0, 0, 8]));
  t.equal(await badFlags.take(1), undefined);
  const wrongName = await new RawClient(socketPath).start(false);
  wrongName.option(1, Buffer.from('other'));
  t.equal(await wrongName.take(1), undefined);
  const endless = await new RawClient(socketPath).start(false);
  for (let i = 0; i < 64; i += 1) endless.option(999);
  await endless.take(64 * 20);
  t.equal(await endless.take(1), undefined);
  const noRequest = await new RawClient(socketPath).start(true);
  noRequest.socket.write(Buffer.alloc(28));
  t.equal(await noRequest.take(1), undefined);
  const hugeWrite = await new RawClient(socketPath).start(true);
  hugeWrite.request(1, 0n, 32 * MiB + 1);
  t.equal(await hugeWrite.take(1), undefined);
  honest.request(0, 0n, 4);
  t.equal(await honest.error(), 0);
  t.same(await honest.take(4), Buffer.alloc(4));
  honest.request(2, 0n, 0);
  t.equal(await honest.take(1), undefined, 'a disconnect is honoured');
  await server.close();
});

await t.test(
  'requests outside the device or the protocol are answered with an error and change nothing',
  async (t) => {
    const device = new MemoryDevice('disk0', MiB);
    const { server, socketPath } = await serve(device);
    const client = await new RawClient(socketPath).start(true);
    const one = new Uint8Array(1).fill(1);
    const end = BigInt(MiB);
    const cases: [number, bigint, number, Uint8Array, number, number][] = [
      [0, end, 1, new Uint8Array(0), 0, 22],
      [0, end - 1n, 2, new Uint8Array(0), 0, 22],
      [0, 2n ** 64n - 1n, 2, new Uint8Array(0), 0, 22],
      [0, 0n, 0xffffffff, new Uint8Array(0), 0, 22],
      [1, end, 1, one, 0, 28],
      [1, 2n ** 64n - 1n, 1, one, 0, 28],
      [1, 0n, 1, one, 0x8000, 22],
      [4, end, 1, new Uint8Array(0), 0, 22],
      [3, 1n, 0, new Uint8Array(0), 0, 22],
      [6, end, 512, new Uint8Array(0), 0, 28],
      [5, end, 512, new Uint8Array(0), 0, 22],
      [7, 0n, 512, new Uint8Array(0), 0, 22],
      [0, 0n, 512, new Uint8Array(0), 4, 22],
      [6, 0n, 512, new Uint8Array(0), 16, 22],
      [99, 0n, 0, new Uint8Array(0), 0, 22],
    ];
    for (const [command, offset, length, data, flags, wanted] of cases) {
      client.request(command, offset, length, data, flags);
      t.equal(await client.error(), wanted, `command ${command} at ${offset}, ${length} bytes`);
    }
    t.ok(device.bytes.every((byte) => byte === 0));
    client.request(1, end - 1n, 1, one, 1);
    t.equal(await client.error(), 0);
    t.equal(device.bytes[MiB - 1], 1);
    client.socket.destroy();
    await server.close();
  },
);

await t.test(
  'a write that asks for it is flushed before its answer, a device fault is an I/O error',
  async (t) => {
    const device = new MemoryDevice('disk0', MiB);
    const calls: string[] = [];
    let broken = false;
    const watched: BlockDevice = {
      name: 'disk0',
      capabilities: device.capabilities,
      read: () => Promise.reject(new Error('a bad sector')),
      async write(offset, data) {
        if (broken) throw new Error('a bad sector');
        calls.push('write');
        await device.write(offset, data);
      },
      async flush() {
        calls.push('flush');
      },
      trim: async () => {},
      close: async () => {},
    };
    const { server, socketPath } = await serve(watched);
    const client = await new RawClient(socketPath).start(true);
    client.request(1, 0n, 4, new Uint8Array(4));
    t.equal(await client.error(), 0);
    t.same(calls, ['write']);
    client.request(1, 0n, 4, new Uint8Array(4), 1);
    t.equal(await client.error(), 0);
    t.same(calls, ['write', 'write', 'flush']);
    client.request(3, 0n, 0);
    t.equal(await client.error(), 0);
    t.equal(calls.at(-1), 'flush');
    client.request(0, 0n, 4);
    t.equal(await client.error(), 5);
    broken = true;
    client.request(1, 0n, 4, new Uint8Array(4));
    t.equal(await client.error(), 5);
    client.socket.destroy();
    await server.close();
  },
);

await t.test(
  'a client that asks without listening does not grow our memory, and close ends it',
  async (t) => {
    let underWay = 0;
    let most = 0;
    const device = new MemoryDevice('disk0', 64 * MiB);
    const slow: BlockDevice = {
      name: 'disk0',
      capabilities: device.capabilities,
      async read(_offset, into) {
        underWay += into.byteLength;
        most = Math.max(most, underWay);
        await new Promise((resolve) => setImmediate(resolve));
        underWay -= into.byteLength;
      },
      write: async () => {},
      flush: async () => {},
      trim: async () => {},
      close: async () => {},
    };
    const { server, socketPath } = await serve(slow);
    const client = await new RawClient(socketPath).start(true);
    client.socket.pause();
    for (let i = 0; i < 200; i += 1) client.request(0, 0n, 8 * MiB);
    await new Promise((resolve) => setTimeout(resolve, 300));
    t.ok(most <= 32 * MiB, `${most} bytes under way`);
    await server.close();
    client.socket.destroy();
  },
);
