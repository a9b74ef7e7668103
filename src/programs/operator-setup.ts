import { resolve } from 'node:path';
import { readConfig } from '../adapters/operator-config.ts';
import { counterPlace, fileCounter, keyNamed, openKeyFile } from '../adapters/operator-keys.ts';
import { readOrderText } from '../adapters/order-file.ts';
import { usualReceiptFolder } from '../adapters/receipt-folder.ts';
import { equalBytes } from '../base/index.ts';
import {
  configInvalid,
  decodeGrantFile,
  LARGEST_GRANT_FILE,
  linksIn,
  type OperatorConfig,
  type OrderCounter,
  parseConfig,
} from '../fleet/index.ts';
import type { KeyStore } from '../ports/index.ts';

/** What an operator's configuration says, and where its files are. */
export interface OperatorSetup {
  readonly config: OperatorConfig;
  /** File names in the configuration are relative to this. */
  readonly directory: string;
  /** Undefined where all there is comes from the environment. */
  readonly file?: string | undefined;
}

export interface Signer {
  readonly key: KeyStore;
  readonly counter: OrderCounter;
  /** By which the key has its right, where somebody passed it on. */
  readonly grants?: readonly Uint8Array[];
}

/** Gives the passphrase of a private key; asked for an encrypted one only. */
export type AskPassphrase = (keyFile: string) => Promise<string>;

/** From the file that is named, or the first of the usual places; the environment wins. NS_CONFIG_INVALID. */
export async function readSetup(
  file: string | undefined,
  environment: NodeJS.ProcessEnv,
): Promise<OperatorSetup> {
  const raw = await readConfig(file, environment);
  const config = parseConfig(raw.source, raw.content, environment);
  return { config, directory: raw.directory, file: raw.file };
}

/** Where receipts are kept. */
export function receiptPlace({ config, directory }: OperatorSetup): string {
  return config.receipts === undefined
    ? usualReceiptFolder(process.env)
    : resolve(directory, config.receipts);
}

/** The private key that signs: the one named, or the configured one. NS_CONFIG_INVALID where there is none. */
export function signingKeyFile({ config, directory }: OperatorSetup, named: string | undefined): string {
  const path = named ?? (config.keyFile && keyNamed(directory, config.keyFile));
  if (path !== undefined) return path;
  throw configInvalid('no key is named; set "key" in the configuration, NIGHTSHIFT_KEY or --key');
}

/** The key that signs, its counter, and its grants. NS_KEY_FILE, NS_KEY_AGENT, NS_GRANT_FILE, NS_CONFIG_INVALID. */
export async function openSigner(
  setup: OperatorSetup,
  named: { readonly key?: string | undefined; readonly grant?: string | undefined },
  passphrase: AskPassphrase,
): Promise<Signer> {
  const keyFile = signingKeyFile(setup, named.key);
  const key = await openKeyFile(keyFile, () => passphrase(keyFile));
  const grants = await openGrant(setup, named, key);
  return {
    key,
    counter: fileCounter(counterPlace(keyFile, key.publicKey, process.env)),
    ...(grants === undefined ? {} : { grants }),
  };
}

/** The grant in the configuration is for the key in the configuration; where another key signs, it is not looked at. */
async function openGrant(
  { config, directory }: OperatorSetup,
  named: { readonly key?: string | undefined; readonly grant?: string | undefined },
  key: KeyStore,
): Promise<readonly Uint8Array[] | undefined> {
  const configured = named.key === undefined ? config.grantFile : undefined;
  const path = named.grant ?? (configured && resolve(directory, configured));
  if (path === undefined) return undefined;
  const { tenant, packets } = decodeGrantFile(await readOrderText(path, LARGEST_GRANT_FILE));
  if (tenant !== config.tenant) throw configInvalid(`${path} is a grant of the tenant "${tenant}"`);
  const holder = linksIn({ packets }).at(-1)?.holder;
  if (holder === undefined || !equalBytes(holder, key.publicKey.keyId)) {
    throw configInvalid(`${path} is a grant to another key than the one that signs`);
  }
  return packets;
}

/** The second person's key, which has a passphrase of its own. */
export async function openCosigner(
  path: string,
  first: KeyStore,
  passphrase: AskPassphrase,
): Promise<KeyStore> {
  const key = await openKeyFile(path, () => passphrase(path));
  if (equalBytes(key.publicKey.keyId, first.publicKey.keyId)) {
    throw configInvalid(
      `${path} is the key that signs already; a second person signs with a key of their own`,
    );
  }
  return key;
}
