import t from 'tap';
import { SimChain } from '../../../../../src/adapters/sim/chain/index.ts';
import { millis } from '../../../../../src/sata-chain/index.ts';

await t.test('a chain of 1 to 32 units becomes one disk, shown once and whole', async (t) => {
  for (const units of [1, 2, 3, 4, 8, 32]) {
    const chain = new SimChain({ units });
    chain.start(millis(2000));
    t.same(
      chain.host.disks.map((disk) => disk?.sectors),
      [(1000 * units * (units + 1)) / 2],
    );
    t.same(
      chain.units.map((unit) => unit.state.t.state),
      new Array(units).fill('T4'),
    );
  }
});
