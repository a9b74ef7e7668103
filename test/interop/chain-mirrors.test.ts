import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { buildChainProgram, makeMembers, serveChain, tool, untilStatus } from '../kit/chain-program.ts';

const MiB = 1024 * 1024;
const root = t.testdir();
const program = await buildChainProgram(root);

const LAYOUT = `
stretches:
  - mirror: [0, 1]
    equal: true
  - span: 2
spares: [3]
pace:
  least: 4
  hottest: 60000
sensors:
  temperature: SENSOR
`;

async function mirrored(name: string, layout = LAYOUT) {
  const directory = join(root, name);
  await mkdir(directory);
  const members = await makeMembers(directory, [8 * MiB, 8 * MiB, 2 * MiB, 8 * MiB]);
  const sensor = join(directory, 'temperature');
  await writeFile(sensor, '41000\n');
  const file = join(directory, 'layout.yaml');
  await writeFile(file, layout.replace('SENSOR', sensor));
  const options = ['--layout', file, '--state', join(directory, 'state')];
  return { directory, members, options };
}

await t.test(
  'a mirror half goes away: nobody is cut, nothing is lost, and a spare takes its place',
  async (t) => {
    const { directory, members, options } = await mirrored('spare');
    const chain = await serveChain(program, directory, members, options);
    t.equal((await tool('nbdinfo', '--size', chain.uri)).trim(), String(10 * MiB), 'the pair counts once');
    const whole = randomBytes(10 * MiB);
    const [there, back] = [join(directory, 'there'), join(directory, 'back')];
    await writeFile(there, whole);
    await tool('nbdcopy', '--flush', there, chain.uri);
    const half = await Promise.all([0, 1].map((i) => readFile(members[i]!)));
    t.ok(half[0]!.equals(half[1]!), 'both halves hold the same');

    // One connection, before, while and after the drive is pulled.
    const load = tool(
      'fio',
      ...['--name=load', '--ioengine=nbd', `--uri=${chain.uri}`, '--rw=randrw', '--bs=4k', '--iodepth=8'],
      ...['--size=8m', '--time_based', '--runtime=4', '--verify=crc32c', '--verify_fatal=1'],
      ...['--verify_state_save=0', '--output-format=json'],
    );
    await new Promise((done) => setTimeout(done, 800));
    await chain.order('pull', '0');
    const report = await load;
    const { jobs } = JSON.parse(report.slice(report.indexOf('{'))) as { jobs: { error: number }[] };
    t.equal(jobs[0]!.error, 0, 'the client saw no error');
    const status = await untilStatus(chain, /healthy/);
    t.match(status, /array: .*healthy/s, 'the spare holds the lost half now');
    await tool('nbdcopy', '--flush', there, chain.uri);
    await tool('nbdcopy', chain.uri, back);
    t.ok((await readFile(back)).equals(whole));
    t.equal(await chain.stop(), 0);
    const [kept, spare] = [await readFile(members[1]!), await readFile(members[3]!)];
    t.ok(kept.equals(spare), 'the spare is a true copy');
  },
);

await t.test('after a loss of power in mid-write both halves are the same again', async (t) => {
  const { directory, members, options } = await mirrored('power');
  const chain = await serveChain(program, directory, members, options);
  const load = tool(
    'fio',
    ...['--name=load', '--ioengine=nbd', `--uri=${chain.uri}`, '--rw=randwrite', '--bs=16k', '--iodepth=16'],
    ...['--size=8m', '--time_based', '--runtime=20'],
  ).catch(() => undefined);
  await new Promise((done) => setTimeout(done, 1500));
  await chain.kill();
  await load;
  const again = await serveChain(program, directory, members, options);
  const back = join(directory, 'back');
  await tool('nbdcopy', again.uri, back);
  t.match(await untilStatus(again, /healthy/), /healthy/);
  t.equal(await again.stop(), 0);
  const [one, other] = [await readFile(members[0]!), await readFile(members[1]!)];
  t.ok(one.equals(other));
  t.ok((await readFile(back)).subarray(0, 8 * MiB).equals(one), 'and they are what was shown');
});

await t.test('a layout that cannot be meant is said at once', async (t) => {
  const far = await mirrored('far', 'stretches:\n  - mirror: [0, 9]\n');
  await t.rejects(serveChain(program, far.directory, far.members, far.options), /no unit at place 9/);
  const junk = await mirrored('junk', 'stretches: 7\n');
  await t.rejects(serveChain(program, junk.directory, junk.members, junk.options), /NS_CONFIG_INVALID/);
});
