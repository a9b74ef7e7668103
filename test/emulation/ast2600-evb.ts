import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { MiB } from '../../src/base/index.ts';
import { BoardSite } from '../kit/board-site.ts';
import type { CliResult } from '../kit/cli.ts';
import { makeExt4, run } from '../kit/disk-tools.ts';
import {
  EmulatedBoard,
  evbMachine,
  packFirmware,
  putAtConsole,
  putBoardTest,
  residentMemory,
} from '../kit/emulated-board.ts';
import { EmulatedSwitch } from '../kit/emulated-switch.ts';
import { HeardLines } from '../kit/heard-lines.ts';
import { QmpLine } from '../kit/qmp-line.ts';
import { showUpdates } from '../kit/shown-updates.ts';
import { ToldSteps } from '../kit/told-steps.ts';

/** The packed 64 MiB flash of an AST2600 board, booted and given orders, its pins and sensors moved from outside. */
const NEXT = '0.1.1';
const GPIO = '/machine/soc/gpio';
const PATIENCE = 600_000;
const told = new ToldSteps();
const say = (text: string): void => told.say(text);
const check = (holds: boolean, what: string, seen?: string): void => told.check(holds, what, seen);
const pause = (ms: number): Promise<false> => new Promise((resolve) => setTimeout(() => resolve(false), ms));

