import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { milliseconds } from '../../src/base/index.ts';
import { LineBytes } from '../../src/console/line-bytes.ts';
import { receiveXmodem } from '../../src/console/xmodem/receive.ts';
import { sendXmodem } from '../../src/console/xmodem/send.ts';
import { type LrzszLine, type LrzszOptions, startLrzsz } from '../kit/lrzsz.ts';

/** rx waits a second after the end, and from anew whenever something comes. */
const PATIENCE = { patience: milliseconds(2500) };
const SUB = 0x1a;

const directory = await mkdtemp(join(tmpdir(), 'ns-xmodem-'));
t.teardown(() => rm(directory, { recursive: true, force: true }));

type Equal = Pick<Test, 'equal'>;

async function withLine<T>(line: LrzszLine, use: (bytes: LineBytes) => Promise<T>): Promise<T> {
  const bytes = new LineBytes(line, systemClock, new AbortController().signal);
  try {
    return await use(bytes);
  } finally {
    bytes.close();
  }
}

async function receive(t: Equal, content: Uint8Array, options: Partial<LrzszOptions> = {}): Promise<Buffer> {
  await writeFile(join(directory, 'out'), content);
  const line = startLrzsz('sx', ['-q', '-b', '-k', 'out'], { cwd: directory, ...options });
  const pieces: Uint8Array[] = [];
  const count = await withLine(line, (bytes) =>
    receiveXmodem(bytes, { write: async (_offset, piece) => void pieces.push(piece) }, PATIENCE),
  );
  t.equal(await line.ended, 0, 'sx is content');
  const came = Buffer.concat(pieces);
  t.equal(count, came.byteLength);
  return came;
}

async function send(
  t: Equal,
  content: Uint8Array,
  args: readonly string[],
  options: Partial<LrzszOptions> = {},
) {
  const line = startLrzsz('rx', [...args, 'in'], { cwd: directory, ...options });
  await withLine(line, (bytes) =>
    sendXmodem(
      bytes,
      {
        size: content.byteLength,
        read: async (offset, into) => into.set(content.subarray(offset, offset + into.byteLength)),
      },
      PATIENCE,
    ),
  );
  t.equal(await line.ended, 0, 'rx is content');
  return await readFile(join(directory, 'in'));
}

/** The content, and after it nothing but filling. */
function isFilled(t: Pick<Test, 'same' | 'ok'>, came: Uint8Array, content: Uint8Array): void {
  t.same(came.subarray(0, content.byteLength), Buffer.from(content));
  const filling = came.subarray(content.byteLength);
  t.ok(filling.byteLength < 1024 && filling.every((byte) => byte === SUB), 'and filling after it');
}

await t.test('sx sends to us, and rx takes from us', async (t) => {
  for (const size of [1, 1025, 200_000]) {
    const content = randomBytes(size);
    isFilled(t, await receive(t, content), content);
    isFilled(t, await send(t, content, ['-q', '-b', '-c']), content);
  }
});

await t.test('an old receiver that only adds up is served too', async (t) => {
  const content = randomBytes(3000);
  isFilled(t, await send(t, content, ['-q', '-b']), content);
});

await t.test('a block that was hit is sent again', async (t) => {
  const content = randomBytes(20_000);
  let passed = 0;
  const hit = (bytes: Uint8Array): Uint8Array => {
    const out = Uint8Array.from(bytes);
    for (let i = 0; i < out.byteLength; i += 1) {
      passed += 1;
      if (passed % 7919 === 0) out[i] = out[i]! ^ 0x10;
    }
    return out;
  };
  isFilled(t, await receive(t, content, { onCame: hit }), content);
  isFilled(t, await send(t, content, ['-q', '-b', '-c'], { onWent: hit }), content);
});

await t.test('nobody at the other end is an answer, and so is one who gives up', async (t) => {
  const line = startLrzsz('sx', ['-q', '-b', '-k', 'out'], { cwd: directory });
  await writeFile(join(directory, 'out'), randomBytes(5000));
  const full = new Error('full');
  await t.rejects(
    withLine(line, (bytes) => receiveXmodem(bytes, { write: () => Promise.reject(full) }, PATIENCE)),
    full,
  );
  t.not(await line.ended, 0);
});
