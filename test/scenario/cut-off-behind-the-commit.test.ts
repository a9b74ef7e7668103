import { cp, readdir, rename, rm } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { equalBytes } from '../../src/base/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { eventually } from '../kit/eventually.ts';
import { noise } from '../kit/noise.ts';

/** Long enough for an order to come while the disk is on its way to somebody. */
const SWITCH_MS = 250;

/** A host whose agent died when a put was on the disk and recorded as done, and has started again. */
async function cutOff(t: Test, put: (host: ColdHost) => Promise<{ readonly outcome: string }>) {
  const host = await ColdHost.start({ size: 32, sim: { switchDelayMs: SWITCH_MS } });
  t.teardown(() => host.close());
  const saved = `${host.state}-saved`;
  host.onMediumRead = async () => {
    host.onMediumRead = undefined;
    await cp(host.state, saved, { recursive: true });
  };
  t.equal((await put(host)).outcome, 'succeeded');
  await host.stop();
  await rm(host.state, { recursive: true });
  await rename(saved, host.state);
  await host.boot();
  return host;
}

async function holderOfDisk(host: ColdHost): Promise<string | undefined> {
  return (await host.give('machine.status', {})).result?.disks[0]?.holder;
}

await t.test(
  'a put that was cut off behind its commit is looked at, and other orders wait for that',
  async (t) => {
    const host = await cutOff(t, (host) => host.put('/cut-off', noise(100_000, 4)));
    await eventually(async () => (await holderOfDisk(host)) === 'restart');
    const next = await host.put('/next', noise(1000, 5));
    t.match(next, { outcome: 'succeeded' });
    const [cut, ...others] = host.said('receipt');
    const again = others.filter(({ id }) => equalBytes(id, cut?.id ?? id));
    t.match(again, [{ outcome: 'succeeded' }]);
    t.same(
      (await readdir(host.state)).filter((name) => name.startsWith('staged-')),
      [],
    );
  },
);
