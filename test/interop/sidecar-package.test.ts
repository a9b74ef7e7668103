import { spawn } from 'node:child_process';
import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import t from 'tap';
import { buildCli, type CliResult, runCli } from '../kit/cli.ts';
import { run } from '../kit/disk-tools.ts';
import { startMosquitto } from '../kit/mosquitto.ts';
import { asNamespaceRoot, packSidecar } from '../kit/packed-sidecar.ts';
import { readServiceUnit, writeCallFilter } from '../kit/service-unit.ts';

t.setTimeout(300_000);

const ARCH = { x64: 'amd64', arm64: 'arm64', arm: 'armhf' }[process.arch as string] ?? 'amd64';
const VERSION = (JSON.parse(await readFile('package.json', 'utf8')) as { version: string }).version;
const DEB = `nightshift_${VERSION}_${ARCH}.deb`;
const TARBALL = `nightshift-${VERSION}-linux-${ARCH}`;
/** Everything else in it would be a mistake. */
const EXPECTED = [
  /^opt\/nightshift\/bin\/(node|nightshift|nightshift-agent|nightshift-chain)$/,
  /^opt\/nightshift\/dist\/(nightshift[a-z0-9._-]*\.mjs|web\/[a-z]+\.(html|js|css))$/,
  /^opt\/nightshift\/boards\/[a-z0-9-]+\/board\.json$/,
  /^opt\/nightshift\/node_modules\/.+\.(node|[cm]?js|json|def)$/,
  /^opt\/nightshift\/node_modules\/.+\/(LICENSE|license)$/,
  /^usr\/bin\/nightshift(-agent|-chain)?$/,
  /^usr\/lib\/(systemd\/system\/nightshift-agent\.service|(sysusers|tmpfiles)\.d\/nightshift\.conf)$/,
  /^usr\/lib\/udev\/rules\.d\/60-nightshift\.rules$/,
  /^usr\/share\/nightshift\/(host-disks|broker)\.conf$/,
  /^usr\/share\/man\/man[18]\/nightshift(-agent|-chain)?\.[18]\.gz$/,
  /^usr\/share\/(bash-completion|zsh|fish)\/[a-z_.-]+\/_?nightshift(\.fish)?$/,
  /^usr\/share\/doc\/nightshift\/(changelog|CHANGELOG\.md|licences\.txt)\.gz$/,
  /^usr\/share\/doc\/nightshift\/(copyright|sidecar\.md)$/,
  /^usr\/share\/lintian\/overrides\/nightshift$/,
  /^opt\/nightshift\/LICENSE$/,
  /^etc\/(nightshift\/agent\.yaml|default\/nightshift-agent)$/,
];
/** What no other user of the machine reads. */
const CLOSED: Readonly<Record<string, string>> = {
  'etc/nightshift/': 'drwxr-x---',
  'etc/nightshift/secrets/': 'drwx------',
  'etc/nightshift/agent.yaml': '-rw-r-----',
};

const home = await mkdtemp(join(tmpdir(), 'ns-package-'));
t.teardown(() => rm(home, { recursive: true, force: true }));
const [one, two] = [join(home, 'one'), join(home, 'two')];
await Promise.all([
  packSidecar(one, ['--deb', '--tarball'], ARCH),
  packSidecar(two, ['--deb', '--tarball'], ARCH, '077'),
]);
const deb = join(one, DEB);

await t.test('packed twice it is the same, byte for byte', async (t) => {
  for (const name of [DEB, `${TARBALL}.tar.gz`])
    t.ok((await readFile(join(one, name))).equals(await readFile(join(two, name))), name);
});

