import { execFile, spawn } from 'node:child_process';
import { chmod, chown, copyFile, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import t from 'tap';
import { toolConfinement } from '../../src/adapters/volume-tools/confine.ts';
import { endLeftOvers } from '../../src/adapters/volume-tools/left-over-tools.ts';
import { runTool } from '../../src/adapters/volume-tools/run-tool.ts';
import { confinedCommand } from '../../src/adapters/volume-tools/sandbox.ts';
import { systemDirectories } from '../../src/adapters/volume-tools/tool-user.ts';
import { whyUnmountable } from '../../src/adapters/volume-tools/why-unusable.ts';
import { seconds } from '../../src/base/index.ts';
import type { ConfinementPart } from '../../src/ports/index.ts';
import type { ConfinementSeen } from '../kit/confinement-probe.ts';
import { scratch } from '../kit/disk-tools.ts';
import { awaitProcessesWith } from '../kit/processes-with.ts';

/** A hostile tool is let loose under the agent's own confinement, as the test's user and with ever less to confine by. */
const exec = promisify(execFile);
const place = await scratch();
t.teardown(place.remove);
await chmod(place.dir, 0o755);
const program = join(place.dir, 'probe.mjs');
const tool = join(place.dir, 'hostile-tool.pl');
await build({
  entryPoints: [join(import.meta.dirname, '../kit/confinement-probe.ts')],
  outfile: program,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
});
await copyFile(join(import.meta.dirname, '../kit/hostile-tool.pl'), tool);
await chmod(tool, 0o755);
const root = process.getuid?.() === 0;
const STRANGER = 12_345;
if (root) {
  await copyFile('/usr/bin/id', join(place.dir, 'setuid-id'));
  await chmod(join(place.dir, 'setuid-id'), 0o4755);
}

async function loose(name: string, wrapper: readonly string[], user = 0): Promise<ConfinementSeen> {
  const directory = join(place.dir, name);
  await mkdir(directory);
  if (root) await chown(directory, user, user);
  const [command, ...args] = [...wrapper, process.execPath, program, directory, tool];
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
  const { stdout } = await exec(command, args, { env, timeout: 100_000, killSignal: 'SIGKILL' });
  return JSON.parse(stdout) as ConfinementSeen;
}

const unable = ['setpriv', '--bounding-set=-sys_admin', '--inh-caps=-all'];
const asStranger = ['setpriv', `--reuid=${STRANGER}`, `--regid=${STRANGER}`, '--clear-groups'];
/** Whoever has another root directory than their mounts have gets no user namespace. */
const inRootOfItsOwn = [
  ...['unshare', '--mount', 'sh', '-c'],
  `mkdir "$0" && mount --rbind / "$0" && exec chroot --userspec=${STRANGER + 1}:${STRANGER + 1} --groups= "$0" "$@"`,
  join(place.dir, 'root'),
];
const levels = await Promise.all(
  [
    ['as this user', loose('own', ['env'])] as const,
    ...(root
      ? [
          ['as a root that may not mount', loose('container', unable)] as const,
          ['as an unprivileged user', loose('stranger', asStranger, STRANGER)] as const,
          [
            'as an unprivileged user without user namespaces',
            loose('closed', inRootOfItsOwn, STRANGER + 1),
          ] as const,
        ]
      : []),
  ].map(async ([level, running]) => ({ level, ...(await running) })),
);

/** What must not be seen where a part is said to hold. */
const PREVENTED: Partial<Record<ConfinementPart, readonly string[]>> = {
  files: ['reads-system-secrets', 'reads-own-storage', 'writes-elsewhere', 'connects-unix', 'writes-staged'],
  network: ['connects-tcp'],
  processes: ['sees-processes'],
  'no-new-privileges': ['gains-root'],
  user: ['is-root'],
  namespaces: ['makes-namespaces'],
  limits: ['grows-files', 'takes-memory', 'opens-many'],
  'process-limit': ['forks-many'],
};

for (const { level, said, seen, endless, left, demanded } of levels) {
  await t.test(`${level}: what is said to be confined is, whatever a tool tries`, async (t) => {
    for (const part of said.holds) {
      for (const what of PREVENTED[part] ?? []) t.notOk(seen[what], `${part}: ${what}`);
    }
    t.ok(seen['writes-image'] && seen['reads-staged'], 'it can do its work');
    t.match(endless.talk, /said more than/);
    t.match(endless.linger, /did not end within/);
    t.equal(endless['leave-child'], 'ended 0', 'nobody waits for what it left');
    t.notOk(left.talk || left.linger);
    if (said.holds.includes('processes')) t.notOk(left['leave-child']);
    t.equal(
      demanded === 'TOOLS_UNCONFINED',
      said.missing.length > 0,
      'nothing runs where all of it is demanded',
    );
    for (const { part, why } of said.missing) t.ok(why.length > 0, `${part} is missing: ${why}`);
  });
}

await t.test(
  'where a part is missing the tool does what it would have prevented: the trial can tell',
  async (t) => {
    const { said, seen, left } = levels.at(-1) as ConfinementSeen;
    const missing = new Set(said.missing.map(({ part }) => part));
    t.equal(seen['reads-own-storage'], missing.has('files'));
    t.equal(seen['connects-tcp'], missing.has('network'));
    t.equal(seen['sees-processes'], missing.has('processes'));
    t.equal(left['leave-child'], missing.has('processes'));
    if (root) t.ok(missing.has('files'));
  },
);

await t.test('a tool that is given up while its sandbox is still being made is gone too', async (t) => {
  const word = `word=abort-${place.dir}`;
  for (let round = 0; round < 40; round++) {
    const stop = new AbortController();
    const reason = new Error('the host wakes');
    const run = runTool({
      tool,
      args: ['linger', word],
      deadline: seconds(600),
      signal: stop.signal,
      confined: true,
    });
    setTimeout(() => stop.abort(reason), round % 10);
    await t.rejects(run, reason);
  }
  t.same(await awaitProcessesWith(word, 'none'), []);
});

await t.test('no tool outlives an agent that is killed, in a sandbox or out of one', async (t) => {
  for (const [name, wrapper] of [
    ['own', ['env']] as const,
    ...(root ? [['container', unable] as const] : []),
  ]) {
    const word = `word=hold-${name}-${place.dir}`;
    const [command = '', ...args] = [...wrapper, process.execPath, program, place.dir, tool, word];
    const agent = spawn(command, args, { stdio: 'ignore', env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } });
    const gone = new Promise((resolve) => agent.once('exit', resolve));
    t.ok((await awaitProcessesWith(word, 'some', 'perl')).length > 0, 'the tool runs');
    agent.kill('SIGKILL');
    await gone;
    t.same(await awaitProcessesWith(word, 'none'), []);
  }
});

