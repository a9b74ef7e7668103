import { toHex } from '../../base/index.ts';
import {
  encodeEvidence,
  type KeptReceipt,
  type KnownKeys,
  powerTrace,
  Verification,
} from '../../fleet/index.ts';
import type { Receipt } from '../../protocol/index.ts';

/** Something to say about a receipt: it does not hold, it could not be checked here, or it is worth knowing. */
export interface ReceiptFinding {
  readonly is: 'wrong' | 'unchecked' | 'note';
  /** Stable, for scripts. */
  readonly code: string;
  readonly sentence: string;
}

/** Somebody whose signature is under the order. */
export interface ReceiptSigner {
  readonly name: string;
  readonly person: string;
  readonly role: string;
  /** Id of the key, as hexadecimal digits. */
  readonly key: string;
}

export interface ReceiptVerification {
  /** Every signature was checked and holds, the device's and those under the order. */
  readonly holds: boolean;
  readonly findings: readonly ReceiptFinding[];
  readonly signers: readonly ReceiptSigner[];
}

/** A device's signed statement of what was asked, by whom, and what was done. */
export class SignedReceipt {
  /** Its number: a device counts its receipts. */
  readonly seq: number;
  readonly device: string;
  /** Id of the order, as hexadecimal digits. */
  readonly order: string;
  /** By the device's wall clock. */
  readonly receivedAt: Date;
  readonly tookMs: number;
  /** "S5 throughout": the host's power from before the task to after it. */
  readonly power: string;
  /** All that the device says, as it was decoded. */
  readonly statement: Receipt;
  /** Order and receipt as they were signed, in the form of the files that "nightshift verify" reads. */
  readonly bytes: Uint8Array;
  readonly #keys: KnownKeys;
  #verification: ReceiptVerification | undefined;

  constructor(statement: Receipt, kept: KeptReceipt, keys: KnownKeys) {
    this.statement = statement;
    this.bytes = encodeEvidence(kept);
    this.seq = statement.seq;
    this.device = kept.device;
    this.order = toHex(statement.id);
    this.receivedAt = new Date(statement.receivedAt * 1000);
    this.tookMs = statement.tookMs;
    this.power = powerTrace(statement.power);
    this.#keys = keys;
  }

  /** Checked from the signed bytes alone, by the public keys of the configuration; at the first look, and once. */
  get verification(): ReceiptVerification {
    this.#verification ??= verify(this.bytes, this.#keys);
    return this.#verification;
  }
}

/** What such bytes are worth, by the public keys that are known. */
export function verify(bytes: Uint8Array, keys: KnownKeys): ReceiptVerification {
  const file = new Verification(keys).add('receipt', bytes);
  if (file.is === 'bad') return { holds: false, findings: [file.finding], signers: [] };
  if (file.is === 'event') return { holds: false, findings: [], signers: [] };
  const { findings, signers } = file.checked;
  return {
    holds: findings.every(({ is }) => is === 'note'),
    findings,
    signers: signers.map(({ name, person, role, keyId }) => ({ name, person, role, key: toHex(keyId) })),
  };
}
