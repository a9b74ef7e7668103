import { BadSectors } from '../../src/adapters/sim/bad-sectors.ts';
import { PowerCut, SeededEntropy, SimDriveSwitch, VirtualClock } from '../../src/adapters/sim/index.ts';
import { milliseconds } from '../../src/base/index.ts';
import { RevocableDevice } from '../../src/bmc/revocable-device.ts';
import { MemoryDevice } from '../kit/memory-device.ts';
import { blockDeviceContract } from './block-device.ts';

const disk = (size: number) => new MemoryDevice('disk0', size);

for (const volatileCache of [false, true]) {
  await blockDeviceContract(
    `a disk whose power can be cut, ${volatileCache ? 'with' : 'without'} a cache`,
    async (size) => ({
      device: new PowerCut({ entropy: new SeededEntropy(1), volatileCache }).wrap(disk(size)),
    }),
  );
}

await blockDeviceContract('a disk with bad sectors past its end', async (size) => ({
  device: new BadSectors(disk(size), new Set([1_000_000])),
}));

await blockDeviceContract('a drive behind a simulated switch', async (size) => {
  const clock = new VirtualClock();
  const drive = new SimDriveSwitch({
    disk: 'disk0',
    clock,
    delay: milliseconds(0),
    open: async () => disk(size),
  });
  const taking = drive.take(new AbortController().signal);
  return { device: await clock.settle(taking, milliseconds(100)) };
});

await blockDeviceContract('a leased disk', async (size) => ({
  device: new RevocableDevice(disk(size), true),
}));
