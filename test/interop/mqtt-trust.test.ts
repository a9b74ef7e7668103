import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import t from 'tap';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import type { BrokerTls } from '../../src/adapters/mqtt/broker-socket.ts';
import { type Credentials, MqttBus } from '../../src/adapters/mqtt/mqtt-bus.ts';
import { addAuthority, retireOld } from '../../src/adapters/pki/site.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { fromUtf8, milliseconds, utf8 } from '../../src/base/index.ts';
import { brokerOptions } from '../../src/programs/agent/parts.ts';
import { eventually } from '../kit/eventually.ts';
import { startMosquitto } from '../kit/mosquitto.ts';
import { PASSPHRASE, SitePki, seconds } from '../kit/site-pki.ts';

const DAY = 86_400;
const site = await new SitePki(t.testdir({})).init();
const [hub, other] = [await site.broker('hub'), await site.broker('other')];
await site.make({ kind: 'device', name: 'rack1' }, { kind: 'operator', name: 'olga' });
const pin = (text: string): string => text.slice('sha256:'.length);

async function start(leaf: string, of = site) {
  const broker = await startMosquitto({ persistence: true, listener: (port) => of.mosquitto(leaf, port) });
  t.teardown(() => broker.close());
  return broker;
}

function busTo(port: number, tls: BrokerTls | (() => Promise<Credentials>), client = 'rack1') {
  const lines: string[] = [];
  const bus = new MqttBus(
    {
      broker: { url: `mqtts://127.0.0.1:${port}`, ...(typeof tls === 'function' ? {} : { tls }) },
      ...(typeof tls === 'function' ? { credentials: tls } : {}),
      clientId: client,
      backoff: { first: milliseconds(20), longest: milliseconds(50) },
    },
    systemClock,
    systemEntropy,
    { log: (_level, event, fields) => lines.push(`${event} ${String(fields?.reason ?? '')}`) },
  );
  t.teardown(() => bus.close());
  return { bus, lines };
}

/** The reason for which a connection does not come about; empty where it does. */
async function refusal(port: number, tls: BrokerTls): Promise<string> {
  const { bus, lines } = busTo(port, tls);
  const reasons: string[] = [];
  let up = false;
  bus.onState((state) => {
    if (state.is === 'up') up = true;
    else reasons.push(state.reason);
  });
  bus.start().catch(() => undefined);
  await eventually(() => up || reasons.length > 0);
  await bus.close();
  return up ? '' : `${reasons[0] ?? ''} ${lines.join(' ')}`;
}

const good = await start('broker/hub-1');
const wrong = await start('broker/other-1');

await t.test('a pinned broker is believed, another of the same authority is not', async (t) => {
  const tls = site.tls('device/rack1-1');
  t.equal(await refusal(good.port, { ...tls, pins: [pin(hub.pin)] }), '');
  t.match(await refusal(wrong.port, { ...tls, pins: [pin(hub.pin)] }), /another key than those pinned/);
  t.equal(await refusal(wrong.port, tls), '', 'without a pin it would be');
  t.equal(await refusal(wrong.port, { ...tls, pins: [pin(hub.pin), pin(other.pin)] }), '', 'two overlap');
});

await t.test("an authority's pin is met by its signature, not by what the broker sends along", async (t) => {
  const tls = site.tls('device/rack1-1');
  const { pinOf, authoritiesOf } = await import('../../src/adapters/mqtt/broker-trust.ts');
  const [ca] = authoritiesOf(tls.ca);
  if (ca === undefined) throw new Error('no authority');
  t.equal(await refusal(good.port, { ...tls, pins: [pinOf(ca)] }), '');
  // The wrong broker sends the pinned broker's certificate behind its own.
  const chain = site.read('broker/other-1.pem') + site.read('broker/hub-1.pem') + tls.ca;
  const server = createServer({ cert: chain, key: site.read('broker/other-1.key') }).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await eventually(() => server.listening);
  const { port } = server.address() as { port: number };
  t.match(await refusal(port, { ...tls, pins: [pin(hub.pin)] }), /another key than those pinned/);
});

/** A TLS server that counts what clients say to it before it closes. */
async function listener(cert: string, key: string) {
  let heard = 0;
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer({ cert, key }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      heard += chunk.length;
    });
  }).listen(0, '127.0.0.1');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await eventually(() => server.listening);
  return { port: (server.address() as { port: number }).port, heard: () => heard };
}

await t.test('a clock that is behind keeps no device from its broker', async (t) => {
  const later = site.at(seconds() + 30 * DAY);
  await later.make({ kind: 'broker', name: 'fresh', names: ['127.0.0.1'] });
  const broker = await start('broker/fresh-1');
  const tls = site.tls('device/rack1-1');
  t.match(await refusal(broker.port, tls), /not yet valid/, 'a machine whose clock is believed refuses');
  const device = { ...tls, floor: () => seconds() - 30 * DAY };
  t.equal(await refusal(broker.port, device), '', 'a device that knows only a floor does not');
  t.match(await refusal(broker.port, { ...device, pins: [pin(hub.pin)] }), /another key than those pinned/);
});

