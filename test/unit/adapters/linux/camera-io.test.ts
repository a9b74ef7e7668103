import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { CameraIo, type TakeStill, takeStill } from '../../../../src/adapters/linux/index.ts';
import { VirtualClock } from '../../../../src/adapters/sim/index.ts';
import { KiB, seconds } from '../../../../src/base/index.ts';
import type { Channel } from '../../../../src/ports/index.ts';
import { ioDevicesContract } from '../../../contract/io-devices.ts';
import { FakeKernelFiles } from '../../../kit/fake-kernel-files.ts';

const dir = await mkdtemp(join(tmpdir(), 'nightshift-camera-'));
t.teardown(() => rm(dir, { recursive: true }));
const channel: Channel = { name: 'rack', kind: 'camera', unit: 'jpeg', readable: true, writable: false };
const at = { on: 'camera', path: '/dev/video0', width: 640, height: 480, skip: 5 } as const;
const picture = Uint8Array.of(0xff, 0xd8, 1, 2, 3, 0xff, 0xd9);

function camera(take: TakeStill, files: Record<string, string> = { '/dev/video0': '' }) {
  const clock = new VirtualClock();
  return { clock, io: new CameraIo([{ channel, at }], new FakeKernelFiles(files), clock, take) };
}

await ioDevicesContract('a camera', async () => {
  const { io, clock } = camera(async () => picture);
  return { io, pass: () => clock.advance(seconds(3)) };
});

await t.test('a picture is from its first mark to its last, and fits an answer', async (t) => {
  const padded = Buffer.concat([picture, new Uint8Array(100)]);
  t.same(await camera(async () => padded).io.read('rack'), picture);
  const large = new Uint8Array(49 * KiB);
  large.set([0xff, 0xd8]);
  large.set([0xff, 0xd9], large.byteLength - 2);
  await t.rejects(camera(async () => large).io.read('rack'), { message: /let the board ask for a smaller/ });
  for (const bytes of [new Uint8Array(), new Uint8Array(600), picture.subarray(0, 4), picture.subarray(1)])
    await t.rejects(camera(async () => bytes).io.read('rack'), { message: /is no JPEG picture/ });
  await t.rejects(camera(async () => picture, {}).io.read('rack'), { message: /no camera at \/dev\/video0/ });
});

await t.test(
  'two who ask get a picture each, one after the other; one that fails holds up none',
  async (t) => {
    let taking = 0;
    let number = 0;
    const { io } = camera(async () => {
      taking += 1;
      t.equal(taking, 1);
      await new Promise((resolve) => setImmediate(resolve));
      taking -= 1;
      number += 1;
      if (number === 2) throw new Error('out of focus');
      return picture;
    });
    const ends = await Promise.allSettled([io.read('rack'), io.read('rack'), io.read('rack')]);
    t.same(
      ends.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
  },
);

/** A program in the place of v4l2-ctl. */
async function tool(name: string, script: string): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

await t.test('the program is told which camera and which picture, and nothing more', async (t) => {
  const path = await tool(
    'good',
    `printf '\\377\\330'; printf '%s ' "$@"; printf '\\377\\331'; echo 'said beside it' >&2`,
  );
  const still = await takeStill(path)(at, 'rack');
  t.equal(
    Buffer.from(still.subarray(2, -2)).toString(),
    '--device=/dev/video0 --set-fmt-video=width=640,height=480,pixelformat=MJPG --stream-mmap --stream-skip=5 --stream-count=1 --stream-to=- ',
  );
});

await t.test('a program that is not there, fails, never ends or says too much is an error', async (t) => {
  const take = async (path: string, signal?: AbortSignal) => takeStill(path)(at, 'rack', signal);
  await t.rejects(take(join(dir, 'missing')), { code: 'NS_IO_FAILED', message: /is not installed here/ });
  await t.rejects(take(await tool('bad', 'exit 1')), { message: /rack: the camera gave no picture/ });
  await t.rejects(take(await tool('much', 'head -c 3000000 /dev/zero')), { message: /no JPEG picture/ });
  const over = new AbortController();
  const waiting = take(await tool('slow', 'exec sleep 60'), over.signal);
  over.abort(new Error('no longer'));
  await t.rejects(waiting, { message: 'no longer' });
});
