import fc from 'fast-check';
import t from 'tap';
import { backoffDelay } from '../../../../src/adapters/mqtt/backoff.ts';
import { parseBrokerUrl } from '../../../../src/adapters/mqtt/broker-socket.ts';
import {
  levelFor,
  spoke,
  UNKNOWN_BROKER,
  wasRefused,
} from '../../../../src/adapters/mqtt/protocol-choice.ts';
import { hours, milliseconds, seconds } from '../../../../src/base/index.ts';

const range = { first: seconds(1), longest: seconds(60) };

await t.test('waits grow, are bounded at both ends, and spread', async (t) => {
  fc.assert(
    fc.property(
      fc.nat(10_000),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (attempt, part) => {
        const delay = backoffDelay(attempt, part, range);
        return delay >= 250 && delay <= 60_000;
      },
    ),
  );
  t.ok(backoffDelay(6, 0, range) > backoffDelay(1, 0.99, range));
  t.ok(backoffDelay(9, 0.99, range) - backoffDelay(9, 0, range) > 40_000, 'no two devices at one instant');
});

const now = milliseconds(1000);

await t.test('MQTT 5 first, 3.1.1 where that is refused, and 5 again after a day', async (t) => {
  t.equal(levelFor(UNKNOWN_BROKER, now, hours(24)), 5);
  const fallen = spoke(wasRefused(5, now), 4, now);
  t.equal(levelFor(fallen, now, hours(24)), 4);
  t.equal(levelFor(fallen, hours(23), hours(24)), 4);
  t.equal(levelFor(fallen, hours(25), hours(24)), 5);
  t.same(spoke(fallen, 5, hours(25)), UNKNOWN_BROKER);
  const again = spoke(wasRefused(5, hours(25)), 4, hours(25));
  t.equal(levelFor(again, hours(26), hours(24)), 4, 'a day from the last probe');
});

await t.test('a broker that refuses 3.1.1 too is asked for 5 next', async (t) => {
  t.equal(levelFor(wasRefused(4, now), now, hours(24)), 5);
});

await t.test('broker URLs', async (t) => {
  t.same(parseBrokerUrl('mqtt://broker'), { host: 'broker', port: 1883, secure: false });
  t.same(parseBrokerUrl('mqtts://10.0.0.1'), { host: '10.0.0.1', port: 8883, secure: true });
  t.same(parseBrokerUrl('mqtt://[::1]:99'), { host: '::1', port: 99, secure: false });
  for (const bad of ['', 'broker', 'http://broker', 'ws://broker', 'mqtt://', 'mqtt://host:99999']) {
    t.throws(() => parseBrokerUrl(bad), { code: 'NS_BROKER_URL' }, bad);
  }
});
