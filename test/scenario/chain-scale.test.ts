import t from 'tap';
import { SimChain } from '../../src/adapters/sim/chain/index.ts';
import { millis } from '../../src/sata-chain/index.ts';

await t.test(
  'ten thousand units become one disk, and one drive pulled at the end takes it away',
  async (t) => {
    const units = 10_000;
    const chain = new SimChain({ units });
    const before = process.cpuUsage();
    chain.start(millis(3000));
    const { user, system } = process.cpuUsage(before);
    const seconds = (user + system) / 1e6;
    t.comment(
      `figure: ${chain.wheel.fired} events in ${seconds.toFixed(1)} s of CPU, ${Math.round(chain.wheel.fired / seconds)} a second`,
    );
    t.same(
      chain.host.disks.map((disk) => [disk?.sectors, disk?.units]),
      [[(1000 * units * (units + 1)) / 2, units]],
    );
    t.ok(chain.units.every(({ state }) => state.t.state === 'T4'));
    t.equal(chain.cominits, 2 * units, 'an answer to power-on and one to COMRESET for each');
    chain.driveCables[units - 1]!.pull();
    chain.wheel.run(millis(3000));
    t.equal(chain.host.disks.at(-1), undefined);
    t.ok(chain.cominits <= 3 * units + 1);
  },
);