await t.test(
  'all else of a certificate that is not valid yet is looked at, before a word is said',
  async (t) => {
    const stranger = await new SitePki(t.testdir({})).init();
    const soon = seconds() + 30 * DAY;
    await stranger.at(soon).make({ kind: 'broker', name: 'fake', names: ['127.0.0.1'] });
    await site
      .at(soon)
      .make(
        { kind: 'broker', name: 'elsewhere', names: ['mq.site.example'] },
        { kind: 'device', name: 'rack9' },
      );
    const device = { ...site.tls('device/rack1-1'), floor: () => seconds() - DAY };
    const cases: readonly [SitePki, string, RegExp][] = [
      [stranger, 'broker/fake-1', /NS_BROKER_ISSUER|self.signed|unable to/i],
      [site, 'broker/elsewhere-1', /not for 127\.0\.0\.1/],
      [site, 'device/rack9-1', /not one of a server|unsuitable/],
    ];
    for (const [of, leaf, reason] of cases) {
      const server = await listener(of.read(`${leaf}.pem`), of.read(`${leaf}.key`));
      t.match(await refusal(server.port, device), reason, leaf);
      t.equal(server.heard(), 0, `${leaf}: nothing was said to it`);
      const chained = await listener(of.read(`${leaf}.pem`) + of.read('ca-1.pem'), of.read(`${leaf}.key`));
      t.match(await refusal(chained.port, device), reason, `${leaf}, with its authority`);
      t.equal(chained.heard(), 0, `${leaf}, with its authority: nothing was said to it`);
    }
    // What would be said to one that is right in all else.
    const right = await listener(site.read('broker/fresh-1.pem'), site.read('broker/fresh-1.key'));
    busTo(right.port, device)
      .bus.start()
      .catch(() => undefined);
    await eventually(() => right.heard() > 0);
  },
);

await t.test('what has ended is refused, by the clock or by the floor', async (t) => {
  const past = await new SitePki(t.testdir({}), seconds() - 40 * DAY).init();
  await past.make({ kind: 'broker', name: 'old', names: ['127.0.0.1'], days: 10 });
  const tls = { ...site.tls('device/rack1-1'), ca: past.read('ca.pem') };
  const ended = await listener(past.read('broker/old-1.pem'), past.read('broker/old-1.key'));
  t.match(await refusal(ended.port, tls), /expired/);
  t.match(await refusal(ended.port, { ...tls, floor: () => 0 }), /expired/);
  t.equal(ended.heard(), 0);
  // By the clock of this machine the broker is fine; a signed time says that it is later than that.
  const device = { ...site.tls('device/rack1-1'), floor: () => seconds() + 800 * DAY };
  t.match(await refusal(good.port, device), /ended before a time that has surely passed/);
});

await t.test(
  'certificates are replaced under a running device, from an old authority to a new one, and no order is lost',
  async (t) => {
    const files = t.testdir({});
    const at = (name: string): string => join(files, name);
    const put = (name: string, text: string): void => {
      writeFileSync(at(`${name}.new`), text, { mode: 0o600 });
      renameSync(at(`${name}.new`), at(name));
    };
    const bring = (leaf: string): void => {
      const { ca, cert, key } = site.tls(leaf);
      for (const [name, text] of Object.entries({ 'ca.pem': ca, 'cert.pem': cert, 'key.pem': key }))
        put(name, text);
    };
    bring('device/rack1-1');
    const broker = await start('broker/hub-1');
    const link = {
      url: `mqtts://127.0.0.1:${broker.port}`,
      ca: at('ca.pem'),
      cert: at('cert.pem'),
      key: at('key.pem'),
    };
    const { credentials } = await brokerOptions({ broker: link }, () => 0);
    if (credentials === undefined) throw new Error('credentials are not read again');
    const device = busTo(broker.port, credentials);
    const got: string[] = [];
    device.bus.onMessage(async ({ payload }) => {
      got.push(fromUtf8(payload) ?? '');
    });
    await device.bus.subscribe(['ns/1/acme/d/rack1/cmd']);
    await device.bus.start(AbortSignal.timeout(15_000));
    const sent: string[] = [];
    // A broker that ends before it hears of an arrival delivers again: the journal takes care of that.
    const allThere = (): boolean => sent.every((text) => got.includes(text));
    const order = async (leaf: string): Promise<void> => {
      const text = `order ${sent.length + 1}`;
      const { bus } = busTo(broker.port, site.tls(leaf), 'olga');
      await bus.start(AbortSignal.timeout(15_000));
      await bus.publish('ns/1/acme/d/rack1/cmd', utf8(text));
      await bus.close();
      sent.push(text);
    };
    const restart = async (leaf: string): Promise<void> => {
      await broker.stop();
      await site.mosquitto(leaf, broker.port);
      await broker.start();
    };
    await order('operator/olga-1');
    // 1. The new authority beside the old: everybody gets the bundle of both.
    await addAuthority(site.place, undefined, PASSPHRASE);
    bring('device/rack1-1');
    await restart('broker/hub-1');
    await order('operator/olga-1');
    // 2. Broker and operator have certificates of the new authority, the device still one of the old.
    await site.broker('hub');
    await site.make({ kind: 'operator', name: 'olga' }, { kind: 'device', name: 'rack1' });
    await restart('broker/hub-2');
    await order('operator/olga-2');
    // 3. The device too; while the files are half there it keeps trying.
    put('key.pem', site.read('device/rack1-2.key'));
    await restart('broker/hub-2');
    await eventually(() => device.lines.some((line) => /key values mismatch/.test(line)));
    await order('operator/olga-2');
    bring('device/rack1-2');
    await eventually(allThere);
    // 4. The old authority is believed no more.
    await site.broker('other');
    await site.make(
      { kind: 'broker', name: 'fresh', names: ['127.0.0.1'] },
      { kind: 'broker', name: 'elsewhere', names: ['127.0.0.1'] },
      { kind: 'device', name: 'rack9' },
    );
    await retireOld(site.place);
    bring('device/rack1-2');
    await restart('broker/hub-2');
    await order('operator/olga-2');
    await eventually(allThere);
    t.same([...new Set(got)], sent);
    t.match(await refusal(broker.port, { ...site.tls('device/rack1-1') }), /./, 'nor is its certificate');
    t.equal(readFileSync(at('ca.pem'), 'utf8'), site.read('ca-2.pem'));
  },
);
