import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { type FirmwareDescription, firmwareDescription, isKnownTestKey } from '../src/firmware/index.ts';
import { bootRecordPlace } from './media.ts';

/** What the agent in an image is told of it: beside its bundle's directory, as firmware.json. Throws where it would not take that. */
export function writeFirmwareFacts(
  directory: string,
  facts: Omit<FirmwareDescription, 'v' | 'record'>,
): void {
  const all: FirmwareDescription = { v: 1, ...facts, record: bootRecordPlace(facts.layout) };
  const text = JSON.stringify(v.parse(firmwareDescription, all), undefined, 1);
  writeFileSync(join(directory, 'firmware.json'), `${text}\n`);
}

/** A release that anybody could sign an update for would be everybody's. */
export function refuseTestKeys(keys: readonly string[]): void {
  const known = keys.find(isKnownTestKey);
  if (known !== undefined)
    throw new Error(`a release neither is signed by nor trusts a test key that anybody can read: ${known}`);
}
