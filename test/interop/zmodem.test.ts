import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { crc32, milliseconds } from '../../src/base/index.ts';
import { LineBytes } from '../../src/console/line-bytes.ts';
import {
  receiveZmodem,
  sendZmodem,
  type ZmodemFile,
  type ZmodemSink,
} from '../../src/console/zmodem/index.ts';
import { type LrzszLine, startLrzsz } from '../kit/lrzsz.ts';

const EIGHT_MIB = 8 * 1024 * 1024;
const PULLS = 10;
const PATIENCE = { patience: milliseconds(300) };

const directory = await mkdtemp(join(tmpdir(), 'ns-zmodem-'));
t.teardown(() => rm(directory, { recursive: true, force: true }));
const never = new AbortController().signal;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Keeps what comes, from one session to the next. */
class Shelf {
  readonly bytes: Buffer;
  have = 0;
  file: ZmodemFile | undefined;
  finished: number | undefined;

  constructor(size: number) {
    this.bytes = Buffer.alloc(size);
  }

  readonly take = async (file: ZmodemFile): Promise<ZmodemSink> => {
    this.file = file;
    return {
      have: { bytes: this.have, crc32: crc32(this.bytes.subarray(0, this.have)) },
      write: async (offset, content) => {
        if (offset === 0) this.have = 0;
        if (offset !== this.have) throw new Error(`a gap: ${offset} after ${this.have}`);
        this.bytes.set(content, offset);
        this.have += content.byteLength;
      },
      finish: async (size) => {
        this.finished = size;
      },
    };
  };
}

async function receive(line: LrzszLine, shelf: Shelf): Promise<unknown> {
  const talk = new LineBytes(line, systemClock, never);
  try {
    return await receiveZmodem(talk, shelf.take, PATIENCE);
  } catch (error) {
    return error;
  } finally {
    talk.close();
  }
}

async function send(line: LrzszLine, name: string, content: Uint8Array, sentBefore = 0): Promise<unknown> {
  const talk = new LineBytes(line, systemClock, never);
  try {
    return await sendZmodem(
      talk,
      {
        file: { name, size: content.byteLength, mtime: 1_700_000_000, mode: 0o640 },
        sentBefore,
        read: async (offset, into) => {
          into.set(content.subarray(offset, offset + into.byteLength));
        },
      },
      PATIENCE,
    );
  } catch (error) {
    return error;
  } finally {
    talk.close();
  }
}

/** Pulls once so many bytes have passed. */
function pulling(after: number, way: 'came' | 'went') {
  let pulled: Promise<void> | undefined;
  const watch = (bytes: Uint8Array, line: LrzszLine): Uint8Array => {
    const rest = after - line.count[way];
    if (rest > bytes.byteLength || pulled !== undefined) return bytes;
    pulled = Promise.resolve().then(() => line.pull());
    return bytes.subarray(0, rest);
  };
  return way === 'came' ? { onCame: watch } : { onWent: watch };
}

await t.test('sz sends 8 MiB to us, with the cable pulled ten times', async (t) => {
  const content = randomBytes(EIGHT_MIB);
  const file = join(directory, 'from-sz');
  await writeFile(file, content);
  const shelf = new Shelf(EIGHT_MIB);
  for (let pull = 0; pull < PULLS; pull += 1) {
    const before = shelf.have;
    const line = startLrzsz('sz', ['-q', '-b', file], { cwd: directory, ...pulling(700_000, 'came') });
    const result = await receive(line, shelf);
    await line.ended;
    t.match(result, { code: 'NS_LINE_LOST' });
    t.ok(shelf.have > before, 'what came is kept');
  }
  t.equal(shelf.finished, undefined);
  const line = startLrzsz('sz', ['-q', '-b', file], { cwd: directory });
  t.equal(await receive(line, shelf), 1);
  t.equal(await line.ended, 0, 'sz is content');
  t.equal(shelf.finished, EIGHT_MIB);
  t.equal(sha256(shelf.bytes), sha256(content));
  t.match(shelf.file, { name: 'from-sz', size: EIGHT_MIB });
});

