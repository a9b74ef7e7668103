import { createHash } from 'node:crypto';
import { truncateSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { MiB } from '../../src/base/index.ts';
import { ColdHost, type ColdHostOptions } from '../kit/cold-host.ts';
import { MemorySink } from '../kit/fleet-bench.ts';
import { seededRandom } from '../kit/power-cut.ts';

const noise = (size: number, seed: number): Buffer => {
  const random = seededRandom(seed);
  return Buffer.from(Uint8Array.from({ length: size }, () => Math.floor(random() * 256)));
};
const BIG = noise(4 * MiB, 1);

async function hostWith(t: Test, options: ColdHostOptions): Promise<ColdHost> {
  const host = await ColdHost.start(options);
  t.teardown(() => host.close());
  return host;
}

/** Refused or failed with a code and a sentence, and with a remedy where it was declined. */
function explained(
  t: Test,
  end: {
    outcome: string;
    code: string | undefined;
    sentence: string | undefined;
    remedy: string | undefined;
  },
  outcome: RegExp,
  code: RegExp,
): void {
  t.match(end.outcome, outcome, `${end.outcome} ${end.code}: ${end.sentence}`);
  t.match(end.code ?? '', code);
  t.ok((end.sentence ?? '') !== '', 'with a sentence');
  t.ok((end.remedy ?? '') !== '', 'with a remedy');
}

await t.test('a put larger than the free space is refused before a byte is sent', async (t) => {
  const host = await hostWith(t, { size: 8 });
  const before = await host.disk.hash();
  let sent = 0;
  const count = () => {
    sent += 1;
  };
  const end = await host.put('/big', noise(8 * MiB, 2), { onProgress: count });
  explained(t, end, /^refused$/, /^NO_SPACE$/);
  t.equal(sent, 0);
  t.equal(await host.disk.hash(), before);
});

await t.test('a disk without free inodes or blocks takes nothing, and stays whole', async (t) => {
  const inodes = await hostWith(t, { size: 8, mkfs: ['-N', '16'] });
  for (let n = 0; n < 20; n += 1) {
    const end = await inodes.put(`/file-${n}`, Buffer.from(`${n}\n`));
    if (end.outcome === 'succeeded') continue;
    explained(t, end, /^refused$/, /^NO_SPACE$/);
    break;
  }
  t.equal((await inodes.put('/another', Buffer.from('x'))).code, 'NO_SPACE');
  t.equal((await inodes.put('/a/b/c', Buffer.from('x'), { parents: true })).code, 'NO_SPACE');
  t.equal(await inodes.disk.faults(), '');
  t.match(await inodes.give('file.delete', { path: '/file-0' }), { outcome: 'succeeded' });
  t.match(
    await inodes.put('/another', Buffer.from('x')),
    { outcome: 'succeeded' },
    'after making room it fits',
  );
  t.equal(await inodes.disk.text('/another'), 'x');

  const blocks = await hostWith(t, { size: 8 });
  let size: number = 4 * MiB;
  let refusals = 0;
  for (let n = 0; size > 512; n += 1) {
    const end = await blocks.put(`/fill-${n}`, noise(size, n));
    if (end.outcome === 'succeeded') continue;
    explained(t, end, /^refused$/, /^NO_SPACE$/);
    refusals += 1;
    size = Math.floor(size / 4);
  }
  t.ok(refusals > 2);
  t.match(
    await blocks.put('/fill-0', noise(3 * MiB, 99), { replace: true }),
    { outcome: 'succeeded' },
    'in the room of the old one',
  );
  t.ok((await blocks.disk.read('/fill-0'))?.equals(noise(3 * MiB, 99)));
  t.match(await blocks.give('file.delete', { path: '/fill-0' }), { outcome: 'succeeded' });
  t.equal(await blocks.disk.faults(), '');
});

await t.test('a file that changed since a get was cut off is fetched anew, never mixed', async (t) => {
  const other = noise(4 * MiB, 3);
  const shorter = noise(2 * MiB, 4);
  const host = await hostWith(t, {
    fill: async (tree) => {
      await writeFile(join(tree, 'file'), BIG);
    },
  });
  /** Half a get, cut off by its host. */
  const half = async (sink: MemorySink) => {
    let woken = false;
    const end = await host.get('/file', {
      sink,
      onProgress: ({ done }) => {
        if (woken || done < MiB) return;
        woken = true;
        host.machine.host.wake('test');
      },
    });
    t.match(end, { outcome: 'refused', code: 'HOST_WAKING' });
    t.ok(sink.written > 0 && sink.finished === undefined);
    while (host.machine.host.state !== 'S0') await new Promise((resolve) => setTimeout(resolve, 2));
  };
  /** What the host does with the file while it is awake. */
  const awake = async (content: Buffer | undefined) => {
    if (content !== undefined) {
      const path = join(host.dir, 'new-content');
      await writeFile(path, content);
      await host.disk.tamper(['rm /file', `write ${path} /file`]);
    }
    host.machine.host.set('S5');
  };
  const sink = new MemorySink();
  await half(sink);
  await awake(undefined);
  const same = await host.get('/file', { sink });
  t.match(same, { outcome: 'succeeded' });
  t.ok((same.resumedAt ?? 0) > 0, 'the same file goes on where it was');
  t.ok(BIG.equals(sink.finished ?? Buffer.alloc(0)));

  for (const content of [shorter, other]) {
    const again = new MemorySink();
    await half(again);
    await awake(content);
    const end = await host.get('/file', { sink: again });
    if (end.outcome === 'succeeded' && end.fault === undefined)
      t.ok(content.equals(again.finished ?? Buffer.alloc(0)), 'wholly the new one');
    else t.match(end.fault ?? end.code, /FILE_CHANGED|NS_GET_CORRUPT/);
    const at = await host.get('/file', { sink: again });
    t.match(at, { outcome: 'succeeded' });
    t.ok(content.equals(again.finished ?? Buffer.alloc(0)));
    await awake(BIG);
  }

  await t.test('even where size, inode and time are the same', async (t) => {
    const sneaky = new MemorySink();
    await half(sneaky);
    host.machine.host.set('S5');
    // In place, behind the back of every clock.
    const image = await readFile(host.disk.path);
    const at = image.indexOf(BIG.subarray(3 * MiB, 3 * MiB + 4096));
    t.ok(at > 0);
    noise(4096, 5).copy(image, at);
    noise(4096, 6).copy(image, image.indexOf(BIG.subarray(0, 4096)));
    await writeFile(host.disk.path, image, { flag: 'r+' });
    const end = await host.get('/file', { sink: sneaky });
    t.equal(end.fault, 'NS_GET_CORRUPT');
    t.equal(sneaky.finished, undefined, 'a mixture is thrown away');
    const anew = await host.get('/file', { sink: sneaky });
    t.match(anew, { outcome: 'succeeded', fault: undefined });
    const hash = createHash('sha256')
      .update(sneaky.finished ?? '')
      .digest();
    t.same(Buffer.from(anew.result?.sha256 ?? []), hash);
  });
});

await t.test(
  'bad sectors under a file, a directory or the metadata: failed, explained, and the next order works',
  async (t) => {
    const host = await hostWith(t, {
      fill: async (tree) => {
        await mkdir(join(tree, 'etc'));
        await mkdir(join(tree, 'srv'));
        await writeFile(join(tree, 'file'), BIG);
        await writeFile(join(tree, 'srv/file'), 'small\n');
      },
    });
    const image = await readFile(host.disk.path);
    const middle = image.indexOf(BIG.subarray(2 * MiB, 2 * MiB + 4096));
    host.machine.addBadSector('disk0', middle / 512);
    const got = await host.get('/file');
    explained(t, got, /^failed$/, /^NS_BLOCK_IO$/);
    t.equal(got.sink.finished, undefined);
    t.match(await host.give('file.stat', { path: '/file' }), { outcome: 'succeeded' });
    t.match(await host.give('memory.check', { medium: 'storage' }), {
      result: { errorCount: 1, errors: [{ at: middle / 512 }] },
    });

    t.match(
      await host.put('/elsewhere', Buffer.from('x')),
      { outcome: 'succeeded' },
      'what is whole still works',
    );
    t.equal(await host.disk.text('/elsewhere'), 'x');

    const whole = await host.disk.hash();
    const blockSize = Number(/Block size:\s+(\d+)/.exec(await host.disk.ask('stats -h'))?.[1]);
    const spoil = async (path: string) => {
      const block = Number(/\(0\):(\d+)/.exec(await host.disk.ask(`stat ${path}`))?.[1]);
      host.machine.addBadSector('disk0', (MiB + block * blockSize) / 512);
    };
    await spoil('/srv');
    explained(t, await host.give('file.list', { path: '/srv' }), /^failed$/, /^NS_BLOCK_IO$/);
    explained(t, await host.put('/srv/motd', Buffer.from('x')), /^failed$/, /^NS_BLOCK_IO$/);
    explained(t, await host.give('file.delete', { path: '/srv/file' }), /^failed$/, /^NS_BLOCK_IO$/);
    // The change itself would go elsewhere, but a filesystem that cannot be checked whole is not written.
    explained(
      t,
      await host.put('/more', Buffer.from('x')),
      /^(failed|refused)$/,
      /^(NS_TOOL_FAILED|NS_BLOCK_IO|CHECK_FAILED)$/,
    );
    t.equal(await host.disk.hash(), whole);
    t.equal(await host.disk.faults(), '');
    t.match(await host.get('/elsewhere'), { outcome: 'succeeded', result: { volume: { stale: false } } });
    // Where the gate cannot see whether the host is hibernated, nothing is written, and reading says so.
    await spoil('/etc');
    const unsure = await host.get('/elsewhere');
    t.match(unsure, {
      outcome: 'succeeded',
      result: { volume: { stale: true, notes: [/swap files could not be looked for/] } },
    });
    explained(t, await host.put('/more', Buffer.from('x')), /^refused$/, /^VOLUME_HIBERNATED$/);
    explained(t, await host.give('file.list', { path: '/etc' }), /^failed$/, /^NS_BLOCK_IO$/);
    t.equal(await host.disk.hash(), whole);
    await host.restart();
    t.match(
      await host.give('file.stat', { path: '/elsewhere' }),
      { outcome: 'succeeded' },
      'the journal is whole',
    );
  },
);

await t.test(
  'a drive that vanishes, or a switch that sticks, ends the order and not the device',
  async (t) => {
    const host = await hostWith(t, {
      fill: async (tree) => {
        await writeFile(join(tree, 'file'), BIG);
      },
    });
    const drive = host.machine.drives[0]!;
    for (let round = 0; round < 2; round += 1) {
      drive.setFault('stuck');
      explained(t, await host.give('file.list', { path: '/' }), /^refused$/, /^CUSTODY_UNAVAILABLE$/);
      explained(t, await host.get('/file'), /^refused$/, /^CUSTODY_UNAVAILABLE$/);
      explained(t, await host.put('/x', Buffer.from('x')), /^refused$/, /^CUSTODY_UNAVAILABLE$/);
      drive.setFault(undefined);
      t.match(await host.give('file.list', { path: '/' }), { outcome: 'succeeded' });
    }
    // Pulled in the middle: the image ends early from then on.
    const image = await readFile(host.disk.path);
    let cut = false;
    const got = await host.get('/file', {
      onProgress: ({ done }) => {
        if (cut || done < MiB) return;
        cut = true;
        truncateSync(host.disk.path, MiB + 64 * 1024);
      },
    });
    explained(t, got, /^failed$/, /^NS_BLOCK_IO$/);
    t.equal(got.sink.finished, undefined);
    for (const end of [
      await host.give('file.list', { path: '/', recursive: true }),
      await host.put('/x', Buffer.from('x')),
      await host.give('file.delete', { path: '/file' }),
    ]) {
      explained(t, end, /^(failed|refused)$/, /./);
    }
    await host.stop();
    await writeFile(host.disk.path, image);
    await host.boot();
    t.match(await host.put('/x', Buffer.from('x')), { outcome: 'succeeded' }, 'back again, it is used again');
    t.equal(await host.disk.faults(), '');

    // Gone under a put, at each of its writes to the disk.
    for (let n = 1; n <= 4; n += 1) {
      const first = host.writes;
      const before = await readFile(host.disk.path);
      host.onWrite = (at) => {
        if (at - first === n) drive.setFault('stuck');
        return undefined;
      };
      const end = await host.put('/y', noise(100_000, n), { replace: true });
      t.match(end.outcome, /^(succeeded|refused|failed)$/, `write ${n}: ${end.outcome} ${end.code ?? ''}`);
      host.onWrite = undefined;
      drive.setFault(undefined);
      const there = await host.disk.read('/y');
      if (end.outcome === 'succeeded') t.ok(there?.equals(noise(100_000, n)));
      else t.ok(before.equals(await readFile(host.disk.path)));
      t.equal(await host.disk.faults(), '');
      t.match(await host.give('file.stat', { path: '/x' }), { outcome: 'succeeded' });
    }
  },
);
