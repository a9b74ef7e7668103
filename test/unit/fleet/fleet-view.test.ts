import t from 'tap';
import { Registry } from '../../../src/adapters/metrics/registry.ts';
import { VirtualClock } from '../../../src/adapters/sim/virtual-clock.ts';
import { minutes, seconds } from '../../../src/base/index.ts';
import { FleetView, type SeenEvent } from '../../../src/fleet/index.ts';
import { fleetCounters, fleetGauges } from '../../../src/programs/command/exporter-metrics.ts';
import { type DeviceEvent, deviceTopics } from '../../../src/protocol/index.ts';
import { signEvent } from '../../../src/security/index.ts';
import { readExposition } from '../../kit/exposition.ts';
import { testKey } from '../../kit/keys.ts';

const TENANT = 'acme';
const key = testKey();
const evt = (device: string) => deviceTopics(TENANT, device).evt;
const HASH = new Uint8Array(32);

function bench(names: readonly string[], perHost = false) {
  const clock = new VirtualClock();
  const seen: SeenEvent[] = [];
  const registry = new Registry();
  const count = fleetCounters(registry);
  const view = new FleetView({
    tenant: TENANT,
    devices: new Map(names.map((name) => [name, key.publicKey])),
    clock,
    silentAfter: minutes(3),
    onSeen: (event) => {
      seen.push(event);
      count(event);
    },
  });
  fleetGauges(registry, view, perHost);
  const say = async (device: string, event: Record<string, unknown>, by = key): Promise<void> => {
    const whole = { v: 1, device, boot: new Uint8Array(16).fill(1), ...event } as unknown as DeviceEvent;
    view.take(evt(device), await signEvent(whole, by, TENANT), false);
  };
  const presence = (device: string, change: Record<string, unknown> = {}, by = key) =>
    say(
      device,
      {
        event: 'presence',
        state: 'online',
        uptimeSeconds: 5,
        version: '1.2.3',
        board: 'sim-host',
        power: 'S5',
        lock: 'enabled',
        nonce: new Uint8Array(16),
        audit: { seq: 7, hash: HASH },
        ...change,
      },
      by,
    );
  const receipt = (device: string, seq: number, change: Record<string, unknown> = {}) =>
    say(device, {
      event: 'receipt',
      id: new Uint8Array(16).fill(seq),
      verb: 'file.list',
      order: HASH,
      issuer: new Uint8Array(8),
      outcome: 'succeeded',
      power: [],
      receivedAt: 1_700_000_000,
      tookMs: 40,
      seq,
      prev: HASH,
      ...change,
    });
  return {
    clock,
    seen,
    registry,
    view,
    say,
    presence,
    receipt,
    scrape: async () => readExposition(await registry.scrape()),
  };
}

await t.test('hosts are online, silent, offline, or were never heard', async (t) => {
  const { clock, presence, scrape } = bench(['a', 'b', 'c', 'd']);
  await presence('a', { power: 'S0' });
  await presence('b', { lock: 'disabled' });
  await presence('c', { state: 'offline' });
  const before = await scrape();
  t.equal(before.value('nightshift_fleet_hosts', { state: 'online' }), 2);
  t.equal(before.value('nightshift_fleet_hosts', { state: 'offline' }), 1);
  t.equal(before.value('nightshift_fleet_hosts', { state: 'never' }), 1);
  t.equal(before.value('nightshift_fleet_hosts_power', { state: 'S0' }), 1);
  t.equal(before.value('nightshift_fleet_hosts_disabled'), 1);
  t.equal(before.value('nightshift_fleet_hosts_version', { version: '1.2.3', board: 'sim-host' }), 3);
  await clock.advance(seconds(200));
  await presence('a');
  const after = await scrape();
  t.equal(after.value('nightshift_fleet_hosts', { state: 'online' }), 1);
  t.equal(after.value('nightshift_fleet_hosts', { state: 'silent' }), 1);
  t.equal(after.value('nightshift_fleet_hosts_seen', { within: '60' }), 1);
  t.equal(after.value('nightshift_fleet_hosts_seen', { within: '300' }), 3);
  t.equal(after.value('nightshift_fleet_oldest_seen_age_seconds'), 200);
});

await t.test('an order is in flight from its acceptance to its receipt, which counts once', async (t) => {
  const { say, receipt, scrape } = bench(['a']);
  for (const n of [1, 2, 3]) await say('a', { event: 'accepted', id: new Uint8Array(16).fill(n) });
  const waits = { code: 'HOST_AWAKE', sentence: 'x', remedy: 'x' };
  await say('a', { event: 'staged', id: new Uint8Array(16).fill(3), waits, leftSeconds: 60 });
  t.equal((await scrape()).value('nightshift_fleet_orders_in_flight', { state: 'running' }), 2);
  t.equal((await scrape()).value('nightshift_fleet_orders_in_flight', { state: 'staged' }), 1);
  const refused = { outcome: 'refused', refusal: { ...waits, code: 'HOST_AWAKE' } };
  await receipt('a', 1);
  await receipt('a', 1);
  await receipt('a', 2, refused);
  const { value } = await scrape();
  t.equal(value('nightshift_fleet_orders_in_flight', { state: 'running' }), 0);
  t.equal(value('nightshift_fleet_receipts_total', { verb: 'file.list', outcome: 'succeeded' }), 1);
  t.equal(value('nightshift_fleet_codes_total', { outcome: 'refused', code: 'HOST_AWAKE' }), 1);
  t.equal(value('nightshift_fleet_order_duration_seconds_count', { verb: 'file.list' }), 2);
});

