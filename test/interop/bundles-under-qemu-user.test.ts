import { type ChildProcess, spawn } from 'node:child_process';
import { copyFile, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import t from 'tap';
import * as v from 'valibot';
import { systemFor } from '../../flash/systems.ts';
import { writeApp, writeBase } from '../../flash/trees.ts';
import { MiB } from '../../src/base/index.ts';
import { boardDescription } from '../../src/board/index.ts';
import { boardSystem } from '../kit/board-systems.ts';
import { buildCli, runCli } from '../kit/cli.ts';
import { makeExt4 } from '../kit/disk-tools.ts';
import { eventually } from '../kit/eventually.ts';
import { startMosquitto } from '../kit/mosquitto.ts';
import { openPty } from '../kit/pty-end.ts';

t.setTimeout(300_000);
// A processor of this machine for each of theirs.
t.jobs = 2;

/** Packed trees, and who executes them here. The AST2600 has no NEON: neither has this processor. */
const TREES = [
  {
    arch: 'arm',
    board: 'ast2600-evb',
    // The variable is that of the board's first program.
    emulator: ['qemu-arm-static', '-cpu', 'cortex-a9,neon=off', '-E', 'ARM_VERSION=6'],
  },
  { arch: 'arm64', board: 'qemu-virt', emulator: ['qemu-aarch64-static', '-cpu', 'cortex-a53'] },
] as const;

const home = await mkdtemp(join(tmpdir(), 'nightshift-user-'));
t.teardown(() => rm(home, { recursive: true }));
const broker = await startMosquitto();
t.teardown(() => broker.close());
const cli = await buildCli(home);
const olga = await runCli(cli, ['keys', 'new', '--role', 'operator', '--name', 'olga'], { cwd: home });
const content = Buffer.from('A file on the disk of a host that is switched off.\n'.repeat(2000));
await mkdir(join(home, 'files/etc'), { recursive: true });
await writeFile(join(home, 'files/etc/motd'), content);
const disk = join(home, 'disk.img');
await makeExt4({ path: disk, size: 16 * MiB, content: join(home, 'files') });
const running: ChildProcess[] = [];
t.teardown(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** Uses what is native of the packages beside the bundle, as the agent does: a call of the C library, a serial line. */
const NATIVE = `
  const load = require('node:module').createRequire(process.argv[1]);
  const own = load('koffi').load(null).func('int getpid()')() === process.pid;
  const { SerialPort } = load('serialport');
  const port = new SerialPort({ path: process.argv[2], baudRate: 115200 }, (error) => {
    if (error) throw error;
    port.write('ready\\n', () => port.drain(() => port.close(() => console.log(process.arch, own))));
  });`;

const PATIENCE = 120_000;

/** A program of an emulated processor, and what it says. */
class Emulated {
  said = '';
  readonly #ended: Promise<number | string | null>;

  constructor(
    [qemu = '', ...emulator]: readonly string[],
    tree: Omit<Tree, 'agent'>,
    args: readonly string[],
    cwd: string,
  ) {
    const node = ['-L', tree.prefix, tree.node, '--max-semi-space-size=1'];
    // None of this machine's tools is one of the board's.
    const child = spawn(qemu, [...emulator, '-E', 'PATH=/nowhere', ...node, ...args], {
      cwd,
      env: { PATH: process.env.PATH },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.push(child);
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.said += text;
      });
    this.#ended = new Promise((done) => child.once('close', (code, signal) => done(code ?? signal)));
  }

  async result(): Promise<{ readonly ended: number | string | null; readonly said: string }> {
    return { ended: await this.#ended, said: this.said };
  }
}

interface Tree {
  readonly node: string;
  /** Where the emulator looks before this machine's own root: there is nothing but the libraries. */
  readonly prefix: string;
  readonly agent: string;
}

/** A board's tree as it is packed, with the simulated host's board beside its own. */
async function packedTree(board: string): Promise<Tree> {
  const root = join(home, board);
  const app = join(root, 'opt/nightshift');
  const prefix = join(home, `libraries-of-${board}`);
  await mkdir(app, { recursive: true });
  const described = JSON.parse(await readFile(`boards/${board}/board.json`, 'utf8')) as unknown;
  const description = v.parse(boardDescription, described);
  const system = systemFor(description);
  writeBase(root, system);
  writeApp(app, description, system);
  await cp('boards/sim-host', join(app, 'boards/sim-host'), { recursive: true });
  await mkdir(prefix);
  await symlink(join(root, 'lib'), join(prefix, 'lib'));
  return { node: join(root, 'usr/bin/node'), prefix, agent: join(app, 'dist/nightshift-agent.mjs') };
}

function siteConfig(device: string): string {
  return [
    `device: ${device}`,
    'tenant: acme',
    `broker: ${broker.url}`,
    'state: state',
    'keyring:',
    olga.stdout.trimEnd(),
    `sim: { state: S5, disks: [{ name: disk0, image: ${JSON.stringify(disk)} }] }`,
    '',
  ].join('\n');
}

for (const { arch, board, emulator } of TREES) {
  void t.test(
    `${arch}: the packed bundle tests itself, and carries out a signed order by MQTT`,
    {
      buffered: true,
    },
    async (t) => {
      const tree = await packedTree(board);
      const site = join(home, `site-${arch}`);
      await mkdir(site);
      await writeFile(join(site, 'agent.yaml'), siteConfig(arch));
      const { agent } = tree;
      const begin = (...args: readonly string[]): Emulated => new Emulated(emulator, tree, args, site);

      const line = await openPty(join(site, 'line'));
      t.teardown(() => line.hangUp());
      let heard = '';
      line.socket.setEncoding('utf8').on('data', (text: string) => {
        heard += text;
      });
      t.match(await begin('-e', NATIVE, agent, 'line').result(), { ended: 0, said: `${arch} true` });
      await eventually(() => heard === 'ready\n');

      const tested = await begin(
        agent,
        'board',
        'test',
        '--config',
        'agent.yaml',
        '--board',
        'sim-host',
      ).result();
      t.match(tested, { ended: 0, said: /^[1-9]\d* proven, 0 failed$/m });
      const identity = await begin(agent, '--config', 'agent.yaml', '--identity').result();
      t.match(identity, { ended: 0, said: `${arch}: ed25519:` });
      const device = begin(agent, '--config', 'agent.yaml', '--board', 'sim-host');
      await copyFile(join(home, 'olga.key'), join(site, 'olga.key'));
      await writeFile(
        join(site, 'nightshift.yaml'),
        `broker: ${broker.url}\ntenant: acme\nkey: olga.key\ndevices:\n  ${identity.said}`,
      );
      await eventually(() => device.said.includes('bus-up'), PATIENCE);
      const got = await runCli(cli, ['get', arch, '/etc/motd', '--timeout', '120s'], { cwd: site });
      t.equal(got.code, 0, got.stdout + got.stderr + device.said);
      t.ok((await readFile(join(site, 'motd'))).equals(content));
    },
  );
}

void t.test(
  'arm: a part that is native for ARMv7, where ARMv6 has to be packed, is found out here',
  {
    buffered: true,
  },
  async (t) => {
    const system = await boardSystem('armhf');
    const tree = { node: join(system, 'node'), prefix: join(system, 'libraries') };
    const load = async (version: 6 | 7) => {
      const part = `@serialport+bindings-cpp.armv${version}.glibc.node`;
      const path = resolve('node_modules/@serialport/bindings-cpp/prebuilds/linux-arm', part);
      const program = `process.dlopen({ exports: {} }, ${JSON.stringify(path)})`;
      return (await new Emulated(TREES[0].emulator, tree, ['-e', program], home).result()).ended;
    };
    t.equal(await load(6), 0);
    t.equal(await load(7), 'SIGILL');
  },
);