const site = await BoardSite.open({ stagingMiB: 8, timeout: '300s' });
let board: EmulatedBoard | undefined;
let monitor: QmpLine | undefined;
let host: Socket | undefined;
let drives: EmulatedSwitch | undefined;
try {
  const nightshift = (...args: string[]): Promise<CliResult> => site.order(...args);
  await putAtConsole(site.factory);
  await putBoardTest(site.factory);
  const firmware = join(site.home, 'firmware');
  const used = await packFirmware('ast2600-evb', firmware, ['--factory', site.factory]);
  const next = join(site.home, 'next');
  await packFirmware('ast2600-evb', next, ['--firmware-version', NEXT, '--rollback', '1']);
  say(`packed: ${used.toFixed(1)} of 64 MiB of flash, and an update`);

  const content = Buffer.from('A file on the disk of a host that is switched off.\n'.repeat(2000));
  const tree = join(site.home, 'tree');
  await mkdir(join(tree, 'etc'), { recursive: true });
  await writeFile(join(tree, 'etc/motd'), content);
  const drive = join(site.home, 'host.img');
  await makeExt4({ path: drive, size: 16 * MiB, content: tree });
  const parts = {
    monitor: join(site.home, 'qmp.sock'),
    hostConsole: join(site.home, 'host.sock'),
    drive,
  };
  const plugged = performance.now();
  board = new EmulatedBoard(evbMachine(firmware, parts), PATIENCE);
  await board.hears(/nightshift-boot: starting slot a/);
  say('the slot is chosen');
  await site.enrol(await board.hears(/^(board1: ed25519:\S+)$/m));
  monitor = await QmpLine.open(parts.monitor);
  host = connect(parts.hostConsole);
  const hostHears = new HeardLines('the host', host);
  const wire = (pin: string, high: boolean) => monitor?.set(GPIO, `gpio${pin}`, high);
  // A host in S5: PS_PWROK low, SIO_S3 and SIO_S5 asserted (low); nobody at the buttons.
  for (const [pin, high] of [
    ['B6', false],
    ['Y0', false],
    ['Y1', false],
    ['F0', true],
    ['F2', true],
  ] as const)
    await wire(pin, high);
  await board.hears(/device\.started/);
  say('the agent runs');

  const status = await nightshift('status', 'board1');
  check(
    /board ast2600-evb/.test(status.stdout),
    'the first order is answered',
    status.stdout + status.stderr,
  );
  const firstOrder = told.secondsSince(plugged);
  check(/power now: S5/.test(status.stdout), 'the host is in S5 by its pins', status.stdout);

  const sensors = (await monitor.ask('qom-list', { path: '/machine/unattached' })) as readonly {
    name: string;
    type: string;
  }[];
  const lm75 = sensors.find(({ type }) => /tmp105|lm75/.test(type))?.name;
  if (lm75 !== undefined) await monitor.set(`/machine/unattached/${lm75}`, 'temperature', 42_000);
  const temperature = await nightshift('io', 'read', 'board1', 'board-temp');
  check(
    /42000|42\.0/.test(temperature.stdout),
    'the LM75 says what was set from outside',
    temperature.stdout + temperature.stderr,
  );
  const fru = await nightshift('io', 'read', 'board1', 'board-fru');
  check(fru.code === 0, 'the EEPROM is read', fru.stdout + fru.stderr);

  await wire('B2', true);
  const open = await nightshift('io', 'read', 'board1', 'chassis-intrusion');
  check(/\b1\b/.test(open.stdout), 'a line driven from outside is read', open.stdout + open.stderr);
  const edges = nightshift('io', 'watch', 'board1', 'chassis-intrusion', '--samples', '3');
  // Nothing says when the watch has begun: it is opened and closed until it has seen enough.
  for (let seen = false; !seen; ) {
    for (const high of [false, true]) {
      await wire('B2', high);
      seen ||= await Promise.race([edges.then(() => true), pause(500)]);
    }
  }
  const watched = await edges;
  check(
    /chassis-intrusion 0\n.*chassis-intrusion 1\n|chassis-intrusion 1\n.*chassis-intrusion 0\n/.test(
      watched.stdout,
    ),
    'edges of a line driven from outside are reported as they come',
    watched.stdout + watched.stderr,
  );
  const relay = await nightshift('io', 'write', 'board1', 'aux-relay', '1');
  check(relay.code === 0, 'a line is driven by an order', relay.stdout + relay.stderr);
  check((await monitor.get(GPIO, 'gpioB0')) === true, 'and is high outside');

  const typed = await nightshift('io', 'write', 'board1', 'console', 'text:hello host\n');
  check(typed.code === 0, "the host's serial line is written to", typed.stdout + typed.stderr);
  await hostHears.line(/^hello host$/);
  host.write('login: ');
  const typedBack = await nightshift('io', 'read', 'board1', 'console');
  check(
    /login|6c6f67696e/.test(typedBack.stdout),
    'and what the host says is read',
    typedBack.stdout + typedBack.stderr,
  );
  drives = new EmulatedSwitch({ monitor, line: [GPIO, 'gpioB1'], bus: 'usb-bus.1' });
  const got = await nightshift('get', 'board1', '/etc/motd');
  check(
    got.code === 0 && (await readFile(join(site.home, 'motd'))).equals(content),
    "a file comes from the host's drive, which a line of the board wires to its USB",
    got.stdout + got.stderr,
  );
  const put = await nightshift('put', 'motd', 'board1', '/etc/issue');
  check(put.code === 0, 'and one is put there, whole', put.stdout + put.stderr);
  await run('e2fsck', ['-f', '-n', drive]);
  check((await run('debugfs', ['-R', 'cat /etc/issue', drive])) === content.toString(), 'as it was sent');
  const memory = await residentMemory(board);

  for (const pin of ['Y0', 'Y1', 'B6']) await wire(pin, true);
  const awake = await nightshift('status', 'board1');
  check(/power now: S0/.test(awake.stdout), 'the pins say S0', awake.stdout);
  const refused = await nightshift('put', 'motd', 'board1', '/etc/motd', '--replace');
  check(/HOST_AWAKE/.test(refused.stdout), 'and a write is refused', refused.stdout + refused.stderr);

  for (const pin of ['Y0', 'Y1', 'B6']) await wire(pin, false);
  board.forget();
  board.type('end\n');
  await board.hears(/the agent ended with 137/);
  say('waiting for the watchdog');
  await board.hears(/nightshift-boot: starting slot a/);
  const tested = await board.hears(/^(\d+ proven, \d+ failed.*)$/m);
  check(/ 0 failed/.test(tested), `"board test" before the agent: ${tested}`, board.said);
  await board.hears(/device\.started/);
  const again = await nightshift('status', 'board1');
  check(
    again.code === 0,
    'the watchdog has reset the board, and the agent is back',
    again.stdout + again.stderr,
  );
  await showUpdates({
    told,
    site,
    board: 'ast2600-evb',
    good: { file: join(next, `ast2600-evb-${NEXT}.nsfw`), version: NEXT },
  });
  const verified = await site.run('verify', '--keyring', join(site.factory, 'agent.yaml'));
  check(
    verified.code === 0,
    'its receipts from before and after are one chain',
    verified.stdout + verified.stderr,
  );
  const audit = await nightshift('audit', 'board1', '--all', '--key', 'adam.key');
  check(audit.code === 0, 'and its audit log is whole', audit.stdout + audit.stderr);
  say('all of it was so');
  say(
    'for the table of the README: board, evidence, image, boot to first order, resident memory of the agent',
  );
  say(
    `| \`ast2600-evb\` | emulated | ${used.toFixed(1)} of 64 MiB | ${firstOrder} s | ${memory.toFixed(0)} MiB |`,
  );
} catch (error) {
  say(`FAILED: ${error instanceof Error ? error.message : String(error)}`);
  say(board?.said.slice(-3000) ?? '');
  process.exitCode = 1;
} finally {
  await drives?.close();
  monitor?.close();
  host?.destroy();
  await board?.pull();
  await site.close();
}
