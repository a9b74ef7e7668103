import t from 'tap';
import { seconds } from '../../../src/base/index.ts';
import { LockKeeper } from '../../../src/bmc/lock-keeper.ts';
import { machineBench } from '../../kit/machine.ts';

const within = seconds(10);

/** A disabled machine with its keeper. */
async function kept() {
  const bench = machineBench();
  const slipped: string[] = [];
  const { clock, lockout } = bench;
  const log = { log: (level: string, event: string) => void bench.lines.push(`${level} ${event}`) };
  const keeper = new LockKeeper({ lockout, clock, log, onSlipped: (level) => slipped.push(level) });
  await clock.settle(lockout.disable({}), within);
  keeper.start();
  return { ...bench, keeper, slipped };
}

await t.test('what slips is held again, and told once', async (t) => {
  const { clock, lockout, drives, host, simBoot, keeper, slipped } = await kept();
  await clock.advance(seconds(6));
  t.same(slipped, []);
  await host.maskPowerOn(false);
  simBoot.policy = 'always-on';
  await clock.settle(drives[0]!.giveBack(), within);
  await clock.advance(seconds(12));
  t.same(slipped.sort(), ['boot', 'disk', 'power']);
  const { levels } = await clock.settle(lockout.status(), within);
  t.ok(levels.every(({ inForce }) => inForce === 'yes'));
  await clock.advance(seconds(60));
  t.equal(slipped.length, 3);
  await keeper.stop();
});

await t.test('what cannot be held is tried ever less often, and again once it can', async (t) => {
  const { clock, lockout, drives, lines, keeper } = await kept();
  await clock.settle(drives[0]!.giveBack(), within);
  drives[0]!.setFault('stuck');
  const before = lines.length;
  await clock.advance(seconds(600));
  const tries = lines.slice(before).filter((line) => line.includes('custody.handed-back')).length;
  t.ok(tries >= 5 && tries <= 20, `${tries} tries in ten minutes`);
  drives[0]!.setFault(undefined);
  await clock.advance(seconds(61));
  t.match(await clock.settle(lockout.status(), within), { inForce: ['power-button-masked', 'drive-held'] });
  await keeper.stop();
});

await t.test(
  'an enabled machine is left alone, and a keeper that is stopped does nothing more',
  async (t) => {
    const { clock, lockout, drives, host, keeper } = await kept();
    await clock.settle(lockout.enable({}), within);
    await clock.advance(seconds(60));
    t.equal(drives[0]!.at, 'host');
    t.notOk(await host.powerOnMasked());
    await keeper.stop();
    await clock.settle(lockout.disable({}), within);
    await host.maskPowerOn(false);
    await clock.advance(seconds(60));
    t.notOk(await host.powerOnMasked());
  },
);

await t.test('an enabled machine whose drive did not come home gets it once its switch moves', async (t) => {
  const { clock, lockout, drives, keeper } = await kept();
  drives[0]!.setFault('stuck');
  const { lock } = await clock.settle(lockout.enable({}), within);
  t.match(lock.levels[2], { wanted: false, inForce: 'yes' }, 'and says so');
  t.notOk(lockout.free);
  drives[0]!.setFault(undefined);
  await clock.advance(seconds(61));
  t.equal(drives[0]!.at, 'host');
  t.ok(lockout.free);
  await keeper.stop();
});
