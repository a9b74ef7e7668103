import { join } from 'node:path';
import { BoardSite } from '../kit/board-site.ts';
import {
  EmulatedBoard,
  packFirmware,
  putAtConsole,
  rainierMachine,
  residentMemory,
} from '../kit/emulated-board.ts';
import { QmpLine } from '../kit/qmp-line.ts';
import { ToldSteps } from '../kit/told-steps.ts';

/** The packed image of a POWER10's service processor, booted from its eMMC, its pins and sensors moved from outside. */
const GPIO = '/machine/soc/gpio';
const PATIENCE = 600_000;
const told = new ToldSteps();
const say = (text: string): void => told.say(text);
const check = (holds: boolean, what: string, seen?: string): void => told.check(holds, what, seen);

const site = await BoardSite.open({ stagingMiB: 16, timeout: '300s' });
let board: EmulatedBoard | undefined;
let monitor: QmpLine | undefined;
try {
  await putAtConsole(site.factory);
  const firmware = join(site.home, 'firmware');
  const used = await packFirmware('rainier', firmware, ['--compression', 'lz4', '--factory', site.factory]);
  say(`packed: ${used.toFixed(1)} MiB by lz4`);

  const socket = join(site.home, 'qmp.sock');
  const plugged = performance.now();
  board = new EmulatedBoard(rainierMachine(firmware, socket), PATIENCE);
  await board.hears(/nightshift-boot: starting slot a/);
  say('the slot is chosen');
  await site.enrol(await board.hears(/^(board1: ed25519:\S+)$/m));
  await board.hears(/device\.started/);
  say('the agent runs');
  monitor = await QmpLine.open(socket);

  const status = await site.order('status', 'board1');
  const firstOrder = told.secondsSince(plugged);
  check(
    /board rainier/.test(status.stdout),
    'the first order is answered, by NC-SI',
    status.stdout + status.stderr,
  );
  check(/power now: S5/.test(status.stdout), 'the chassis has no power by its pin', status.stdout);
  const memory = await residentMemory(board);

  await monitor.set(await sensorAt(monitor, 8, 0x48), 'temperature', 42_000);
  const temperature = await site.order('io', 'read', 'board1', 'board-temp');
  check(
    /42000|42\.0/.test(temperature.stdout),
    'a sensor says what was set from outside',
    temperature.stdout + temperature.stderr,
  );
  const vpd = await site.order('io', 'read', 'board1', 'vpd');
  check(vpd.code === 0, 'the vital product data are read', vpd.stdout + vpd.stderr);
  await monitor.set(GPIO, 'gpioS0', true);
  const supply = await site.order('io', 'read', 'board1', 'power-supply-0');
  check(/\b1\b/.test(supply.stdout), 'a line driven from outside is read', supply.stdout + supply.stderr);
  await monitor.set(GPIO, 'gpioR2', true);
  const awake = await site.order('status', 'board1');
  check(/power now: S0/.test(awake.stdout), 'the chassis has power', awake.stdout);

  say('all of it was so');
  say(
    'for the table of the README: board, evidence, image, boot to first order, resident memory of the agent',
  );
  say(
    `| \`rainier\` | emulated | ${used.toFixed(1)} MiB by lz4 | ${firstOrder} s | ${memory.toFixed(0)} MiB |`,
  );
} catch (error) {
  say(`FAILED: ${error instanceof Error ? error.message : String(error)}`);
  say(board?.said.slice(-3000) ?? '');
  process.exitCode = 1;
} finally {
  monitor?.close();
  await board?.pull();
  await site.close();
}

/** Where a temperature sensor of QEMU's machine is. */
async function sensorAt(line: QmpLine, bus: number, address: number): Promise<string> {
  const devices = (await line.ask('qom-list', { path: '/machine/unattached' })) as readonly {
    name: string;
    type: string;
  }[];
  for (const { name } of devices.filter(({ type }) => type === 'child<tmp105>')) {
    const path = `/machine/unattached/${name}`;
    const on = await line.get(path, 'parent_bus');
    if (
      on === `/machine/soc/i2c/bus[${bus}]/aspeed.i2c.bus.${bus}` &&
      (await line.get(path, 'address')) === address
    )
      return path;
  }
  throw new Error(`the machine has no such sensor on its bus ${bus}`);
}