await t.test(
  'in it is what should be, root’s, writable by nobody else, with no path of who packed it',
  async (t) => {
    const stdout = await run('dpkg-deb', ['--contents', deb]);
    const paths = new Set<string>();
    for (const line of stdout.trimEnd().split('\n')) {
      const [mode = '', owner, , , , name = ''] = line.split(/\s+/);
      const path = name.replace('./', '');
      t.equal(owner, 'root/root', path);
      const wanted = CLOSED[path] ?? (/^(d|l)/.exec(mode)?.[0] === 'd' ? 'drwxr-xr-x' : undefined);
      if (wanted === undefined) t.match(mode, /^(lrwxrwxrwx|-rw-r--r--|-rwxr-xr-x)$/, path);
      else t.equal(mode, wanted, path);
      if (mode.startsWith('d')) continue;
      paths.add(path);
      t.ok(
        EXPECTED.some((pattern) => pattern.test(path)),
        `${path} is expected`,
      );
    }
    for (const path of [
      'opt/nightshift/dist/nightshift-agent.mjs',
      'opt/nightshift/boards/rpi-cm4-sidecar/board.json',
    ])
      t.ok(paths.has(path), path);
    const tree = join(home, 'tree');
    await run('dpkg-deb', ['--raw-extract', deb, tree]);
    const told = await readFile(join(tree, 'DEBIAN/md5sums'), 'utf8');
    t.equal(
      told.trimEnd().split('\n').length,
      [...paths].filter((path) => !/^(etc|usr\/bin)\//.test(path)).length,
    );
    await run('sh', ['-c', 'cd "$0" && md5sum --quiet --check DEBIAN/md5sums', tree]);
    for (const file of await readdir(tree, { recursive: true, withFileTypes: true })) {
      if (!file.isFile() || file.name === 'node') continue;
      const bytes = await readFile(join(file.parentPath, file.name));
      for (const path of [resolve('.'), homedir(), home])
        t.notOk(path.length > 1 && bytes.includes(`${path}/`), `${file.name} names ${path}`);
    }
  },
);

const root = join(home, 'root');
const dpkg = (...args: string[]): Promise<string> =>
  asNamespaceRoot('dpkg', `--root=${root}`, '--force-depends', '--force-script-chrootless', ...args);
const config = join(root, 'etc/nightshift/agent.yaml');

await t.test('it installs, keeps what was edited, and is the only one to know its files', async (t) => {
  await mkdir(join(root, 'var/lib/dpkg/info'), { recursive: true });
  await mkdir(join(root, 'var/lib/dpkg/updates'));
  await writeFile(join(root, 'var/lib/dpkg/status'), '');
  await dpkg('--install', deb);
  t.match(
    await readFile(join(root, 'etc/passwd'), 'utf8'),
    /^nightshift:[^\n]*:\/var\/lib\/nightshift:\S*nologin$/m,
  );
  t.equal(await dpkg('--verify', 'nightshift'), '');
  await writeFile(config, '# edited\n');
  await dpkg('--force-confold', '--install', deb);
  t.equal(await readFile(config, 'utf8'), '# edited\n');
});

await t.test('an installed agent answers a signed order within the system calls of its unit', async (t) => {
  const cli = await buildCli(home);
  const nightshift = (...args: string[]): Promise<CliResult> => runCli(cli, args, { cwd: home });
  const broker = await startMosquitto();
  t.teardown(() => broker.close());
  const olga = await nightshift('keys', 'new', '--role', 'operator', '--name', 'olga');
  await writeFile(
    config,
    `device: host1\ntenant: acme\nbroker: ${broker.url}\nstate: /var/lib/nightshift\nsim: { state: S5, disks: [] }\nkeyring:\n${olga.stdout}`,
  );
  const unit = readServiceUnit(join(root, 'usr/lib/systemd/system/nightshift-agent.service'));
  const filter = join(home, 'filter');
  const calls = await writeCallFilter(unit.get('SystemCallFilter') ?? [], filter);
  t.ok(calls > 150 && calls < 330, `${calls} calls are allowed`);
  const start =
    unit
      .get('ExecStart')?.[0]
      ?.replace(/\$\{BOARD\}/, 'sim-host')
      .split(' ') ?? [];
  await mkdir(join(root, 'var/lib/nightshift'), { recursive: true });
  const confined = (...command: string[]) =>
    spawn('sh', ['-c', 'exec bwrap --seccomp 9 "$@" 9<"$0"', filter, ...sandbox(root), '--', ...command], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const result = (...command: string[]) =>
    new Promise<string>((done) => {
      let said = '';
      const child = confined(...command);
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += String(text)));
      child.on('close', () => done(said));
    });
  t.match(await result('ionice', '-c3', 'true'), /Operation not permitted/, 'the filter holds');
  const [program = '', , , ...configured] = start;
  const started = /exec (\S+ .+) \S+\.mjs/.exec(await readFile(join(root, program), 'utf8'))?.[1] ?? '';
  const planted = join(root, 'var/lib/nightshift/.node_modules');
  await mkdir(planted);
  await writeFile(join(planted, 'supports-color.js'), 'console.log("planted");');
  const loads = [
    ...started.split(' '),
    '-e',
    'require("/opt/nightshift/node_modules/debug"); console.log("own")',
  ];
  t.equal(await result(...loads), 'own\n', 'it loads no code from its state');
  const shown = await result(program, ...configured, '--identity');
  t.match(shown, /^host1: ed25519:\S+\n$/);
  await writeFile(
    join(home, 'nightshift.yaml'),
    `broker: ${broker.url}\ntenant: acme\nkey: olga.key\ndevices:\n  ${shown}`,
  );
  const agent = confined(...start);
  let said = '';
  for (const stream of [agent.stdout, agent.stderr]) stream.on('data', (text) => (said += String(text)));
  t.teardown(() => agent.kill('SIGKILL'));
  const status = await nightshift('status', 'host1', '--timeout', '60s');
  t.equal(status.code, 0, status.stdout + status.stderr + said);
  t.match(status.stdout, /board sim-host/);
});

