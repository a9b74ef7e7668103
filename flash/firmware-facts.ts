import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FlashLayout } from '../src/board/index.ts';
import { isKnownTestKey } from '../src/firmware/index.ts';
import { bootRecordPlace } from './media.ts';

/** What the agent in an image is told of it: beside its bundle's directory, as firmware.json. */
export interface FirmwareFacts {
  readonly v: 1;
  readonly board: string;
  readonly version: string;
  /** Rollback index. */
  readonly rollback: number;
  readonly layout: FlashLayout;
  /** Updates that one of these signed are taken; public keys as keyring files write them. */
  readonly keys: readonly string[];
  /** Made for the field: no key that anybody knows is taken there. */
  readonly release: boolean;
  /** Where the two copies of the boot record lie: bytes from the partition's start, and from one copy to the other. */
  readonly record: { readonly partition: string; readonly offset: number; readonly step: number };
}

export function writeFirmwareFacts(directory: string, facts: Omit<FirmwareFacts, 'v' | 'record'>): void {
  const { partition, offset, step } = bootRecordPlace(facts.layout);
  const all: FirmwareFacts = { v: 1, ...facts, record: { partition, offset, step } };
  writeFileSync(join(directory, 'firmware.json'), `${JSON.stringify(all, undefined, 1)}\n`);
}

/** A release that anybody could sign an update for would be everybody's. */
export function refuseTestKeys(keys: readonly string[]): void {
  const known = keys.find(isKnownTestKey);
  if (known !== undefined)
    throw new Error(`a release neither is signed by nor trusts a test key that anybody can read: ${known}`);
}
