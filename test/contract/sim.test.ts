import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import {
  SimDriveBay,
  SimDriveLock,
  SimDriveSwitch,
  SimHost,
  SimIo,
  SimMemory,
  VirtualClock,
} from '../../src/adapters/sim/index.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { milliseconds, seconds } from '../../src/base/index.ts';
import { PowerWatch } from '../../src/bmc/index.ts';
import { boardChannels, boardDescription } from '../../src/board/index.ts';
import { MemoryDevice } from '../kit/memory-device.ts';
import { MemoryState } from '../kit/memory-state.ts';
import { clockContract } from './clock.ts';
import { driveSecurityContract } from './drive-security.ts';
import { driveSwitchContract } from './drive-switch.ts';
import { hostPowerContract } from './host-power.ts';
import { ioDevicesContract } from './io-devices.ts';
import { memoryProbeContract } from './memory-probe.ts';

const text = await readFile(new URL('../../boards/sim-host/board.json', import.meta.url), 'utf8');
const board = v.parse(boardDescription, JSON.parse(text));

await clockContract('virtual clock', () => {
  const clock = new VirtualClock();
  return { clock, pass: (ms) => clock.advance(milliseconds(ms)) };
});
await clockContract('system clock', () => ({
  clock: systemClock,
  pass: (ms) => systemClock.sleep(milliseconds(ms), new AbortController().signal),
}));

function host(interlock: boolean, watched: boolean) {
  const clock = new VirtualClock();
  const sim = new SimHost({ clock, state: 'S5', interlock });
  return Promise.resolve({
    power: watched ? new PowerWatch(sim) : sim,
    enter: async (state: Parameters<SimHost['set']>[0]) => sim.set(state),
    askToWake: async () => {
      sim.press();
    },
    settle: () => clock.advance(seconds(2)),
  });
}
await hostPowerContract('simulated host with an interlock', () => host(true, false));
await hostPowerContract('simulated host without an interlock', () => host(false, false));
await hostPowerContract('simulated host, watched', () => host(true, true));

for (const hold of [true, false]) {
  await driveSwitchContract(`simulated drive switch that ${hold ? 'holds' : 'does not hold'}`, async () => {
    const clock = new VirtualClock();
    const drive = new SimDriveSwitch({
      disk: 'disk0',
      clock,
      hold,
      open: async () => new MemoryDevice('disk0', 8192),
    });
    return { drive, run: (movement) => clock.settle(movement, seconds(10)), now: () => clock.monotonic() };
  });
}

await driveSecurityContract('simulated drive', async () => {
  const lock = new SimDriveLock('SIM-1');
  return {
    drive: new SimDriveBay('disk0', lock),
    powerCycle: async () => lock.powerOn(),
    freeze: async () => lock.freeze(),
  };
});
await driveSecurityContract('simulated drive of an agent that is killed', async () => {
  const store = new MemoryState();
  let bay = new SimDriveBay('disk0', new SimDriveLock('SIM-1'), store);
  return {
    drive: {
      disk: 'disk0',
      read: (signal) => bay.read(signal),
      setPassword: (password, signal) => bay.setPassword(password, signal),
      unlock: (password, signal) => bay.unlock(password, signal),
      disablePassword: (password, signal) => bay.disablePassword(password, signal),
    },
    powerCycle: async () => {
      bay = new SimDriveBay('disk0', new SimDriveLock('SIM-1'), store);
      await bay.load();
    },
    freeze: async () => bay.drive?.freeze(),
  };
});

await memoryProbeContract('simulated memory', async () => {
  const dimm = { size: 16_384, faults: [], spd: 'good' as const };
  return new SimMemory({
    dimms: [
      { slot: 'A1', ...dimm },
      { slot: 'A2', ...dimm },
      { slot: 'B1', ...dimm, size: 0 },
    ],
    dramIn: ['S5'],
    spdIn: ['S3', 'S4', 'S5'],
  });
});

await ioDevicesContract('simulated channels of sim-host', async () => {
  const clock = new VirtualClock();
  return { io: new SimIo(clock, boardChannels(board)), pass: () => clock.advance(seconds(1)) };
});