await t.test('rz takes 8 MiB from us, with the cable pulled ten times', async (t) => {
  const content = randomBytes(EIGHT_MIB);
  for (let pull = 0; pull < PULLS; pull += 1) {
    const line = startLrzsz('rz', ['-q', '-b'], { cwd: directory, ...pulling(700_000, 'went') });
    t.match(await send(line, 'to-rz', content, EIGHT_MIB), { code: 'NS_LINE_LOST' });
    await line.ended;
  }
  const part = (await stat(join(directory, 'to-rz'))).size;
  t.ok(part > 0 && part < EIGHT_MIB, `rz has ${part} bytes`);
  const line = startLrzsz('rz', ['-q', '-b'], { cwd: directory });
  const sent = await send(line, 'to-rz', content, EIGHT_MIB);
  t.match(sent, { is: 'sent' });
  t.ok((sent as { from: number }).from > EIGHT_MIB / 4, 'it went on where it was');
  t.equal(await line.ended, 0, 'rz is content');
  t.equal(sha256(await readFile(join(directory, 'to-rz'))), sha256(content));
});

await t.test('what rz has under that name stays as it is, unless it was sent before', async (t) => {
  const content = randomBytes(20_000);
  const file = join(directory, 'mine');
  const tried = async (there: Uint8Array, args: readonly string[], sentBefore: number): Promise<unknown> => {
    await writeFile(file, there);
    const line = startLrzsz('rz', ['-q', '-b', ...args], { cwd: directory });
    const result = await send(line, 'mine', content, sentBefore);
    await line.ended;
    const came = (result as { is?: string }).is === 'sent';
    t.same(await readFile(file), Buffer.from(came ? content : there));
    return result;
  };
  const begun = content.subarray(0, 5000);
  t.match(await tried(begun, [], 0), { is: 'skipped' });
  t.match(await tried(begun, ['-r'], 0), { code: 'NS_ZMODEM_PART', message: /4096 bytes .* nothing tells/ });
  t.match(await tried(begun, [], 4000), { code: 'NS_ZMODEM_PART', message: /nothing tells/ });
  t.match(await tried(begun, [], 5000), { is: 'sent', from: 4096 });
  t.match(await tried(content.subarray(0, 0), [], 5000), { is: 'sent', from: 0 });
});

await t.test('a file of sz that begins otherwise comes from its first byte', async (t) => {
  const content = randomBytes(9000);
  const file = join(directory, 'changed');
  await writeFile(file, content);
  const shelf = new Shelf(content.byteLength);
  shelf.bytes.set(content.subarray(0, 4000));
  shelf.bytes[3999] = shelf.bytes[3999]! ^ 1;
  shelf.have = 4000;
  const line = startLrzsz('sz', ['-q', '-b', file], { cwd: directory });
  t.equal(await receive(line, shelf), 1);
  t.equal(await line.ended, 0);
  t.equal(sha256(shelf.bytes), sha256(content));
});

/** Hits a byte now and then, always the same ones. */
function noise(every: number) {
  let passed = 0;
  return (bytes: Uint8Array): Uint8Array => {
    const out = Uint8Array.from(bytes);
    for (let i = 0; i < out.byteLength; i += 1) {
      passed += 1;
      if (passed % every === 0) out[i] = out[i]! ^ 0x04;
    }
    return out;
  };
}

await t.test('noise on the line costs time and nothing else', async (t) => {
  const content = randomBytes(256 * 1024);
  const file = join(directory, 'noisy');
  await writeFile(file, content);
  const shelf = new Shelf(content.byteLength);
  const from = startLrzsz('sz', ['-q', '-b', file], { cwd: directory, onCame: noise(30_011) });
  t.equal(await receive(from, shelf), 1);
  t.equal(await from.ended, 0);
  t.equal(sha256(shelf.bytes), sha256(content));

  const to = startLrzsz('rz', ['-q', '-b'], { cwd: directory, onWent: noise(30_011) });
  t.match(await send(to, 'noisy-back', content), { is: 'sent', from: 0 });
  t.equal(await to.ended, 0);
  t.equal(sha256(await readFile(join(directory, 'noisy-back'))), sha256(content));
});