await t.test(
  'what a device makes up becomes no label, and what is not its own is not believed',
  async (t) => {
    const { say, presence, receipt, view, seen, scrape } = bench(['a', 'b']);
    await receipt('a', 1, { verb: 'evil"} 1\n' });
    await receipt('a', 2, { outcome: 'refused', refusal: { code: 'MADE_UP', sentence: 'x', remedy: 'x' } });
    await presence('a', { version: 'x"\n', board: 'a b' });
    await presence('b', {}, testKey());
    view.take(evt('b'), new Uint8Array(100), false);
    view.take(evt('b'), new Uint8Array(100), true);
    view.take(evt('stranger'), new Uint8Array(100), false);
    await say('a', { event: 'accepted', id: new Uint8Array(16) });
    const { value, samples } = await scrape();
    t.equal(value('nightshift_fleet_receipts_total', { verb: 'other', outcome: 'succeeded' }), 1);
    t.equal(value('nightshift_fleet_codes_total', { code: 'other' }), 1);
    t.equal(value('nightshift_fleet_hosts_version', { version: 'other', board: 'other' }), 1);
    t.equal(value('nightshift_fleet_ignored_total'), 3);
    t.equal(value('nightshift_fleet_hosts', { state: 'never' }), 1, 'b');
    t.notMatch(JSON.stringify(samples), /evil|MADE_UP/);
    t.equal(seen.filter(({ is }) => is === 'ignored').length, 3);
  },
);

await t.test('a device that makes up codes without end takes no series from the others', async (t) => {
  const { say, receipt, scrape } = bench(['a', 'b']);
  for (let n = 0; n < 300; n += 1) {
    const made = { code: `NS_MADE_UP_${n}`, sentence: 'x' };
    await receipt('a', n, { outcome: 'failed', failure: made });
    await say('a', {
      event: 'rejected',
      packet: HASH,
      refusal: { ...made, remedy: 'x' },
    });
  }
  await receipt('b', 1, { outcome: 'failed', failure: { code: 'NS_BLOCK_IO', sentence: 'x' } });
  await say('b', {
    event: 'rejected',
    packet: HASH,
    refusal: { code: 'KEY_UNKNOWN', sentence: 'x', remedy: 'x' },
  });
  const { value, samples } = await scrape();
  t.equal(value('nightshift_fleet_codes_total', { outcome: 'failed', code: 'NS_BLOCK_IO' }), 1);
  t.ok(value('nightshift_fleet_codes_total', { outcome: 'failed', code: 'other' })! > 250);
  t.equal(value('nightshift_fleet_rejections_total', { code: 'KEY_UNKNOWN' }), 1);
  t.equal(value('nightshift_fleet_rejections_total', { code: 'other' }), 300);
  t.ok(samples.filter(({ name }) => name === 'nightshift_fleet_codes_total').length < 32);
});

await t.test('a new boot is told, and an audit log that got shorter', async (t) => {
  const { presence, scrape } = bench(['a']);
  await presence('a', { audit: { seq: 9, hash: HASH } });
  await presence('a', { state: 'offline', audit: { seq: 3, hash: HASH } });
  t.equal((await scrape()).value('nightshift_fleet_audit_shrunk_total'), 0, 'a goodbye was signed long ago');
  await presence('a', { boot: new Uint8Array(16).fill(2), audit: { seq: 4, hash: HASH } });
  const { value } = await scrape();
  t.equal(value('nightshift_fleet_restarts_total'), 1);
  t.equal(value('nightshift_fleet_audit_shrunk_total'), 1);
});

await t.test(
  'ten thousand hosts are a small scrape, and a series for each only where asked for',
  async (t) => {
    const names = Array.from({ length: 10_000 }, (_, n) => `host${n}`);
    const small = bench(names);
    for (let n = 0; n < 300; n += 1) await small.presence(`host${n}`, { version: `1.0.${n}` });
    const text = await small.registry.scrape();
    t.ok(text.length < 32_000, `${text.length}`);
    t.notMatch(text, /host\d/);
    t.equal(readExposition(text).value('nightshift_fleet_hosts', { state: 'never' }), 9700);
    const large = bench(names.slice(0, 2000), true);
    await large.presence('host7');
    const { value, samples } = await large.scrape();
    t.equal(value('nightshift_host_up', { host: 'host7' }), 1);
    t.equal(samples.filter(({ name }) => name === 'nightshift_host_up').length, 2000);
  },
);
