import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { MiB } from '../../src/base/index.ts';
import { buildCli, type CliResult, runCli } from '../kit/cli.ts';
import { makeExt4 } from '../kit/disk-tools.ts';
import {
  EmulatedBoard,
  packFirmware,
  putAtConsole,
  residentMemory,
  virtMachine,
} from '../kit/emulated-board.ts';
import { startMosquitto } from '../kit/mosquitto.ts';

t.setTimeout(600_000);

const home = await mkdtemp(join(tmpdir(), 'nightshift-virt-'));
t.teardown(() => rm(home, { recursive: true }));
const cli = await buildCli(home);
const nightshift = (...args: string[]): Promise<CliResult> => runCli(cli, args, { cwd: home });
const broker = await startMosquitto();
t.teardown(() => broker.close());

const olga = await nightshift('keys', 'new', '--role', 'operator', '--name', 'olga');
const factory = join(home, 'factory');
await mkdir(factory);
await writeFile(
  join(factory, 'agent.yaml'),
  [
    'device: board1',
    'tenant: acme',
    // QEMU's own network: this address is the loopback of the machine that the test runs on.
    `broker: { url: "mqtt://10.0.2.2:${broker.port}", insecureNoTls: true }`,
    'state: /state/agent',
    'limits: { stagingMiB: 64 }',
    'keyring:',
    ...olga.stdout.trimEnd().split('\n'),
    '',
  ].join('\n'),
);
await putAtConsole(factory);
const firmware = join(home, 'firmware');
const used = await packFirmware('qemu-virt', firmware, ['--compression', 'lz4', '--factory', factory]);

const content = Buffer.from('A file on the disk of a host that is switched off.\n'.repeat(2000));
const tree = join(home, 'tree');
await mkdir(join(tree, 'etc'), { recursive: true });
await writeFile(join(tree, 'etc/motd'), content);
const drive = join(home, 'host.img');
await makeExt4({ path: drive, size: 16 * MiB, content: tree });
const before = await readFile(drive);

const began = performance.now();
const board = new EmulatedBoard(virtMachine(firmware, drive));
t.teardown(() => board.pull());

await t.test('the packed image boots, makes its key, and shows how it is enrolled', async (t) => {
  t.equal(await board.hears(/nightshift-boot: starting slot (\w+)/), 'a');
  const enrolment = await board.hears(/^(board1: ed25519:\S+)$/m);
  await writeFile(
    join(home, 'nightshift.yaml'),
    `broker: ${broker.url}\ntenant: acme\nkey: olga.key\ndevices:\n  ${enrolment}\n`,
  );
  await board.hears(/device\.started/);
  t.comment(`figure: power-on to the agent's start ${Math.round((performance.now() - began) / 1000)} s`);
});

await t.test('it answers by MQTT, reads its lines and the file of a host that is off', async (t) => {
  const status = await nightshift('status', 'board1', '--timeout', '120s');
  const firstOrder = Math.round((performance.now() - began) / 1000);
  t.match(status.stdout, /board qemu-virt/, status.stderr);
  t.match(status.stdout, /power now: S5 \(ps-pwrok low, sio-s5 asserted\)/);
  const memory = (await residentMemory(board)).toFixed(0);
  t.comment(
    `figure: | qemu-virt | emulated | ${used.toFixed(1)} MiB by lz4 | ${firstOrder} s | ${memory} MiB |`,
  );
  const door = await nightshift('io', 'read', 'board1', 'door', '--timeout', '120s');
  t.equal(door.code, 0, door.stdout + door.stderr);
  const got = await nightshift('get', 'board1', '/etc/motd', '--timeout', '120s');
  t.equal(got.code, 0, got.stdout + got.stderr);
  t.ok((await readFile(join(home, 'motd'))).equals(content));
  t.ok((await readFile(drive)).equals(before), 'nothing was written to the disk');
});
