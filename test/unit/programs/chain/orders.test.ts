import t from 'tap';
import { systemEntropy } from '../../../../src/adapters/entropy.ts';
import { LocalChain } from '../../../../src/adapters/local-chain/local-chain.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { systemScheduler } from '../../../../src/adapters/system-scheduler.ts';
import { obeyChainOrder } from '../../../../src/programs/chain/orders.ts';
import { millis, UNIT_TIMINGS } from '../../../../src/sata-chain/index.ts';
import { eventually } from '../../../kit/eventually.ts';
import { MemoryDevice } from '../../../kit/memory-device.ts';

const never = new AbortController().signal;

async function bench(sectors: readonly number[]) {
  const chain = await LocalChain.open({
    name: 'disk0',
    members: sectors.map((count, i) => ({
      device: new MemoryDevice(`S${i}`, count * 512),
      serial: `S${i}`,
    })),
    scheduler: systemScheduler(),
    clock: systemClock,
    entropy: systemEntropy,
    log: { log: () => undefined },
    timings: { ...UNIT_TIMINGS, absent: millis(100), spin: millis(400), resync: millis(200) },
  });
  await eventually(() => chain.hba.disk !== undefined);
  const order = (text: string) => obeyChainOrder(chain, { order: text }, never);
  const status = async () => ((await order('status')).text as readonly string[]).join('\n');
  return { chain, order, status };
}

await t.test('what is left of a chain is accepted at the head, wherever the gap is', async (t) => {
  for (const gap of [0, 2]) {
    const { chain, order, status } = await bench([100, 200, 400]);
    await t.rejects(order('go-degraded'), { code: 'NS_CHAIN_REFUSED', message: /CHAIN_WHOLE/ });
    await order(`pull ${gap}`);
    await eventually(async () => /question/.test(await status()));
    t.equal(chain.hba.disk, undefined, 'nothing is shown before somebody agreed');
    t.match(await status(), /yes: nightshift-chain go-degraded/);
    t.match(await order('go-degraded'), { text: ['go-degraded: done'] });
    await eventually(() => chain.hba.disk !== undefined);
    t.equal(chain.hba.disk?.sectors, 700 - [100, 200, 400][gap]!);
    await chain.close();
  }
});

await t.test('an order that is none is refused, and so is one for a place without a drive', async (t) => {
  const { chain, order } = await bench([100]);
  for (const wrong of ['nonsense', 'pull 1', 'plug 9', 'status 1', 'fail 0'])
    await t.rejects(order(wrong), { code: 'NS_CONTROL_INVALID' }, wrong);
  await t.rejects(obeyChainOrder(chain, { orders: 'status' }, never), { code: 'NS_CONFIG_INVALID' });
  await chain.close();
});