await t.test(
  'removed it leaves configuration and state; a purge takes the state, and says what that was',
  async (t) => {
    const key = join(root, 'var/lib/nightshift/device-key.pem');
    await access(key);
    await dpkg('--remove', 'nightshift');
    await access(key);
    await access(config);
    t.match(
      await dpkg('--purge', 'nightshift'),
      /removing \S+\/var\/lib\/nightshift: the device's key, journal/,
    );
    await t.rejects(access(key));
    await t.rejects(access(config));
    await t.rejects(access(join(root, 'opt/nightshift')));
  },
);

await t.test(
  'the archive installs the same files, keeps what was edited, and takes itself away again',
  async (t) => {
    const place = join(home, 'place');
    await run('tar', ['-x', '-z', '-C', home, '-f', join(one, `${TARBALL}.tar.gz`)]);
    const install = (...args: string[]) =>
      asNamespaceRoot('sh', join(home, TARBALL, 'install.sh'), '--root', place, ...args);
    await install();
    const edited = join(place, 'etc/nightshift/agent.yaml');
    await writeFile(edited, '# edited\n');
    await writeFile(
      join(place, 'opt/nightshift/files'),
      `${await readFile(join(place, 'opt/nightshift/files'), 'utf8')}opt/nightshift/old\n`,
    );
    await writeFile(join(place, 'opt/nightshift/old'), '');
    t.match(await install(), /Kept \S+\/agent\.yaml; the one of this version is \S+\.new/);
    t.equal(await readFile(edited, 'utf8'), '# edited\n');
    await t.rejects(access(join(place, 'opt/nightshift/old')));
    const files = (await readFile(join(home, TARBALL, 'files'), 'utf8')).trimEnd().split('\n');
    for (const file of files.filter((path) => !path.startsWith('usr/bin/')))
      t.ok(
        (await readFile(join(place, file))).equals(await readFile(join(home, TARBALL, 'root', file))),
        file,
      );
    t.match(await install('--uninstall'), /with the device's key, are still there/);
    await t.rejects(access(join(place, 'opt/nightshift/dist')));
    await access(edited);
  },
);

await t.test('systemd calls the unit sound, and as little exposed as it should be', async (t) => {
  // Its path decides what it is called.
  const unit = join(home, 'nightshift-agent.service');
  await writeFile(unit, await readFile('packaging/content/nightshift-agent.service'));
  const stdout = await run('systemd-analyze', [
    'security',
    '--offline=true',
    '--no-pager',
    '--threshold=16',
    unit,
  ]);
  t.match(stdout, /Overall exposure level for nightshift-agent\.service: (0|1\.[0-6])/);
});

/** What bubblewrap can have of the unit's restrictions, and the network as it is. */
function sandbox(place: string): string[] {
  const bind = (path: string) => ['--ro-bind', join(place, path), `/${path}`];
  return [
    ...['--unshare-user', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--cap-drop', 'ALL'],
    ...['--die-with-parent', '--new-session', '--ro-bind', '/usr', '/usr', '--symlink', 'usr/bin', '/bin'],
    ...[
      '--symlink',
      'usr/lib',
      '/lib',
      '--symlink',
      'usr/lib64',
      '/lib64',
      '--proc',
      '/proc',
      '--dev',
      '/dev',
    ],
    ...['--tmpfs', '/tmp', '--ro-bind', process.execPath, process.execPath],
    ...['--ro-bind', join(place, 'opt/nightshift'), '/opt/nightshift', ...bind('etc/nightshift')],
    ...['--bind', join(place, 'var/lib/nightshift'), '/var/lib/nightshift', '--clearenv'],
    ...['--setenv', 'PATH', '/usr/bin', '--setenv', 'HOME', '/var/lib/nightshift'],
  ];
}
