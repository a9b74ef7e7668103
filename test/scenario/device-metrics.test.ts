import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { utf8 } from '../../src/base/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { eventually } from '../kit/eventually.ts';
import { freeTcpPort } from '../kit/free-port.ts';
import { documentedMetrics, isFleets, missingIn } from '../kit/named-metrics.ts';
import { scrape } from '../kit/scrape.ts';

const SECRET_PATH = '/etc/canary-path';

const port = await freeTcpPort();
const authority = `127.0.0.1:${port}`;
const host = await ColdHost.start({
  fill: async (tree) => {
    await mkdir(join(tree, 'etc'));
    await writeFile(join(tree, 'etc/hosts'), 'x');
  },
  agent: { metrics: { listen: authority } },
});
t.teardown(() => host.close());

await t.test('before any order, what is there is said, and nothing has happened', async (t) => {
  const { value, types, samples } = await scrape(authority);
  t.equal(value('nightshift_build_info', { program: 'nightshift-agent' }), 1);
  t.equal(value('nightshift_mqtt_connected'), 1);
  t.equal(value('nightshift_mqtt_connects_total'), 1);
  t.equal(value('nightshift_power_state', { state: 'S5' }), 1);
  t.equal(value('nightshift_machine_disabled'), 0);
  t.equal(value('nightshift_disk_position', { disk: 'disk0', position: 'host' }), 1);
  t.equal(value('nightshift_tasks', { state: 'running' }), 0);
  t.equal(value('nightshift_journal_orders', { state: 'ended' }), 0);
  t.equal(value('nightshift_budget_tokens_left', { kind: 'wipe' }), 10);
  t.equal(value('nightshift_clock_wall_behind_seconds'), 0);
  t.ok(value('nightshift_sensor_celsius')! > 5 && value('nightshift_sensor_celsius')! < 100);
  t.ok(value('nightshift_sensor_fan_rpm')! >= 0);
  t.ok(value('process_resident_memory_bytes')! > 10_000_000);
  t.equal(types.get('nightshift_orders_total'), 'counter');
  t.equal(types.get('nightshift_order_duration_seconds'), 'histogram');
  const orders = samples.filter(({ name }) => name === 'nightshift_orders_total');
  t.ok(orders.length > 20 && orders.every(({ value }) => value === 0), 'no order yet');
});

await t.test('orders, refusals, the gate, the disk and the tools are counted', async (t) => {
  const before = await scrape(authority);
  await host.give('file.list', { path: '/etc' });
  await host.give('file.stat', { path: SECRET_PATH });
  await host.put(SECRET_PATH, utf8('new'));
  host.send(utf8('no order at all'));
  await host.give('machine.status', {}, { key: host.officer2 });
  const { value, samples } = await scrape(authority);
  t.equal(value('nightshift_orders_total', { verb: 'file.list', outcome: 'succeeded' }), 1);
  t.equal(value('nightshift_orders_total', { verb: 'file.stat', outcome: 'refused' }), 1);
  t.equal(value('nightshift_orders_total', { verb: 'file.download', outcome: 'succeeded' }), 1);
  t.equal(value('nightshift_order_codes_total', { outcome: 'refused', code: 'NO_SUCH_FILE' }), 1);
  t.equal(value('nightshift_orders_rejected_total', { code: 'ENVELOPE_INVALID' }), 1);
  t.equal(value('nightshift_order_duration_seconds_count', { verb: 'file.download' }), 1);
  t.ok(value('nightshift_gate_verdicts_total', { want: 'read', verdict: 'allowed' })! >= 2);
  t.ok(value('nightshift_gate_verdicts_total', { want: 'write', verdict: 'allowed' })! >= 1);
  t.ok(value('nightshift_disk_moves_total', { disk: 'disk0', to: 'ours' })! >= 3);
  t.ok(value('nightshift_disk_moved_age_seconds', { disk: 'disk0' })! < 60);
  t.ok(value('nightshift_tool_runs_total', { type: 'ext4', work: 'edit', result: 'ok' })! >= 1);
  t.equal(value('nightshift_outbox_messages'), 0);
  t.ok(value('nightshift_broker_publish_seconds_count')! >= 3);
  t.ok(value('nightshift_journal_bytes')! > before.value('nightshift_journal_bytes')!);
  t.ok(value('nightshift_audit_entries_total')! > before.value('nightshift_audit_entries_total')!);
  const known = new Set(samples.map(({ name }) => name));
  for (const { name } of before.samples) t.ok(known.has(name), name);
  const said = JSON.stringify(samples);
  t.notMatch(said, /canary|host1|acme|olga/, 'no path, no name of a host, a tenant or a person');
});

await t.test(
  'what the dashboard, the alerts and the page name of a device is there, and all that is there stands on the page',
  async (t) => {
    const scraped = await scrape(authority);
    t.same(
      missingIn(scraped, (name) => !isFleets(name)),
      [],
    );
    const documented = documentedMetrics();
    for (const name of scraped.types.keys()) t.ok(documented.has(name), name);
    for (const name of documented) if (!isFleets(name)) t.ok(scraped.types.has(name), name);
  },
);

await t.test('a host that wakes gets its disk back, and how fast is told', async (t) => {
  const before = (await scrape(authority)).value('nightshift_hand_backs_total', { in_time: 'true' }) ?? 0;
  host.machine.host.set('S0');
  const woken = async () =>
    ((await scrape(authority)).value('nightshift_hand_backs_total', { in_time: 'true' }) ?? 0) > before;
  await eventually(woken);
  const { value } = await scrape(authority);
  t.equal(value('nightshift_power_state', { state: 'S0' }), 1);
  t.equal(value('nightshift_power_state', { state: 'S5' }), 0);
  t.equal(value('nightshift_custody_closed'), 1);
  t.ok(value('nightshift_hand_back_seconds_count')! > before);
});

await t.test('a taken port keeps no device from starting, and it is said', async (t) => {
  const other = createServer();
  const taken = await freeTcpPort();
  await new Promise<void>((done) => other.listen(taken, '127.0.0.1', done));
  await host.stop();
  await host.boot({ metrics: { listen: `127.0.0.1:${taken}` } });
  t.ok(host.lines.includes('error metrics.not-listening'));
  other.close();
});

await t.test('whoever listens for other machines must ask for a token', async (t) => {
  await host.stop();
  await t.rejects(host.boot({ metrics: { listen: '0.0.0.0:0' } }), {
    code: 'NS_CONFIG_INVALID',
    message: /metrics\.tokenFile/,
  });
  await t.rejects(host.boot({ metrics: { listen: 'localhost' } }), { code: 'NS_CONFIG_INVALID' });
  await t.rejects(host.boot({ metrics: { port: 1 } }), { code: 'NS_CONFIG_INVALID' });
  await writeFile(join(host.dir, 'token'), 'short\n', { mode: 0o600 });
  await t.rejects(host.boot({ metrics: { tokenFile: 'token' } }), { message: /16 to 256/ });
  await writeFile(join(host.dir, 'token'), 'sixteen-letters-or-more\n', { mode: 0o600 });
  const free = await freeTcpPort();
  await host.boot({ metrics: { listen: `0.0.0.0:${free}`, tokenFile: 'token' } });
  t.ok(host.lines.includes('warn metrics.without-tls'));
  await t.rejects(scrape(`127.0.0.1:${free}`), { message: /^401/ });
  t.equal(
    (await scrape(`127.0.0.1:${free}`, 'sixteen-letters-or-more')).value('nightshift_mqtt_connected'),
    1,
  );
});
