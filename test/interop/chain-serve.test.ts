import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { buildChainProgram, makeMembers, serveChain, tool, untilStatus } from '../kit/chain-program.ts';

const MiB = 1024 * 1024;
const root = t.testdir();
const program = await buildChainProgram(root);

let count = 0;
async function chainOf(sizes: readonly number[], options: readonly string[] = []) {
  count += 1;
  const directory = join(root, `chain${count}`);
  await mkdir(directory);
  const members = await makeMembers(directory, sizes);
  const chain = await serveChain(program, directory, members, options);
  return { directory, members, chain };
}

await t.test('libnbd and QEMU see one disk of the summed size', async (t) => {
  const { chain } = await chainOf([64 * MiB, 512 * 1024, 96 * MiB]);
  t.equal((await tool('nbdinfo', '--size', chain.uri)).trim(), String(160 * MiB + 512 * 1024));
  const info = await tool('nbdinfo', chain.uri);
  t.match(info, /using structured packets/);
  t.match(info, /can_flush: true/);
  t.match(info, /can_fua: true/);
  t.match(info, /base:allocation/);
  t.match(await tool('qemu-img', 'info', chain.uri), /virtual size: 160/);
  t.equal(await chain.stop(), 0);
});

await t.test(
  'nbdcopy there and back over every border gives the same bytes, and each drive has its part',
  async (t) => {
    const { chain, directory, members } = await chainOf([8 * MiB, 3 * MiB, 512, 5 * MiB]);
    const whole = randomBytes(16 * MiB + 512);
    const [there, back] = [join(directory, 'there'), join(directory, 'back')];
    await writeFile(there, whole);
    await tool('nbdcopy', '--flush', there, chain.uri);
    await tool('nbdcopy', chain.uri, back);
    t.ok((await readFile(back)).equals(whole));
    const parts = await Promise.all(members.map((path) => readFile(path)));
    t.ok(Buffer.concat(parts).equals(whole));
    t.match(await tool('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', there, chain.uri), /identical/);
    await chain.stop();
  },
);

await t.test('fio writes over the borders at depth 32 and every block verifies', async (t) => {
  // Borders that no 4 KiB block respects.
  const { chain } = await chainOf([5 * MiB + 512, 7 * MiB + 1536, 4 * MiB + 2048]);
  const { stdout } = await import('node:child_process').then(({ spawnSync }) =>
    spawnSync(
      'fio',
      [
        '--name=borders',
        '--ioengine=nbd',
        `--uri=${chain.uri}`,
        '--rw=randwrite',
        '--bs=4k',
        '--iodepth=32',
        '--size=16m',
        '--verify=crc32c',
        '--do_verify=1',
        '--verify_fatal=1',
        '--verify_state_save=0',
        '--output-format=json',
      ],
      { encoding: 'utf8', timeout: 120_000 },
    ),
  );
  const report = JSON.parse(stdout.slice(stdout.indexOf('{'))) as {
    jobs: { error: number; read: { total_ios: number }; write: { total_ios: number } }[];
  };
  const job = report.jobs[0]!;
  t.equal(job.error, 0);
  t.ok(job.write.total_ios >= 4096, 'all blocks were written');
  t.ok(job.read.total_ios >= 4096, 'all blocks were verified');
  await chain.stop();
});

await t.test('ext4 made through nbdfuse lies over the members, whole', async (t) => {
  const { chain, directory } = await chainOf([20 * MiB, 30 * MiB, 14 * MiB]);
  const mount = join(directory, 'mount');
  await mkdir(mount);
  const file = join(mount, 'nbd');
  const script = `nbdfuse ${file} '${chain.uri}' & for i in $(seq 100); do [ -e ${file} ] && break; sleep 0.1; done
    mkfs.ext4 -q -F ${file} && e2fsck -fn ${file}; code=$?; fusermount3 -u ${mount}; wait; exit $code`;
  await tool('bash', '-c', script);
  t.equal(await chain.stop(), 0);
});

await t.test('qemu-io reads its patterns back, flushed and with FUA', async (t) => {
  const { chain } = await chainOf([1 * MiB, 1 * MiB, 1 * MiB]);
  const said = await tool(
    'qemu-io',
    ...['-f', 'raw'],
    ...['-c', 'write -P 0x11 0 3M', '-c', 'write -f -P 0x22 1047552 4096', '-c', 'flush'],
    ...['-c', 'read -P 0x22 1047552 4096', '-c', 'read -P 0x11 1051648 2048', '-c', 'write -z 2M 64k'],
    ...['-c', 'read -P 0 2M 64k', chain.uri],
  );
  t.notMatch(said, /failed|error/i);
  t.equal(said.match(/read \d+\/\d+ bytes/g)?.length, 3);
  await chain.stop();
});

