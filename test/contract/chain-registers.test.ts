import { millis, SimRegisters } from '../../src/sata-chain/index.ts';
import { unitChain } from '../kit/unit-chain.ts';
import { chainRegistersContract } from './chain-registers.ts';

await chainRegistersContract('the registers of units in this process', async () => {
  const chain = unitChain([100, 200, 300]);
  await chain.powerOn();
  const registers = new SimRegisters(
    'chain0',
    chain.units.map((unit) => ({ unit, drive: () => undefined, setWindow: () => undefined })),
  );
  return { registers, units: 3, pass: (ms) => chain.run(millis(ms)) };
});
