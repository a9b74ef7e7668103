import type { Finding } from './finding.ts';
import { type AuditReport, pageOf, type SeenHead, type SeenPage, verifyAudit } from './verify-audit.ts';
import { type ChainLink, type ChainReport, linkOf, verifyChainOf } from './verify-chain.ts';
import { type CheckedFile, type CheckedReceipt, type KnownKeys, verifyFile } from './verify-receipt.ts';

/** What all files of one device, by one key, come to. */
export interface DeviceReport {
  readonly device: string;
  readonly key: string;
  readonly chain: ChainReport;
  readonly audit: AuditReport;
}

export interface VerificationReport {
  readonly files: number;
  readonly devices: readonly DeviceReport[];
  /** How many findings of each kind there were, over all files and devices. */
  readonly counts: Readonly<Record<Finding['is'], number>>;
}

interface DeviceEvidence {
  readonly device: string;
  readonly key: string;
  readonly links: ChainLink[];
  readonly heads: SeenHead[];
  readonly pages: SeenPage[];
}

/**
 * Checks kept receipts, one file after another, and at the end what they are worth together. It needs public keys and
 * nothing else: no device, no broker, no clock.
 */
export class Verification {
  readonly #keys: KnownKeys;
  readonly #devices = new Map<string, DeviceEvidence>();
  readonly #counts = { wrong: 0, unchecked: 0, note: 0 };
  #files = 0;

  constructor(keys: KnownKeys) {
    this.#keys = keys;
  }

  /** Undefined bytes stand for a file that could not be read, or is larger than any receipt. */
  add(source: string, bytes: Uint8Array | undefined): CheckedFile {
    this.#files += 1;
    const file: CheckedFile =
      bytes === undefined
        ? {
            is: 'bad',
            source,
            finding: { is: 'wrong', code: 'UNREADABLE', sentence: 'It cannot be read, or is too large.' },
          }
        : verifyFile(source, bytes, this.#keys);
    if (file.is === 'bad') this.#count([file.finding]);
    else if (file.is === 'event') this.#takeEvent(file);
    else return this.#takeReceipt(file.checked);
    return file;
  }

  /** What was found about a receipt elsewhere counts as found here. */
  found(checked: CheckedReceipt, findings: readonly Finding[]): CheckedFile {
    this.#count(findings);
    return { is: 'receipt', checked: { ...checked, findings: [...checked.findings, ...findings] } };
  }

  end(): VerificationReport {
    const devices = [...this.#devices.values()].map(({ device, key, links, heads, pages }) => ({
      device,
      key,
      chain: verifyChainOf(links),
      audit: verifyAudit(heads, pages),
    }));
    for (const { chain, audit } of devices) this.#count([...chain.findings, ...audit.findings]);
    return { files: this.#files, devices, counts: { ...this.#counts } };
  }

  #takeReceipt(checked: CheckedReceipt): CheckedFile {
    const { device, key, receipt, source } = checked;
    const evidence = this.#of(device, key);
    evidence.links.push(linkOf(checked));
    if (receipt.audit !== undefined) evidence.heads.push({ ...receipt.audit, receipt: receipt.seq, source });
    const { page, findings } = pageOf(receipt, source);
    if (page !== undefined) evidence.pages.push(page);
    const all = { ...checked, findings: [...checked.findings, ...findings] };
    this.#count(all.findings);
    return { is: 'receipt', checked: all };
  }

  #takeEvent({ event, key, source }: CheckedFile & { is: 'event' }): void {
    if (event.event === 'presence' && event.audit !== undefined)
      this.#of(event.device, key).heads.push({ ...event.audit, receipt: undefined, source });
  }

  #of(device: string, key: string): DeviceEvidence {
    const name = `${device} ${key}`;
    const known = this.#devices.get(name);
    if (known !== undefined) return known;
    const fresh: DeviceEvidence = { device, key, links: [], heads: [], pages: [] };
    this.#devices.set(name, fresh);
    return fresh;
  }

  #count(findings: readonly Finding[]): void {
    for (const { is } of findings) this.#counts[is] += 1;
  }
}
