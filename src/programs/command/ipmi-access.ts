import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type IpmiClientOptions, ipmiClient } from '../../adapters/ipmi-client.ts';
import { IpmiPins, usualPinFile } from '../../adapters/ipmi-pins.ts';
import { localIpmiClient } from '../../adapters/local-ipmi/open-ipmi.ts';
import { type Duration, NsError, sentenceOf } from '../../base/index.ts';
import {
  configInvalid,
  foldHosts,
  type IpmiLevel,
  type IpmiSuite,
  type IpmiTarget,
  resolveIpmiHosts,
} from '../../fleet/index.ts';
import { bmcKeyFrom, type IpmiClient, type Quirk } from '../../ipmi/index.ts';
import type { Context } from './context.ts';

/** Options of "nightshift ipmi" that say how to get at a BMC. */
export interface AccessOptions {
  readonly user?: string;
  readonly passwordFile?: string;
  readonly suites?: string;
  readonly level?: IpmiLevel;
  readonly kgFile?: string;
  readonly quirks?: string;
}

const MAX_SECRET_FILE = 4096;
const LONG_PASSWORD = 'of a password of 17 to 20 bytes some BMCs keep only the first 16';

/** This machine's own BMC; no name that a host can have. */
export const LOCAL = ':local';
const LOCAL_TARGET: IpmiTarget = { name: 'local', address: LOCAL, port: 0 };

export const usage = (sentence: string): NsError => new NsError('NS_USAGE', sentence, { family: 'caller' });
const peerOf = (target: IpmiTarget): string => `${target.address.toLowerCase()}:${target.port}`;

/** "17,3" in this order. */
function parseSuites(text: string): readonly IpmiSuite[] {
  const suites = text.split(',').map((each) => Number(each.trim()));
  const bad = suites.find((suite) => suite !== 17 && suite !== 3);
  if (bad !== undefined || suites.length === 0) {
    throw usage(`"${text}" names a cipher suite that is not spoken here; 17, and 3 where it must be`);
  }
  return suites as IpmiSuite[];
}

async function localClient(timeout: Duration | undefined): Promise<IpmiClient> {
  const client = await localIpmiClient(timeout === undefined ? {} : { timeout });
  if (client !== undefined) return client;
  throw new NsError(
    'NS_IPMI_DEVICE',
    'this machine has no /dev/ipmi0: no BMC, or its driver (ipmi_devintf, ipmi_si) is not loaded',
    { family: 'caller' },
  );
}

/** Opens clients by what the command line, the environment and the configuration say, and keeps the pins. */
export class IpmiAccess {
  readonly #context: Context;
  readonly #options: AccessOptions;
  readonly #directory: string;
  readonly #pins: IpmiPins;
  readonly #files = new Map<string, Promise<string>>();
  readonly #onSha1 = new Set<string>();
  readonly #warnings = new Set<string>();
  #typed: Promise<string> | undefined;

  private constructor(context: Context, options: AccessOptions, directory: string, pins: IpmiPins) {
    this.#context = context;
    this.#options = options;
    this.#directory = directory;
    this.#pins = pins;
  }

  static async open(context: Context, options: AccessOptions): Promise<IpmiAccess> {
    const [{ ipmi }, directory] = [await context.config(), await context.directory()];
    const path = ipmi.pins === undefined ? usualPinFile(process.env) : resolve(directory, ipmi.pins);
    return new IpmiAccess(context, options, directory, await IpmiPins.open(path));
  }

