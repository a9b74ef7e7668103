import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedBroker } from '../../src/adapters/embedded-broker.ts';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { MqttBus } from '../../src/adapters/mqtt/mqtt-bus.ts';
import { createKeyFile } from '../../src/adapters/operator-keys.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { encodeTokenFile } from '../../src/fleet/index.ts';
import type { KeyStore } from '../../src/ports/index.ts';
import { Keyring, publicKeyText, type Role, signToken } from '../../src/security/index.ts';
import { buildCli, type CliResult, runCli } from './cli.ts';
import { FakeDevice } from './fake-device.ts';
import { testKey } from './keys.ts';
import { type StartedPage, startWeb } from './page-client.ts';
import { buildPage } from './web-page.ts';

const ROLES: Readonly<Record<string, Role>> = {
  olga: 'operator',
  sam: 'security',
  tess: 'security',
  gina: 'governor',
};

export interface PageBench {
  readonly home: string;
  readonly broker: string;
  readonly people: readonly { readonly name: string; readonly role: Role; readonly key: string }[];
  readonly devices: readonly FakeDevice[];
  /** "nightshift web" of this person, with these options of the program. */
  readonly start: (who: string, ...options: string[]) => Promise<StartedPage>;
  readonly run: (...args: string[]) => Promise<CliResult>;
  /** The text of a file with a token to disable for each of these hosts, with numbers that nothing else has. */
  readonly tokens: (hosts: readonly string[]) => Promise<string>;
  readonly close: () => Promise<void>;
}

/** A broker, devices that a test plays, four people with a configuration each, and the command with its page. */
export async function openPageBench(hosts: readonly string[]): Promise<PageBench> {
  const home = mkdtempSync(join(tmpdir(), 'nightshift-page-'));
  const cli = await buildCli(home);
  await buildPage(home);
  const broker = await startEmbeddedBroker();
  const keys = new Map<string, KeyStore>();
  const people: { name: string; role: Role; key: string }[] = [];
  for (const [name, role] of Object.entries(ROLES)) {
    const key = await createKeyFile(join(home, `${name}.key`), undefined);
    keys.set(name, key);
    people.push({ name, role, key: publicKeyText(key.publicKey) });
  }
  const devices: FakeDevice[] = [];
  for (const name of hosts) {
    const options = { broker: { url: broker.url }, clientId: `device-${name}`, cleanSession: true };
    const bus = new MqttBus(options, systemClock, systemEntropy, { log: () => undefined });
    const device = new FakeDevice(bus, name, testKey(), new Keyring(people), systemClock, 'acme');
    await device.start();
    devices.push(device);
  }
  for (const who of Object.keys(ROLES)) {
    const config = {
      broker: broker.url,
      tenant: 'acme',
      key: `${who}.key`,
      receipts: `receipts-${who}`,
      devices: Object.fromEntries(devices.map((d) => [d.name, publicKeyText(d.key.publicKey)])),
      people,
    };
    writeFileSync(join(home, `${who}.yaml`), JSON.stringify(config));
  }
  const started: StartedPage[] = [];
  let numbers = 0;
  return {
    home,
    broker: broker.url,
    people,
    devices,
    start: async (who, ...options) => {
      const page = await startWeb(
        cli,
        ['--config', `${who}.yaml`, ...options, 'web', '--refresh', 'never'],
        home,
      );
      started.push(page);
      return page;
    },
    run: (...args) => runCli(cli, args, { cwd: home }),
    tokens: async (names) => {
      const packets: Uint8Array[] = [];
      for (const device of names) {
        numbers += 1;
        const token = { v: 1 as const, epoch: 7, for: 'lock' as const, n: numbers, device, at: 1 };
        packets.push(await signToken(token, keys.get('gina')!, 'acme'));
      }
      return encodeTokenFile({ tenant: 'acme', packets });
    },
    close: async () => {
      await Promise.all(
        started.map(({ child }) => {
          const ended = new Promise((resolve) => child.on('close', resolve));
          child.kill('SIGINT');
          return ended;
        }),
      );
      for (const device of devices) await device.bus.close();
      await broker.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
