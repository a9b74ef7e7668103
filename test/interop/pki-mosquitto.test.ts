import { createServer } from 'node:tls';
import mqtt, { type MqttClient } from 'mqtt';
import t from 'tap';
import { current, revoke, setRights } from '../../src/adapters/pki/site.ts';
import { readSite } from '../../src/adapters/pki/site-file.ts';
import { eventually } from '../kit/eventually.ts';
import { startMosquitto } from '../kit/mosquitto.ts';
import { ask, SitePki } from '../kit/site-pki.ts';

const site = await new SitePki(t.testdir({})).init();
await site.broker('hub');
await site.make(
  ...['rack1', 'rack2', 'rack.3', 'lost'].map((name) => ({ kind: 'device', name }) as const),
  // One has the name of a device.
  ...['olga', 'rack2'].map((name) => ({ kind: 'operator', name }) as const),
);
await setRights(site.place, 'rack1', { groups: ['racks'], standsFor: ['rack2'] });
const broker = await startMosquitto({ listener: (port) => site.mosquitto('broker/hub-1', port) });
t.teardown(() => broker.close());

const open: MqttClient[] = [];
t.teardown(() => Promise.all(open.map((client) => client.endAsync(true))));

async function connect(options: mqtt.IClientOptions): Promise<MqttClient> {
  const client = await mqtt.connectAsync(`mqtts://127.0.0.1:${broker.port}`, {
    reconnectPeriod: 0,
    connectTimeout: 5000,
    ...options,
  });
  open.push(client);
  return client;
}

/** The client passes on to TLS what its types do not name. */
const only = (version: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'): object => ({
  minVersion: version,
  maxVersion: version,
  ciphers: 'ALL@SECLEVEL=0:TLS_AES_128_GCM_SHA256',
});

const ACTORS = ['device/rack1', 'device/rack2', 'device/rack.3', 'operator/olga', 'operator/rack2'] as const;
type Actor = (typeof ACTORS)[number];
const OPERATORS: readonly Actor[] = ['operator/olga', 'operator/rack2'];
const ALL: readonly Actor[] = ACTORS;

/** For each topic who may publish on it, and who may read it. All the rest is forbidden. */
const RIGHTS: Readonly<Record<string, readonly [readonly Actor[], readonly Actor[]]>> = {
  'ns/1/acme/d/rack1/cmd': [OPERATORS, ['device/rack1']],
  'ns/1/acme/d/rack1/blk-in': [OPERATORS, ['device/rack1']],
  'ns/1/acme/d/rack1/evt': [['device/rack1'], OPERATORS],
  'ns/1/acme/d/rack1/blk-out': [['device/rack1'], OPERATORS],
  'ns/1/acme/d/rack1/seen': [['device/rack1'], ALL],
  // rack1 stands for rack2: orders, events and tokens, and no blocks.
  'ns/1/acme/d/rack2/cmd': [OPERATORS, ['device/rack1', 'device/rack2']],
  'ns/1/acme/d/rack2/blk-in': [OPERATORS, ['device/rack2']],
  'ns/1/acme/d/rack2/evt': [['device/rack1', 'device/rack2'], OPERATORS],
  'ns/1/acme/d/rack2/blk-out': [['device/rack2'], OPERATORS],
  'ns/1/acme/d/rack.3/cmd': [OPERATORS, ['device/rack.3']],
  'ns/1/acme/d/rack.3/evt': [['device/rack.3'], OPERATORS],
  'ns/1/acme/d/rack2/seen': [['device/rack1', 'device/rack2'], ALL],
  'ns/1/acme/d/rack.3/seen': [['device/rack.3'], ALL],
  'ns/1/acme/d/operator:rack2/evt': [OPERATORS.slice(1), OPERATORS],
  // No device's name: devices do not listen to it.
  'ns/1/acme/d/operator:rack2/seen': [OPERATORS.slice(1), ALL],
  'ns/1/acme/g/racks/cmd': [OPERATORS, ['device/rack1']],
  'ns/1/acme/g/other/cmd': [OPERATORS, []],
  'ns/1/other/d/rack1/cmd': [[], []],
  'ns/1/other/d/rack1/evt': [[], []],
  'ns/1/other/d/rack1/seen': [[], []],
  'ns/1/acme/g/racks/seen': [[], []],
  'ns/1/acme': [[], []],
  '$SYS/broker/x': [[], []],
};

