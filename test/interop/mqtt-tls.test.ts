import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { silentLog } from '../../src/adapters/log.ts';
import { MqttBus } from '../../src/adapters/mqtt/mqtt-bus.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { milliseconds, utf8 } from '../../src/base/index.ts';
import type { BusState } from '../../src/ports/index.ts';
import { eventually } from '../kit/eventually.ts';
import { startMosquitto } from '../kit/mosquitto.ts';

const directory = t.testdir({});
const path = (name: string): string => join(directory, name);
const read = (name: string): string => readFileSync(path(name), 'utf8');
const openssl = (...args: string[]): Buffer =>
  execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });

function authority(name: string): void {
  openssl(
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
    ...['-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.crt`],
  );
}

function certificate(name: string, issuer: string, names: string): void {
  writeFileSync(path(`${name}.ext`), `subjectAltName=${names}\n`);
  openssl(
    ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`],
    ...['-keyout', `${name}.key`, '-out', `${name}.csr`],
  );
  openssl(
    ...[
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      `${issuer}.crt`,
      '-CAkey',
      `${issuer}.key`,
      '-CAcreateserial',
    ],
    ...['-days', '2', '-extfile', `${name}.ext`, '-out', `${name}.crt`],
  );
}

authority('site-ca');
authority('other-ca');
certificate('broker', 'site-ca', 'IP:127.0.0.1');
certificate('elsewhere', 'site-ca', 'DNS:elsewhere');
certificate('host1', 'site-ca', 'DNS:host1');

await t.test('both sides prove who they are, or there is no connection', async (t) => {
  const secured = async (name: string) => {
    const started = await startMosquitto({
      extra: [
        `cafile ${path('site-ca.crt')}`,
        `certfile ${path(`${name}.crt`)}`,
        `keyfile ${path(`${name}.key`)}`,
        'require_certificate true',
        'use_identity_as_username true',
      ],
    });
    t.teardown(() => started.close());
    return started;
  };
  const broker = await secured('broker');
  const elsewhere = await secured('elsewhere');
  const bus = (port: number, ca: string, own: boolean): MqttBus => {
    const mine = own ? { cert: read('host1.crt'), key: read('host1.key') } : {};
    const url = `mqtts://127.0.0.1:${port}`;
    const backoff = { first: milliseconds(20), longest: milliseconds(50) };
    return new MqttBus(
      { broker: { url, tls: { ca: read(ca), ...mine } }, clientId: 'host1', backoff },
      systemClock,
      systemEntropy,
      silentLog,
    );
  };
  const outcome = async (candidate: MqttBus): Promise<BusState[]> => {
    const states: BusState[] = [];
    candidate.onState((state) => states.push(state));
    const start = candidate.start().catch(() => undefined);
    await eventually(() => states.length >= 1);
    await candidate.close();
    await start;
    return states;
  };

  const good = bus(broker.port, 'site-ca.crt', true);
  await good.start(AbortSignal.timeout(15_000));
  await good.publish('x', utf8('hello'));
  await good.close();

  t.match(
    await outcome(bus(broker.port, 'other-ca.crt', true)),
    [{ is: 'down' }],
    'a broker of another site',
  );
  t.match(
    await outcome(bus(elsewhere.port, 'site-ca.crt', true)),
    [{ is: 'down' }],
    'a broker of another name',
  );
  t.match(
    await outcome(bus(broker.port, 'site-ca.crt', false)),
    [{ is: 'down' }],
    'a device without a certificate',
  );
});