await t.test('every byte there is, an empty file, and old programs with CRC-16', async (t) => {
  const all = Uint8Array.from({ length: 256 * 16 }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
  for (const [name, content] of [
    ['all', all],
    ['empty', new Uint8Array()],
  ] as const) {
    const file = join(directory, name);
    await writeFile(file, content);
    for (const args of [
      ['-q', '-b'],
      ['-q', '-b', '-e'],
      ['-q', '-b', '-o'],
    ]) {
      const shelf = new Shelf(content.byteLength);
      const line = startLrzsz('sz', [...args, file], { cwd: directory });
      t.equal(await receive(line, shelf), 1, `${name} ${args.join(' ')}`);
      t.equal(await line.ended, 0);
      t.same([...shelf.bytes], [...content]);
    }
    const back = startLrzsz('rz', ['-q', '-b', '-e'], { cwd: directory });
    t.match(await send(back, `${name}-back`, content), { is: 'sent' });
    t.equal(await back.ended, 0);
    t.same([...(await readFile(join(directory, `${name}-back`)))], [...content]);
  }
});

await t.test('a file that is not wanted is skipped, and those after it come', async (t) => {
  await writeFile(join(directory, 'one'), 'one');
  await writeFile(join(directory, 'two'), 'two');
  const shelf = new Shelf(3);
  const line = startLrzsz('sz', ['-q', '-b', 'one', 'two'], { cwd: directory });
  const talk = new LineBytes(line, systemClock, never);
  const names: string[] = [];
  const count = await receiveZmodem(
    talk,
    async (file) => {
      names.push(file.name);
      return file.name === 'two' ? shelf.take(file) : undefined;
    },
    PATIENCE,
  );
  talk.close();
  t.equal(count, 1);
  t.same(names, ['one', 'two']);
  t.equal(shelf.bytes.toString(), 'two');
  await line.ended;
});

await t.test('any number of files may come before and after the one that is wanted', async (t) => {
  const all = Array.from({ length: 40 }, (_, n) => `many${n}`);
  for (const name of all) await writeFile(join(directory, name), name);
  const shelf = new Shelf(6);
  const line = startLrzsz('sz', ['-q', '-b', ...all], { cwd: directory });
  const talk = new LineBytes(line, systemClock, never);
  const count = await receiveZmodem(
    talk,
    async (file) => (file.name === 'many20' ? shelf.take(file) : undefined),
    PATIENCE,
  );
  talk.close();
  t.equal(count, 1);
  t.equal(shelf.bytes.toString(), 'many20');
  t.equal(await line.ended, 0);
});

await t.test('who gives up is understood, on either side', async (t) => {
  const content = randomBytes(1024 * 1024);
  const file = join(directory, 'given-up');
  await writeFile(file, content);
  const line = startLrzsz('sz', ['-q', '-b', file], { cwd: directory });
  const talk = new LineBytes(line, systemClock, never);
  const full = new Error('full');
  const result = await receiveZmodem(talk, async () => ({
    write: async (offset) => {
      if (offset > 100_000) throw full;
    },
    finish: async () => undefined,
  })).catch((error: unknown) => error);
  talk.close();
  t.equal(result, full);
  t.not(await line.ended, 0, 'sz ends with a failure');
});

await t.test('a sender that wants a command run is refused', async (t) => {
  const line = startLrzsz('sz', ['-q', '-c', 'touch pwned'], { cwd: directory });
  t.match(await receive(line, new Shelf(0)), { code: 'NS_ZMODEM_COMMAND' });
  await line.ended;
  await t.rejects(stat(join(directory, 'pwned')));
});