for (const protocolVersion of [5, 4] as const) {
  await t.test(
    `each may publish and read what is its own, and nothing else, MQTT level ${protocolVersion}`,
    async (t) => {
      const got = new Set<string>();
      const clients = new Map<Actor, MqttClient>();
      for (const actor of ACTORS) {
        const client = await connect({ ...site.tls(`${actor}-1`), protocolVersion });
        client.on('message', (topic, payload) => got.add(`${payload.toString()} -> ${topic} -> ${actor}`));
        // A broker may take a subscription and hand nothing out, or refuse it: what comes is what counts.
        await client.subscribeAsync(['#', ...Object.keys(RIGHTS)], { qos: 1 }).catch(() => undefined);
        clients.set(actor, client);
      }
      const say = (actor: Actor, topic: string) =>
        clients
          .get(actor)
          ?.publishAsync(topic, actor, { qos: 1 })
          .catch(() => undefined);
      for (const topic of Object.keys(RIGHTS)) for (const actor of ACTORS) await say(actor, topic);
      const expected = Object.entries(RIGHTS).flatMap(([topic, [writers, readers]]) =>
        writers.flatMap((writer) => readers.map((reader) => `${writer} -> ${topic} -> ${reader}`)),
      );
      await eventually(() => expected.every((one) => got.has(one)));
      t.same([...got].sort(), expected.sort());
      t.comment(
        `figure: ${Object.keys(RIGHTS).length * ACTORS.length} publishes, ${expected.length} ways allowed`,
      );
      for (const client of clients.values()) await client.endAsync();
    },
  );
}

await t.test('who has no certificate of this site, or none of a client, is not let in', async (t) => {
  const other = await new SitePki(t.testdir({})).init();
  await other.make({ kind: 'device', name: 'rack1' });
  const { ca } = site.tls('device/rack1-1');
  await t.rejects(connect({ ca }), 'no certificate');
  await t.rejects(connect({ ...other.tls('device/rack1-1'), ca }), 'that of another site');
  await t.rejects(connect({ ...site.tls('broker/hub-1') }), "a broker's");
  await t.rejects(connect({ ...site.tls('device/rack1-1'), ...only('TLSv1.1') }), 'TLS 1.1');
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    await connect({ ...site.tls('device/rack1-1'), ...only(version) });
  }
});

await t.test("a device's certificate makes no broker", async (t) => {
  const { ca, cert, key } = site.tls('device/rack1-1');
  const server = createServer({ cert, key }).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await eventually(() => server.listening);
  const { port } = server.address() as { port: number };
  await t.rejects(
    mqtt.connectAsync(`mqtts://127.0.0.1:${port}`, { ...site.tls('device/rack2-1'), ca, reconnectPeriod: 0 }),
    /unsuitable certificate purpose/,
  );
});

await t.test('a revoked certificate is turned away, and a new one for the same device is not', async (t) => {
  await (await connect(site.tls('device/lost-1'))).endAsync();
  const lost = current(await readSite(site.directory)).filter(({ name }) => name === 'lost');
  await revoke(site.place, lost, ask);
  await site.make({ kind: 'device', name: 'lost' });
  await broker.stop();
  await site.mosquitto('broker/hub-1', broker.port);
  await broker.start();
  await t.rejects(connect(site.tls('device/lost-1')), 'the old one');
  await connect(site.tls('device/lost-2'));
  await connect(site.tls('device/rack2-1'));
});
