import { dirname, join, resolve } from 'node:path';
import { openKeyFile } from '../../adapters/operator-keys.ts';
import { usualReceiptFolder } from '../../adapters/receipt-folder.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { VersionedFile } from '../../adapters/versioned-file.ts';
import { NsError, toHex } from '../../base/index.ts';
import { currentEpoch, ledgerText, readLedger, type TokenLedger, takeTokens } from '../../fleet/index.ts';
import type { KeyStore } from '../../ports/index.ts';
import { type Destruction, signToken } from '../../security/index.ts';
import type { Context } from './context.ts';

/** Whoever holds the fleet's budget: the key that signs tokens, and the ledger of their numbers. */
export class Governor {
  readonly key: KeyStore;
  readonly file: VersionedFile;
  readonly owner: { readonly tenant: string; readonly governor: string };

  constructor(key: KeyStore, tenant: string, directory: string) {
    this.key = key;
    this.owner = { tenant, governor: toHex(key.publicKey.keyId) };
    this.file = new VersionedFile(directory);
  }

  /** NS_LEDGER where there is none. */
  async ledger(): Promise<TokenLedger> {
    return this.#read(await this.file.read());
  }

  /** Changes the ledger, durably; what another program does at the same time is kept. */
  async change(how: (ledger: TokenLedger) => TokenLedger): Promise<TokenLedger> {
    let changed: TokenLedger | undefined;
    await this.file.update((text) => {
      changed = how(this.#read(text));
      return ledgerText(changed);
    });
    return changed!;
  }

  /** A token for each host. The ledger is on stable storage before the first of them is signed. */
  async issue(
    kind: Destruction,
    hosts: readonly string[],
    epoch?: number,
  ): Promise<ReadonlyMap<string, Uint8Array>> {
    const now = systemClock.wallSeconds();
    let bodies: ReturnType<typeof takeTokens>['bodies'] = [];
    await this.change((ledger) => {
      checkEpoch(ledger, epoch);
      const taken = takeTokens(ledger, kind, hosts, now);
      bodies = taken.bodies;
      return taken.ledger;
    });
    const tokens = new Map<string, Uint8Array>();
    for (const body of bodies) {
      tokens.set(body.device, await signToken(body, this.key, this.owner.tenant));
    }
    return tokens;
  }

  #read(text: string | undefined): TokenLedger {
    if (text !== undefined) return readLedger(text, this.owner);
    throw new NsError(
      'NS_LEDGER',
      `${this.file.directory} holds no ledger for this key. The first time: "nightshift token init". Where it was lost, ` +
        'the epoch must be a new one: look with "nightshift budget" which one the devices have seen, and say --epoch with a higher one',
      { family: 'caller' },
    );
  }
}

export function checkEpoch(ledger: TokenLedger, epoch: number | undefined): void {
  const now = currentEpoch(ledger).epoch;
  if (epoch === undefined || epoch === now) return;
  throw new NsError('NS_USAGE', `the ledger is in epoch ${now}, not ${epoch}; nothing was issued`, {
    family: 'caller',
  });
}

async function governorOf(context: Context, key: KeyStore): Promise<Governor> {
  const { tenant, budgetLedger } = await context.config();
  const directory =
    budgetLedger === undefined
      ? join(dirname(usualReceiptFolder(process.env)), 'budget', `${tenant}-${toHex(key.publicKey.keyId)}`)
      : resolve(await context.directory(), budgetLedger);
  return new Governor(key, tenant, directory);
}

/** The governor whose own command this is: --key, or the configured one. */
export async function openGovernor(context: Context): Promise<Governor> {
  return governorOf(context, (await context.signer()).key);
}

/** A governor beside those who give the order. */
export async function openGovernorKey(context: Context, path: string): Promise<Governor> {
  const file = process.env.NIGHTSHIFT_TOKEN_PASSPHRASE_FILE;
  const key = await openKeyFile(path, () => context.secretOf(`Passphrase of ${path}`, file));
  return governorOf(context, key);
}
