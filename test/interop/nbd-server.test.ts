import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { type NbdServer, serveNbd } from '../../src/adapters/nbd/nbd-server.ts';
import { MiB } from '../../src/base/index.ts';
import type { BlockDevice } from '../../src/ports/index.ts';
import { temporaryDirectory } from '../kit/ext-volume.ts';
import { MemoryDevice } from '../kit/memory-device.ts';
import { seededRandom } from '../kit/power-cut.ts';

const run = promisify(execFile);
const directory = await temporaryDirectory();
t.teardown(() => directory.remove());
let count = 0;

async function serve(device: BlockDevice): Promise<{ server: NbdServer; socketPath: string; uri: string }> {
  count += 1;
  const socketPath = join(directory.path, `socket-${count}`);
  const server = await serveNbd(device, { socketPath, exportName: 'disk0' });
  return { server, socketPath, uri: `nbd+unix:///disk0?socket=${socketPath}` };
}

function noise(size: number, seed: number): Uint8Array {
  const random = seededRandom(seed);
  return Uint8Array.from({ length: size }, () => Math.floor(random() * 256));
}

await t.test('nbdinfo sees the size, the flags and the list', async (t) => {
  const { server, uri } = await serve(new MemoryDevice('disk0', 3 * MiB));
  const { stdout } = await run('nbdinfo', ['--json', uri]);
  const found = JSON.parse(stdout) as { protocol: string; exports: Record<string, unknown>[] };
  t.equal(found.protocol, 'newstyle-fixed');
  t.match(found.exports[0], {
    'export-size': 3 * MiB,
    is_read_only: false,
    can_flush: true,
    can_fua: true,
    can_trim: false,
    block_size_maximum: 32 * MiB,
  });
  const list = await run('nbdinfo', ['--list', uri.replace('/disk0?', '?')]);
  t.match(list.stdout, /export="disk0"/);
  await server.close();
});

await t.test('nbdcopy writes and reads back 16 MiB and an odd end, with requests side by side', async (t) => {
  const device = new MemoryDevice('disk0', 16 * MiB + 1000);
  const content = noise(16 * MiB + 1000, 1);
  const { server, uri } = await serve(device);
  const source = join(directory.path, 'source');
  const target = join(directory.path, 'target');
  await writeFile(source, content);
  await run('nbdcopy', ['--flush', '--requests=16', source, uri]);
  t.ok(Buffer.from(device.bytes).equals(Buffer.from(content)));
  await run('nbdcopy', ['--requests=16', '--request-size=1048576', uri, target]);
  t.ok((await readFile(target)).equals(Buffer.from(content)));
  await server.close();
});

await t.test('a read-only device is offered so, and is not written', async (t) => {
  const { server, uri } = await serve(new MemoryDevice('disk0', MiB, { writable: false }));
  t.match((await run('nbdinfo', [uri])).stdout, /is_read_only: true/);
  const source = join(directory.path, 'small');
  await writeFile(source, noise(MiB, 2));
  await t.rejects(run('nbdcopy', [source, uri]));
  await server.close();
});

/** A client of bytes, for what no honest client sends. */
class RawClient {
  readonly socket: Socket;
  #got = Buffer.alloc(0);
  #closed = false;
  #wake: () => void = () => {};

  constructor(path: string) {
    this.socket = createConnection(path);
    this.socket.on('data', (chunk: Buffer) => {
      this.#got = Buffer.concat([this.#got, chunk]);
      this.#wake();
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
    this.socket.on('end', () => {
      this.socket.end();
    });
  }

  /** Undefined where the server closes first. */
  async take(size: number): Promise<Buffer | undefined> {
    while (this.#got.byteLength < size) {
      if (this.#closed) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const bytes = this.#got.subarray(0, size);
    this.#got = this.#got.subarray(size);
    return bytes;
  }

  option(option: number, data: Uint8Array = new Uint8Array(0), claimed = data.byteLength): void {
    const header = Buffer.alloc(16);
    header.write('IHAVEOPT', 0, 'latin1');
    header.writeUInt32BE(option, 8);
    header.writeUInt32BE(claimed, 12);
    this.socket.write(Buffer.concat([header, data]));
  }

  async optionReply(): Promise<{ type: number; data: Buffer } | undefined> {
    const header = await this.take(20);
    const data = header === undefined ? undefined : await this.take(header.readUInt32BE(16));
    return header === undefined || data === undefined ? undefined : { type: header.readUInt32BE(12), data };
  }

  request(
    command: number,
    offset: bigint,
    length: number,
    data: Uint8Array = new Uint8Array(0),
    flags = 0,
  ): void {
    const header = Buffer.alloc(28);
    header.writeUInt32BE(0x25609513, 0);
    header.writeUInt16BE(flags, 4);
    header.writeUInt16BE(command, 6);
    header.writeBigUInt64BE(77n, 8);
    header.writeBigUInt64BE(offset, 16);
    header.writeUInt32BE(length, 24);
    this.socket.write(Buffer.concat([header, data]));
  }

  async error(): Promise<number | undefined> {
    return (await this.take(16))?.readUInt32BE(4);
  }

  /** Through the greeting, and to the export where asked. */
  async start(go: boolean): Promise<this> {
    await this.take(18);
    this.socket.write(Buffer.from([0, 0, 0, 3]));
    if (go) {
      this.option(1, Buffer.from('disk0'));
      await this.take(10);
    }
    return this;
  }
}

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
  for (const option of [5, 8, 10, 11, 999]) {
    client.option(option);
    t.equal((await client.optionReply())?.type, 0x80000001);
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
      [6, 0n, 512, new Uint8Array(0), 0, 22],
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
