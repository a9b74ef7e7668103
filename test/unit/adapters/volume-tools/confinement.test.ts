import fc from 'fast-check';
import t from 'tap';
import { findConfinement, missingText } from '../../../../src/adapters/volume-tools/confinement.ts';
import { confinedCommand } from '../../../../src/adapters/volume-tools/sandbox.ts';
import type { ConfinementPart } from '../../../../src/ports/index.ts';

const everything = () => true;
const NAMESPACES: ConfinementPart[] = ['files', 'processes', 'network', 'ipc', 'host-name', 'namespaces'];
const PARTS: ConfinementPart[] = [
  ...NAMESPACES,
  'dies-with-agent',
  'no-new-privileges',
  'capabilities',
  'limits',
  'process-limit',
  'user',
];

/** A kernel that allows all but these parts. */
const kernelWithout =
  (forbidden: ReadonlySet<ConfinementPart>) => async (plan: ReadonlySet<ConfinementPart>) => {
    const found = [...plan].find((part) => forbidden.has(part));
    return found === undefined ? undefined : `no ${found}`;
  };

await t.test('where everything is to be had, one trial finds it', async (t) => {
  let trials = 0;
  const trial = async () => {
    trials++;
    return undefined;
  };
  for (const root of [true, false]) {
    const found = await findConfinement({ root, has: everything }, trial);
    t.same(new Set(found.holds), new Set(PARTS));
    t.same(found.missing, []);
    t.equal(missingText(found), '');
  }
  t.equal(trials, 2);
});

await t.test('every part is either held or missing with a reason, whatever a system forbids', async (t) => {
  const programs = ['bwrap', 'setpriv', 'prlimit', 'chroot'];
  await fc.assert(
    fc.asyncProperty(
      fc.boolean(),
      fc.subarray(PARTS),
      fc.subarray(programs),
      async (root, forbidden, here) => {
        const refused = new Set(forbidden);
        const trial = kernelWithout(refused);
        const { holds, missing } = await findConfinement({ root, has: (name) => here.includes(name) }, trial);
        t.same(new Set([...holds, ...missing.map(({ part }) => part)]), new Set(PARTS));
        t.equal(holds.length + missing.length, PARTS.length);
        // No false comfort: what holds was run together.
        t.equal(await trial(new Set(holds)), undefined);
        t.ok(missing.every(({ why }) => why !== ''));
        if (!here.includes('bwrap')) t.notOk(holds.some((part) => NAMESPACES.includes(part)));
        if (!here.includes('prlimit')) t.notOk(holds.some((part) => part.includes('limit')));
        if (!holds.includes('files')) t.notOk(holds.includes('network'));
      },
    ),
    { numRuns: 100, seed: 6 },
  );
});

await t.test('a container that forbids one namespace loses that one alone', async (t) => {
  const found = await findConfinement(
    { root: true, has: everything },
    kernelWithout(new Set<ConfinementPart>(['network'])),
  );
  t.same(found.missing, [{ part: 'network', why: 'no network' }]);
  t.equal(missingText(found), 'network (no network)');
});

await t.test('without bubblewrap the parts that need it are named, and why', async (t) => {
  const has = (name: string) => name !== 'bwrap';
  const found = await findConfinement({ root: true, has }, kernelWithout(new Set()));
  t.same(found.holds, ['dies-with-agent', 'no-new-privileges', 'capabilities', 'limits']);
  t.equal(
    missingText(found),
    'files, processes, network, ipc, host-name, user, process-limit, namespaces (bubblewrap (bwrap) is not installed)',
  );
});

const limits = { addressSpace: 1000, cpuSeconds: 5, fileSize: 64 };
const system = [{ path: '/usr' }, { path: '/bin', target: 'usr/bin' }];
const tool = {
  tool: 'fsck',
  args: ['-n', '/a/b/disk'],
  limits,
  visible: [{ path: '/a/b/disk' }, { path: '/a/c', writable: true }],
};

/** What is bound where, in order. */
const binds = (command: readonly string[]): string[] =>
  command.flatMap((word, at) =>
    /^--(ro-|dev-)?bind$/.test(word) ? [`${word} ${command[at + 1]} ${command[at + 2]}`] : [],
  );

await t.test("a root's tool changes its user below the sandbox, in a root of its own", async (t) => {
  const host = { root: true, uid: 70, gid: 71, system };
  const command = confinedCommand(new Set(PARTS), host, tool);
  t.same(command.slice(command.indexOf('--') + 1), [
    ...['prlimit', '--core=0', '--nofile=64', '--cpu=5:6', '--as=1000', '--fsize=64', '--nproc=32'],
    ...['chroot', '--userspec=70:71', '--groups=', '/tool'],
    ...['fsck', '-n', '/a/b/disk'],
  ]);
  t.same(binds(command), [
    '--ro-bind /usr /tool/usr',
    '--dev-bind /dev/null /tool/dev/null',
    '--ro-bind /a/b/disk /tool/a/b/disk',
    '--bind /a/c /tool/a/c',
  ]);
  t.notOk(command.includes('--unshare-user'));
});

await t.test("another user's tool gets a user namespace that cannot be had twice", async (t) => {
  const host = { root: false, uid: 1000, gid: 1000, system };
  const command = confinedCommand(new Set(PARTS), host, tool);
  t.ok(command.includes('--unshare-user') && command.includes('--disable-userns'));
  t.same(command.slice(-3), ['fsck', '-n', '/a/b/disk']);
  t.notOk(command.includes('--cap-add'));
  const mounting = confinedCommand(new Set(PARTS), host, { ...tool, mounts: true });
  t.notOk(mounting.includes('--disable-userns'));
  t.ok(mounting.includes('/dev/fuse'));
});

await t.test('what is missing is left out, and nothing else', async (t) => {
  const host = { root: true, uid: 70, gid: 71, system };
  t.same(confinedCommand(new Set(), host, tool), ['fsck', '-n', '/a/b/disk']);
  t.same(confinedCommand(new Set<ConfinementPart>(['dies-with-agent', 'no-new-privileges']), host, tool), [
    ...['setpriv', '--pdeathsig', 'KILL', '--no-new-privs'],
    ...['fsck', '-n', '/a/b/disk'],
  ]);
  const whole = confinedCommand(new Set(PARTS), host, tool);
  for (const [part, flag] of [
    ['network', '--unshare-net'],
    ['ipc', '--unshare-ipc'],
    ['processes', '--unshare-pid'],
  ] as const) {
    const less = confinedCommand(new Set(PARTS.filter((one) => one !== part)), host, tool);
    t.same(
      less,
      whole.filter((word) => word !== flag),
    );
  }
});
