import t from 'tap';
import { seconds } from '../../../src/base/index.ts';
import { deviceTopics } from '../../../src/protocol/index.ts';
import { signEvent } from '../../../src/security/index.ts';
import { fleetBench } from '../../kit/fleet-bench.ts';
import { testKey } from '../../kit/keys.ts';

const signal = new AbortController().signal;

await t.test("who listens hears of anybody's orders, as the device signed it, until they stop", async (t) => {
  const b = await fleetBench(['host1', 'host2']);
  const other = await b.otherFleet();
  const topic = deviceTopics('test', 'host1').evt;
  const head = { v: 1, device: 'host1', boot: new Uint8Array(16) } as const;
  const accepted = { ...head, event: 'accepted', id: new Uint8Array(16) } as const;
  const own = await signEvent(accepted, b.device.key, 'test');
  b.broker.publish({ topic, payload: own, retained: true });
  const heard: string[] = [];
  const stop = await b.fleet.listen('host1', (event) => heard.push(`${event.device} ${event.event}`));
  for (const host of ['host1', 'host2']) {
    const run = await other.order(host, 'machine.status', {}, { signal });
    t.match(await b.settle(run.outcome), { is: 'receipt' });
  }
  t.same(heard, ['host1 accepted', 'host1 receipt']);
  const stranger = await signEvent(accepted, testKey(), 'test');
  b.broker.publish({ topic, payload: stranger, retained: false });
  await b.clock.advance(seconds(1));
  t.equal(heard.length, 2, "no stranger's word, and nothing old that a broker kept");
  b.broker.publish({ topic, payload: own, retained: false });
  await b.clock.advance(seconds(1));
  t.equal(heard.length, 3);
  stop();
  b.broker.publish({ topic, payload: own, retained: false });
  await b.clock.advance(seconds(1));
  t.equal(heard.length, 3);
  await t.rejects(
    b.fleet.listen('host9', () => {}),
    { code: 'NS_DEVICE_UNKNOWN' },
  );
});