await t.test(
  'a disabled chain offers no disk, also after its power was pulled, until it is enabled',
  async (t) => {
    const first = await chainOf([4 * MiB, 4 * MiB], ['--state', join(root, 'state-lock')]);
    await first.chain.order('disable');
    await t.rejects(tool('nbdinfo', '--size', first.chain.uri));
    await first.chain.kill();
    const again = await serveChain(program, first.directory, first.members, [
      '--state',
      join(root, 'state-lock'),
    ]);
    t.match(await again.order('status'), /T7 DISABLED/);
    await t.rejects(tool('nbdinfo', '--size', again.uri));
    await again.order('enable');
    t.equal((await tool('nbdinfo', '--size', again.uri)).trim(), String(8 * MiB));
    await again.stop();
  },
);

await t.test('while a member is missing nobody sees a disk, and then again the whole one', async (t) => {
  const { chain } = await chainOf([4 * MiB, 4 * MiB, 4 * MiB]);
  t.equal((await tool('nbdinfo', '--size', chain.uri)).trim(), String(12 * MiB));
  await chain.order('pull', '1');
  t.match(await untilStatus(chain, /HELD/), /shown to the host now: nothing/);
  const size = tool('nbdinfo', '--size', chain.uri);
  let answered = false;
  size.then(
    () => {
      answered = true;
    },
    () => {
      answered = true;
    },
  );
  await new Promise((done) => setTimeout(done, 1000));
  t.notOk(answered, 'the client waits, as a host waits for a drive that spins up');
  await chain.order('plug', '1');
  t.equal((await size).trim(), String(12 * MiB));
  await chain.stop();
});

await t.test('a part of the disk is shown only once somebody has agreed to it', async (t) => {
  const { chain } = await chainOf([4 * MiB, 4 * MiB, 2 * MiB]);
  await tool('nbdinfo', '--size', chain.uri);
  await chain.order('pull', '2');
  const status = await untilStatus(chain, /question/);
  t.match(status, /its drive is missing/);
  t.match(status, /shown to the host now: nothing/);
  t.match(status, /yes: nightshift-chain go-degraded/);
  await chain.order('go-degraded');
  t.equal((await tool('nbdinfo', '--size', chain.uri)).trim(), String(8 * MiB));
  await t.rejects(chain.order('go-degraded'), 'nothing is missing any more');
  await chain.stop();
});

await t.test('members in another order than before are not shown', async (t) => {
  const state = ['--state', join(root, 'state-order')];
  const { chain, directory, members } = await chainOf([4 * MiB, 4 * MiB], state);
  await tool('nbdinfo', '--size', chain.uri);
  await chain.stop();
  const swapped = await serveChain(program, directory, [...members].reverse(), state);
  const status = await untilStatus(swapped, /trouble/);
  t.match(status, /nothing/);
  t.match(status, /trouble/);
  await swapped.stop();
});

await t.test('a read-only chain takes no writes', async (t) => {
  const { chain } = await chainOf([1 * MiB, 1 * MiB], ['--read-only']);
  t.match(await tool('nbdinfo', chain.uri), /is_read_only: true/);
  await t.rejects(tool('qemu-io', '-f', 'raw', '-c', 'write 0 4k', chain.uri));
  await chain.stop();
});

await t.test('drives with sectors of 4096 bytes make a disk with such sectors', async (t) => {
  const { chain } = await chainOf([4 * MiB, 4 * MiB], ['--sector-size', '4096']);
  t.match(await tool('nbdinfo', chain.uri), /block_size_minimum: 4096/);
  await chain.stop();
});

await t.test('a drive may be an export of another server', async (t) => {
  const inner = await chainOf([2 * MiB, 2 * MiB]);
  const outer = join(root, 'outer');
  const members = await makeMembers(outer, [1 * MiB]);
  const chain = await serveChain(program, outer, [...members, inner.chain.uri]);
  t.equal((await tool('nbdinfo', '--size', chain.uri)).trim(), String(5 * MiB));
  const said = await tool(
    'qemu-io',
    ...['-f', 'raw', '-c', 'write -f -P 0x33 1M 4M', '-c', 'read -P 0x33 1M 4M', chain.uri],
  );
  t.match(said, /read 4194304\/4194304 bytes/);
  await chain.stop();
  const parts = await Promise.all(inner.members.map((path) => readFile(path)));
  t.ok(Buffer.concat(parts).every((byte) => byte === 0x33));
  await inner.chain.stop();
});

await t.test('what cannot be served is said in a sentence', async (t) => {
  const directory = join(root, 'wrong');
  await mkdir(directory);
  await t.rejects(serveChain(program, directory, ['/nowhere/at/all.img']), /cannot|no such|ENOENT/i);
  await t.rejects(serveChain(program, directory, [directory]), /neither a regular file nor a block device/);
  const [twice] = await makeMembers(directory, [512]);
  await t.rejects(serveChain(program, directory, [twice!, twice!]), /is given twice/);
  await t.rejects(serveChain(program, directory, ['nbd:somewhere']), /is no NBD address/);
});
