import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import {
  buildChainProgram,
  makeMembers,
  serveChain,
  startUnit,
  tool,
  untilStatus,
} from '../kit/chain-program.ts';
import { eventually } from '../kit/eventually.ts';

const MiB = 1024 * 1024;
const root = t.testdir();
const program = await buildChainProgram(root);

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Writes it all, reads it all, and looks at each drive. */
async function carries(
  uri: string,
  directory: string,
  members: readonly string[],
  size: number,
): Promise<boolean> {
  const whole = randomBytes(size);
  const [there, back] = [join(directory, 'there'), join(directory, 'back')];
  await writeFile(there, whole);
  await tool('nbdcopy', '--flush', there, uri);
  await tool('nbdcopy', uri, back);
  const parts = Buffer.concat(await Promise.all(members.map((path) => readFile(path))));
  return (await readFile(back)).equals(whole) && parts.equals(whole);
}

await t.test(
  'three processes over unix sockets are one disk, also after one of them was killed',
  async (t) => {
    const directory = join(root, 'sockets');
    const members = await makeMembers(directory, [2 * MiB, 1 * MiB, 1 * MiB]);
    const link = (n: number): string => join(directory, `link${n}`);
    const state = (n: number): string[] => ['--state', join(directory, `state${n}`)];
    const tail = startUnit(program, ['--member', members[2]!, '--above', `listen:${link(2)}`, ...state(2)]);
    const middleArgs = [
      ...['--member', members[1]!, '--above', `listen:${link(1)}`],
      ...['--below', `connect:${link(2)}`, ...state(1)],
    ];
    let middle = startUnit(program, middleArgs);
    await eventually(() => exists(link(1)));
    const below = ['--below', `connect:${link(1)}`];
    const chain = await serveChain(program, directory, members.slice(0, 1), [...below, ...state(0)]);
    t.match(await untilStatus(chain, /now: 8192 sectors/), /3 units/);
    t.equal((await tool('nbdinfo', '--size', chain.uri)).trim(), String(4 * MiB));
    t.ok(await carries(chain.uri, directory, members, 4 * MiB));

    await middle.kill();
    t.match(await untilStatus(chain, /HELD/), /HELD/, 'two of three drives are no disk');
    middle = startUnit(program, middleArgs);
    t.equal((await tool('nbdinfo', '--size', chain.uri)).trim(), String(4 * MiB));
    t.ok(await carries(chain.uri, directory, members, 4 * MiB));
    for (const end of [chain, middle, tail]) t.equal(await end.stop(), 0);
  },
);

await t.test('a unit behind a serial line is part of the disk', async (t) => {
  const directory = join(root, 'serial');
  await mkdir(directory);
  const [near, far] = [join(directory, 'near'), join(directory, 'far')];
  const cable = spawn('socat', [`pty,raw,echo=0,link=${near}`, `pty,raw,echo=0,link=${far}`], {
    stdio: 'ignore',
  });
  t.teardown(() => cable.kill());
  await eventually(async () => (await exists(near)) && (await exists(far)));
  const members = await makeMembers(directory, [128 * 1024, 64 * 1024]);
  const tail = startUnit(program, ['--member', members[1]!, '--above', `serial:${far}@921600`]);
  const chain = await serveChain(program, directory, members.slice(0, 1), [
    '--below',
    `serial:${near}@921600`,
  ]);
  await untilStatus(chain, /now: 384 sectors/);
  t.equal((await tool('nbdinfo', '--size', chain.uri)).trim(), String(192 * 1024));
  t.ok(await carries(chain.uri, directory, members, 192 * 1024));
  for (const end of [chain, tail]) t.equal(await end.stop(), 0);
});
