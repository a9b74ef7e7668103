import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedBroker } from '../../src/adapters/embedded-broker.ts';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { MqttBus } from '../../src/adapters/mqtt/mqtt-bus.ts';
import { openKeyFile } from '../../src/adapters/operator-keys.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { publicKeyText } from '../../src/security/index.ts';
import { buildCli, type CliResult, runCli } from './cli.ts';
import { FakeDevice } from './fake-device.ts';
import { testKey, testKeyring } from './keys.ts';

/** The operator's command in a folder of its own, olga's key made by it, and three devices that answer as they are told. */
export async function openCommandSite() {
  const home = mkdtempSync(join(tmpdir(), 'nightshift-cli-'));
  const cli = await buildCli(home);
  const broker = await startEmbeddedBroker();
  const run = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CliResult> =>
    runCli(cli, args, { cwd: home, env });
  const made = await run(['keys', 'new', '--role', 'operator', '--name', 'olga']);
  const operator = await openKeyFile(join(home, 'olga.key'), () =>
    Promise.reject(new Error('not encrypted')),
  );
  const keyring = testKeyring({ olga: [operator, 'operator'] });
  const devices: FakeDevice[] = [];
  for (const name of ['rack1', 'rack2', 'rack3']) {
    const options = { broker: { url: broker.url }, clientId: `device-${name}`, cleanSession: true };
    const bus = new MqttBus(options, systemClock, systemEntropy, { log: () => undefined });
    const device = new FakeDevice(bus, name, testKey(), keyring, systemClock, 'acme');
    await device.start();
    devices.push(device);
  }
  const keys = devices.map((device) => `  ${device.name}: ${publicKeyText(device.key.publicKey)}`).join('\n');
  writeFileSync(
    join(home, 'nightshift.yaml'),
    `broker: ${broker.url}\ntenant: acme\nkey: olga.key\ndevices:\n${keys}\ngroups:\n  racks: rack[1-3]\n`,
  );
  /** All devices answer in the same way. */
  const answerAll = (answer: FakeDevice['answer']): void => {
    for (const device of devices) device.answer = answer;
  };
  const close = async (): Promise<void> => {
    for (const device of devices) await device.bus.close();
    await broker.close();
    rmSync(home, { recursive: true, force: true });
  };
  return { home, cli, run, made, devices, answerAll, close };
}
