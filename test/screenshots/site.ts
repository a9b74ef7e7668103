import { copyFile, mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedBroker, startEmbeddedBroker } from '../../src/adapters/embedded-broker.ts';
import { MiB } from '../../src/base/index.ts';
import type { LogSink } from '../../src/ports/index.ts';
import { readAgentConfig } from '../../src/programs/agent/config.ts';
import { type Device, startDevice } from '../../src/programs/agent/device.ts';
import { openDeviceKey } from '../../src/programs/agent/parts.ts';
import { publicKeyText } from '../../src/security/index.ts';
import { makeDisk } from '../kit/disk-image.ts';
import { run } from '../kit/disk-tools.ts';

const SILENT: LogSink = { log: () => undefined };
const PROGRAM = new URL('../../dist/nightshift.mjs', import.meta.url).pathname;
const CHAIN = 14;
/** Which drive of the chain is taken out once the chain knows it. */
const GONE = 9;

/** In the operator's configuration, and nowhere else. */
const SILENT_HOST = 'rack3-07';
const BROKEN = 'store-02';

interface Host {
  readonly name: string;
  readonly rack: string;
  readonly state: 'S5' | 'S4' | 'S0';
  readonly chain: boolean;
}

const HOSTS: readonly Host[] = ['rack1', 'rack2', 'rack3', 'store'].flatMap((rack, r) =>
  Array.from({ length: r === 3 ? 2 : 6 }, (_, i): Host => {
    const state = i === 4 ? 'S0' : i === 5 ? 'S4' : 'S5';
    return { name: `${rack}-${String(i + 1).padStart(2, '0')}`, rack, state, chain: rack === 'store' };
  }),
);

/** Simulated hosts, each with a whole agent, at a broker of this process; and an operator's configuration. */
export class Site {
  readonly dir: string;
  readonly config: string;
  readonly #broker: EmbeddedBroker;
  readonly #devices = new Map<string, Device>();
  /** Starts the broken host's device again, without one of its drives. */
  #takeOut: (() => Promise<Device>) | undefined;

  private constructor(dir: string, broker: EmbeddedBroker) {
    this.dir = dir;
    this.config = join(dir, 'nightshift.yaml');
    this.#broker = broker;
  }

  static async start(): Promise<Site> {
    const dir = await mkdtemp(join(tmpdir(), 'ns-site-'));
    const site = new Site(dir, await startEmbeddedBroker());
    try {
      await site.#build();
      return site;
    } catch (error) {
      await site.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#devices.values()].map((device) => device.stop()));
    await this.#broker.close();
    await rm(this.dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 });
  }

  async #build(): Promise<void> {
    const { dir } = this;
    const own = join(dir, 'olga.key');
    await run(process.execPath, [
      PROGRAM,
      'keys',
      'new',
      '--name',
      'olga',
      '--role',
      'operator',
      '--out',
      own,
    ]);
    const shown = await run(process.execPath, [PROGRAM, 'keys', 'show', own]);
    const key = /ed25519:[\w-]+/.exec(shown)?.[0];
    const { path } = await makeDisk(dir, {
      size: 12,
      fill: (tree) => writeFile(join(tree, 'hostname'), 'sleeper\n'),
    });
    const keys: string[] = [];
    for (const host of HOSTS) keys.push(await this.#start(host, key ?? '', path));
    const racks = [...new Set(HOSTS.map(({ rack }) => rack))];
    const groups = racks.map((rack) => {
      const members = HOSTS.filter((host) => host.rack === rack).map(({ name }) => name);
      if (rack === 'rack3') members.push(SILENT_HOST);
      return `  ${rack}: [${members.join(', ')}]`;
    });
    await writeFile(
      this.config,
      [
        `broker: ${this.#broker.url}`,
        'tenant: acme',
        'key: ./olga.key',
        'receipts: ./receipts',
        'devices:',
        ...keys,
        `  ${SILENT_HOST}: ed25519:n6fpJYVNR7jsThr_BMWPM3pVEPz6ynVMC7NlDTR0ioQ`,
        'groups:',
        ...groups,
        '',
      ].join('\n'),
    );
    await this.#break();
  }

  /** A chain keeps what it is made of: a drive that is missing after that is a fault. */
  async #break(): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      const said = await run(process.execPath, [PROGRAM, '--config', this.config, 'chain', BROKEN]);
      if (/\n *chain [0-9a-f]{16}, tables in step/.test(said) && said.includes('T3')) break;
      if (tries > 60) throw new Error(`the chain never came together: ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    await this.#devices.get(BROKEN)?.stop();
    const device = await this.#takeOut?.();
    if (device !== undefined) this.#devices.set(BROKEN, device);
  }

  async #start({ name, state, rack, chain }: Host, operator: string, image: string): Promise<string> {
    const home = join(this.dir, name);
    await mkdir(home);
    await copyFile(image, join(home, 'disk0.img'));
    for (let i = 0; chain && i < CHAIN; i += 1) {
      await writeFile(join(home, `drive${i}.img`), '');
      await truncate(join(home, `drive${i}.img`), 64 * MiB);
    }
    const start = async (members: readonly number[]): Promise<Device> => {
      const drives = members.map((i) => `        - { image: ./drive${i}.img, serial: NS-${1000 + i} }`);
      await writeFile(
        join(home, 'agent.yaml'),
        [
          `device: ${name}`,
          `groups: [${rack}]`,
          'tenant: acme',
          `broker: ${this.#broker.url}`,
          'state: ./state',
          'keyring:',
          `  - { name: olga, role: operator, key: '${operator}' }`,
          'sim:',
          `  state: ${state}`,
          ...(chain ? ['  disks:', '    - members:', ...drives] : ['  disks: [{ image: ./disk0.img }]']),
          '  dimms: [{ slot: A1, size: 268435456 }]',
          '',
        ].join('\n'),
      );
      return startDevice('sim-host', await readAgentConfig(join(home, 'agent.yaml'), {}), SILENT);
    };
    const all = Array.from({ length: chain ? CHAIN : 0 }, (_, i) => i);
    this.#devices.set(name, await start(all));
    if (name === BROKEN) this.#takeOut = () => start(all.filter((i) => i !== GONE));
    const { publicKey } = await openDeviceKey(join(home, 'state'));
    return `  ${name}: ${publicKeyText(publicKey)}`;
  }
}
