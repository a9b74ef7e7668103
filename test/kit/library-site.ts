import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startEmbeddedBroker } from '../../src/adapters/embedded-broker.ts';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { MqttBus } from '../../src/adapters/mqtt/mqtt-bus.ts';
import { createKeyFile } from '../../src/adapters/operator-keys.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { seconds, utf8 } from '../../src/base/index.ts';
import type { Order } from '../../src/protocol/index.ts';
import { publicKeyText, type Role } from '../../src/security/index.ts';
import { ChunkMap, chunksOf, receiveFile, sendFile } from '../../src/transfer/index.ts';
import { type Answer, type DeviceTools, FakeDevice } from './fake-device.ts';
import { testKey, testKeyring } from './keys.ts';
import { MemoryFile } from './memory-file.ts';
import { statusResult } from './status-result.ts';

const PEOPLE: Readonly<Record<string, Role>> = {
  olga: 'operator',
  otto: 'operator',
  sam: 'security',
  tess: 'security',
};
const CHUNK = 65_536;
const volume = { name: 'disk0', type: 'ext4', label: 'root', uuid: 'u', stale: false, notes: [] };
const facts = { kind: 'file', mode: 0o644, uid: 0, gid: 0, links: 1, inode: 7, mtime: 1_700_000_000 };
const SUSPENDED = { code: 'HOST_SUSPENDED', sentence: 'It is suspended.', remedy: 'Shut it down.' };

/** A directory with a configuration and the keys of four people, a broker, and devices that behave like ones. */
export interface LibrarySite {
  readonly directory: string;
  readonly config: string;
  readonly devices: ReadonlyMap<string, FakeDevice>;
  /** The broker is gone, with all connections. */
  readonly loseBroker: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface LibrarySiteOptions {
  /** rack3 is suspended, rack4 is configured and not there. */
  readonly names?: readonly string[];
  readonly dead?: readonly string[];
}

async function sendTo(order: Order, text: string, { blocks, signal, say }: DeviceTools): Promise<Answer> {
  const file = new MemoryFile(utf8(text));
  const size = file.bytes.byteLength;
  await say({ event: 'offer', id: order.id, size, chunk: CHUNK, inode: 7, mtime: facts.mtime });
  const common = { id: order.id, size, chunk: CHUNK, port: blocks, clock: systemClock, signal };
  const { sha256 } = await sendFile({ ...common, noProgress: seconds(10), read: file.read });
  const path = 'path' in order.args ? order.args.path : '/';
  return { result: { volume, path, file: { ...facts, size }, sha256: new Uint8Array(sha256) } };
}

async function takeFrom(order: Order<'file.download'>, { blocks, signal }: DeviceTools): Promise<Answer> {
  const { size, sha256, path, dryRun } = order.args;
  const stored = MemoryFile.sized(size);
  const received = await receiveFile({
    ...{ id: order.id, size, chunk: CHUNK, port: blocks, clock: systemClock, signal, sha256 },
    noProgress: seconds(10),
    have: new ChunkMap(chunksOf(size, CHUNK)),
    write: stored.write,
    read: stored.read,
    flush: stored.flush,
    saveMap: async () => undefined,
  });
  if (received.ok) received.value.release();
  const changes = [{ change: 'replace', path }];
  const effect = { hash: new Uint8Array(32).fill(7), blocks: 2, bytes: 8192, changes };
  return { result: { volume, path, effect, dryRun: dryRun === true } };
}

/** A check of memory in four steps. */
async function checked(order: Order, { say }: DeviceTools): Promise<Answer> {
  for (let seq = 0; seq < 4; seq += 1) {
    const progress = { stage: 'checking', done: (seq + 1) * 25, total: 100, unit: 'bytes' };
    await say({ event: 'progress', id: order.id, seq, ...progress });
  }
  const result = { medium: 'dram', algorithms: ['mats+'], covered: [{ start: 0, length: 100 }] };
  return {
    result: { ...result, coveredBasisPoints: 10_000, errors: [], errorCount: 0, notReached: [], modules: [] },
  };
}

async function behave(name: string, order: Order, tools: DeviceTools): Promise<Answer> {
  if (name === 'rack3') return { outcome: 'refused', refusal: SUSPENDED };
  switch (order.verb) {
    case 'machine.status':
      return { result: { ...statusResult(), device: name } };
    case 'file.upload':
      return sendTo(order, `Hello from ${name}.`, tools);
    case 'file.download':
      return takeFrom(order as Order<'file.download'>, tools);
    case 'file.find': {
      const matches = [
        { path: '/etc/a.pem', kind: 'file', size: 5, mode: 0o600, uid: 0, gid: 0, mtime: facts.mtime },
      ];
      return { result: { volume, matches, visited: { directories: 1, files: 3 }, skipped: [] } };
    }
    case 'memory.check':
      return checked(order, tools);
    case 'io.read':
      return { result: { channel: 'inlet-temp', unit: 'm°C', value: 31_228 } };
    case 'machine.enable':
      return { result: { lock: { state: 'enabled', version: 2, inForce: [] }, changed: true } };
    default:
      return { outcome: 'failed', failure: { code: 'NS_TEST', sentence: 'This device does not do that.' } };
  }
}

export async function librarySite(
  directory: string,
  { names = ['rack1', 'rack2', 'rack3'], dead = ['rack4'] }: LibrarySiteOptions = {},
): Promise<LibrarySite> {
  mkdirSync(directory, { recursive: true });
  const broker = await startEmbeddedBroker();
  const people = await Promise.all(
    Object.entries(PEOPLE).map(async ([name, role]) => {
      return { name, role, key: await createKeyFile(join(directory, `${name}.key`), undefined) };
    }),
  );
  const keyring = testKeyring(Object.fromEntries(people.map(({ name, role, key }) => [name, [key, role]])));
  const devices = new Map<string, FakeDevice>();
  for (const name of names) {
    const options = { broker: { url: broker.url }, clientId: `device-${name}`, cleanSession: true };
    const bus = new MqttBus(options, systemClock, systemEntropy, { log: () => undefined });
    const device = new FakeDevice(bus, name, testKey(), keyring, systemClock, 'acme');
    device.answer = (order, tools) => behave(name, order, tools);
    await device.start();
    devices.set(name, device);
  }
  const config = join(directory, 'nightshift.yaml');
  const entry = (name: string, key: { readonly publicKey: Parameters<typeof publicKeyText>[0] }): string =>
    `  ${name}: ${publicKeyText(key.publicKey)}`;
  writeFileSync(
    config,
    [
      `broker: ${broker.url}`,
      'tenant: acme',
      'key: olga.key',
      'receipts: receipts',
      'devices:',
      ...[...devices].map(([name, { key }]) => entry(name, key)),
      ...dead.map((name) => entry(name, testKey())),
      'groups:',
      `  racks: [${names.join(', ')}]`,
      'people:',
      ...people.map(
        ({ name, role, key }) =>
          `  - { name: ${name}, role: ${role}, key: '${publicKeyText(key.publicKey)}' }`,
      ),
      '',
    ].join('\n'),
  );
  let gone: Promise<void> | undefined;
  const loseBroker = (): Promise<void> => {
    gone ??= broker.close();
    return gone;
  };
  return {
    directory,
    config,
    devices,
    loseBroker,
    close: async () => {
      for (const device of devices.values()) await device.bus.close();
      await loseBroker();
    },
  };
}