await t.test('what an agent that was killed may have left behind is ended by the next one', async (t) => {
  const work = join(place.dir, 'work');
  const ended = spawn('true', { stdio: 'ignore' });
  await new Promise((resolve) => ended.once('exit', resolve));
  const room = join(work, `nightshift-path-${ended.pid}-left`);
  await mkdir(room, { recursive: true });
  const leave = (path: string) =>
    spawn('sh', ['-c', 'read line', path], { stdio: ['pipe', 'ignore', 'ignore'] });
  const [tool, another] = [leave(join(room, 'mount', 'nbd')), leave(join(place.dir, 'elsewhere'))];
  const gone = new Promise((resolve) => tool.once('exit', (_code, signal) => resolve(signal)));
  await awaitProcessesWith(join(room, 'mount', 'nbd'), 'some', 'sh');
  t.equal(await whyUnmountable(work), undefined);
  t.equal(await gone, 'SIGKILL');
  t.equal(another.exitCode, null);
  another.kill('SIGKILL');
  await t.rejects(stat(room));
});

await t.test('a sandbox that nobody watches any more is ended by the next agent', async (t) => {
  const word = `word=unwatched-${place.dir}`;
  const stop = new AbortController();
  const watched = runTool({
    tool,
    args: ['linger', `${word}-watched`],
    deadline: seconds(600),
    signal: stop.signal,
    confined: true,
  });
  const { holds } = await toolConfinement();
  t.ok(holds.includes('processes'));
  // Not bound to whoever made it: as one whose maker died before it was.
  const [bwrap, ...args] = confinedCommand(
    new Set<ConfinementPart>(['files', 'processes']),
    { root, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, system: systemDirectories() },
    { tool: 'sh', args: ['-c', 'sleep 600; true', word], visible: [], limits: { cpuSeconds: 10 } },
  );
  const maker = spawn(
    bwrap,
    args.filter((flag) => flag !== '--die-with-parent'),
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] },
  );
  await awaitProcessesWith(word, 'some', 'sh');
  await awaitProcessesWith(`${word}-watched`, 'some', 'perl');
  maker.kill('SIGKILL');
  await new Promise((resolve) => maker.once('exit', resolve));
  t.ok((await awaitProcessesWith(word, 'some', 'sh')).length > 0, 'it goes on without its maker');
  await endLeftOvers([]);
  t.same(await awaitProcessesWith(word, 'none'), []);
  t.ok(
    (await awaitProcessesWith(`${word}-watched`, 'some', 'perl')).length > 0,
    'a watched one is left alone',
  );
  stop.abort(new Error('enough'));
  await t.rejects(watched);
});
