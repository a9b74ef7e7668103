import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BrokerTls } from '../../src/adapters/mqtt/broker-socket.ts';
import { mosquittoAcl, mosquittoConf } from '../../src/adapters/pki/mosquitto-files.ts';
import { initSite, issue, type Wanted } from '../../src/adapters/pki/site.ts';
import { readSite } from '../../src/adapters/pki/site-file.ts';

export const PASSPHRASE = 'correct horse battery staple';
export const ask = (): Promise<string> => Promise.resolve(PASSPHRASE);
export const seconds = (): number => Math.floor(Date.now() / 1000);

/** A site's authority in a directory, as `nightshift pki` makes one. */
export class SitePki {
  readonly directory: string;
  #now: number;

  constructor(directory: string, now = seconds()) {
    this.directory = directory;
    this.#now = now;
  }

  get place(): { readonly directory: string; readonly now: number } {
    return { directory: this.directory, now: this.#now };
  }

  /** Makes certificates of another time. */
  at(now: number): SitePki {
    return new SitePki(this.directory, now);
  }

  async init(): Promise<this> {
    const options = { tenant: 'acme', permit: ['site.example', 'localhost', '127.0.0.0/8'] };
    await initSite(this.place, options, PASSPHRASE);
    return this;
  }

  async make(
    ...wanted: readonly Wanted[]
  ): Promise<readonly { readonly file: string; readonly pin: string }[]> {
    return issue(this.place, wanted, ask);
  }

  /** A broker that is called 127.0.0.1. */
  async broker(name: string): Promise<{ readonly file: string; readonly pin: string }> {
    const [made] = await this.make({ kind: 'broker', name, names: ['127.0.0.1'] });
    if (made === undefined) throw new Error('no broker was made');
    return made;
  }

  /** What a client presents and believes. */
  tls(client: string): BrokerTls & { readonly ca: string; readonly cert: string; readonly key: string } {
    return { ca: this.read('ca.pem'), cert: this.read(`${client}.pem`), key: this.read(`${client}.key`) };
  }

  read(name: string): string {
    return readFileSync(join(this.directory, name), 'utf8');
  }

  /** The directory that "pki mosquitto" writes for this broker, in its place; gives the line that reads it. */
  async mosquitto(leaf: string, port: number): Promise<readonly string[]> {
    const at = join(this.directory, `for-${port}`);
    mkdirSync(at, { recursive: true });
    const put = (name: string, text: string) => writeFileSync(join(at, name), text, { mode: 0o600 });
    put('mosquitto.conf', mosquittoConf(at, port));
    put('acl', mosquittoAcl(await readSite(this.directory)));
    for (const name of ['ca.pem', 'crl.pem']) put(name, this.read(name));
    put('broker.pem', this.read(`${leaf}.pem`));
    put('broker.key', this.read(`${leaf}.key`));
    return [`include_dir ${at}`];
  }
}