  /** The BMCs that are meant on this command line. */
  async targets(hosts: string): Promise<readonly IpmiTarget[]> {
    if (hosts === LOCAL) return [LOCAL_TARGET];
    const { ipmi, groups } = await this.#context.config();
    return this.#context.choose(
      hosts,
      (text) => resolveIpmiHosts(text, ipmi, groups),
      ({ name }) => name,
    );
  }

  /** The BMCs of a range that somebody else has sent: it reads no lists here. */
  async targetsNamed(range: string): Promise<readonly IpmiTarget[]> {
    const { ipmi, groups } = await this.#context.config();
    return resolveIpmiHosts(range, ipmi, groups);
  }

  /**
   * A client of this BMC; nothing is sent yet. Everything that it throws is a mistake of whoever typed or configured. `prompt`
   * false: nobody is asked for a password.
   */
  async client(
    target: IpmiTarget,
    more: { readonly timeout?: Duration; readonly keepAlive?: Duration; readonly prompt?: boolean } = {},
  ): Promise<IpmiClient> {
    if (target === LOCAL_TARGET) return localClient(more.timeout);
    const user = this.#options.user ?? target.user;
    if (user === undefined) {
      throw usage(`no user for ${target.name}: say --user, or name one in the configuration under "ipmi"`);
    }
    const password = await this.#password(target, user, more.prompt !== false);
    const level = this.#options.level ?? target.level;
    const bmcKey = await this.#bmcKey(target);
    const peer = peerOf(target);
    const quirks = this.#options.quirks?.split(',').map((quirk) => quirk.trim()) ?? target.quirks;
    const options: IpmiClientOptions = {
      port: target.port,
      suites: this.#suites(target),
      ...(level === undefined ? {} : { level }),
      ...(bmcKey === undefined ? {} : { bmcKey }),
      ...(more.timeout === undefined ? {} : { timeout: more.timeout }),
      ...(more.keepAlive === undefined ? {} : { keepAlive: more.keepAlive }),
      // Names that are none are refused by whoever knows them.
      ...(quirks === undefined ? {} : { quirks: quirks as readonly Quirk[] }),
      onQuirk: (quirk) => this.#warnings.add(`${target.name}: the quirk "${quirk}" was needed`),
      onLongPassword: () => this.#warnings.add(LONG_PASSWORD),
      onSuite: (suite) => {
        if (suite === 17) this.#pins.add(peer);
        else this.#onSha1.add(target.name);
      },
    };
    return ipmiClient(target.address, user, password, options);
  }

  async forget(targets: readonly IpmiTarget[]): Promise<readonly string[]> {
    const gone = new Set(await this.#pins.forget(targets.map(peerOf)));
    return targets.filter((target) => gone.has(peerOf(target))).map(({ name }) => name);
  }

  /** Keeps what was learned of suites, and warns of what rests on SHA-1 and of BMCs that needed leave. */
  async done(): Promise<void> {
    if (this.#onSha1.size > 0) {
      const hosts = foldHosts([...this.#onSha1]);
      this.#context.terminal.warn(`warning: ${hosts}: cipher suite 3 was used, which rests on SHA-1`);
      this.#onSha1.clear();
    }
    for (const warning of this.#warnings) this.#context.terminal.warn(`warning: ${warning}`);
    this.#warnings.clear();
    await this.#pins.save();
  }

  #suites(target: IpmiTarget): readonly IpmiSuite[] {
    const { suites: written } = this.#options;
    const allowed = written === undefined ? (target.suites ?? [17]) : parseSuites(written);
    if (!this.#pins.has(peerOf(target))) return allowed;
    if (allowed.includes(17)) return [17];
    throw new NsError(
      'NS_IPMI_PINNED',
      `${target.name} has spoken cipher suite 17 before: nothing weaker is tried with it (--forget-pin, if it was replaced)`,
      { family: 'caller' },
    );
  }

  async #password(target: IpmiTarget, user: string, prompt: boolean): Promise<string> {
    const { passwordFile } = this.#options;
    if (passwordFile !== undefined) return this.#secret(resolve(passwordFile));
    const { NIGHTSHIFT_IPMI_PASSWORD_FILE: file, NIGHTSHIFT_IPMI_PASSWORD: password } = process.env;
    if (file !== undefined) return this.#secret(resolve(file));
    if (password !== undefined) return password;
    if (target.passwordFile !== undefined) return this.#secret(resolve(this.#directory, target.passwordFile));
    if (!prompt || !this.#context.terminal.interactive) {
      throw usage(
        `no password for ${target.name}: say --password-file, set NIGHTSHIFT_IPMI_PASSWORD_FILE, or name a passwordFile in the configuration under "ipmi"`,
      );
    }
    this.#typed ??= this.#context.terminal.secret(`IPMI password of ${user}`);
    return this.#typed;
  }

  async #bmcKey(target: IpmiTarget): Promise<Uint8Array | undefined> {
    const { kgFile } = this.#options;
    const path =
      kgFile === undefined
        ? target.bmcKeyFile && resolve(this.#directory, target.bmcKeyFile)
        : resolve(kgFile);
    if (path === undefined) return undefined;
    try {
      return bmcKeyFrom(await this.#secret(path));
    } catch (error) {
      throw configInvalid(`${path}: ${sentenceOf(error)}`, error);
    }
  }

  /** The first line of a file, read once. */
  #secret(path: string): Promise<string> {
    let read = this.#files.get(path);
    if (read === undefined) {
      read = this.#read(path);
      this.#files.set(path, read);
    }
    return read;
  }

  async #read(path: string): Promise<string> {
    try {
      const { mode, size } = await stat(path);
      if (size > MAX_SECRET_FILE) throw new Error(`it has ${size} bytes`);
      const [line = ''] = (await readFile(path, 'utf8')).split(/\r?\n/);
      if ((mode & 0o044) !== 0) {
        this.#context.terminal.warn(
          `warning: others may read ${path}; run: chmod 600 ${JSON.stringify(path)}`,
        );
      }
      return line;
    } catch (error) {
      throw configInvalid(`the secret in ${path} cannot be read: ${String((error as Error).message)}`, error);
    }
  }
}
