import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildCli, type CliResult, runCli } from './cli.ts';
import { type Mosquitto, startMosquitto } from './mosquitto.ts';

/** QEMU's own network: this address is the loopback of the machine that it runs on. */
const LOOPBACK = '10.0.2.2';

/** Where an emulated board belongs to: a broker, an operator and an auditor, and the files of the board's first start. */
export class BoardSite {
  readonly home: string;
  readonly broker: Mosquitto;
  /** For the packer's --factory. */
  readonly factory: string;
  readonly #cli: string;
  readonly #timeout: string;

  private constructor(home: string, broker: Mosquitto, cli: string, timeout: string) {
    this.home = home;
    this.broker = broker;
    this.factory = join(home, 'factory');
    this.#cli = cli;
    this.#timeout = timeout;
  }

  static async open(options: { readonly stagingMiB: number; readonly timeout: string }): Promise<BoardSite> {
    const home = await mkdtemp(join(tmpdir(), 'nightshift-site-'));
    const site = new BoardSite(home, await startMosquitto(), await buildCli(home), options.timeout);
    const people = [];
    for (const [name, role] of [
      ['olga', 'operator'],
      ['adam', 'auditor'],
    ] as const)
      people.push((await site.run('keys', 'new', '--role', role, '--name', name)).stdout.trimEnd());
    await mkdir(site.factory);
    const lines = [
      'device: board1',
      'tenant: acme',
      `broker: { url: "mqtt://${LOOPBACK}:${site.broker.port}", insecureNoTls: true }`,
      'state: /state/agent',
      `limits: { stagingMiB: ${options.stagingMiB} }`,
      'keyring:',
      ...people,
      '',
    ];
    await writeFile(join(site.factory, 'agent.yaml'), lines.join('\n'));
    return site;
  }

  /** From now on the board is known by what its console shows at its first start. */
  async enrol(shown: string): Promise<void> {
    const lines = [
      `broker: ${this.broker.url}`,
      'tenant: acme',
      'key: olga.key',
      'devices:',
      `  ${shown}`,
      '',
    ];
    await writeFile(join(this.home, 'nightshift.yaml'), lines.join('\n'));
  }

  /** The operator's command. */
  run(...args: readonly string[]): Promise<CliResult> {
    return runCli(this.#cli, args, { cwd: this.home });
  }

  /** An order, which an emulated board is given time for. */
  order(...args: readonly string[]): Promise<CliResult> {
    return this.run(...args, '--timeout', this.#timeout);
  }

  async close(): Promise<void> {
    await this.broker.close();
    await rm(this.home, { recursive: true, force: true });
  }
}
