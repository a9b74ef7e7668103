import type { PowerState } from '../ports/index.ts';
import { PROTOCOL_VERSION, type Presence } from '../protocol/index.ts';
import type { DeviceIdentity } from '../tasks/index.ts';

/** What a presence message says of the machine, as last known: reading it must cost nothing. */
export interface Vitals {
  readonly power: PowerState;
  readonly lock: 'enabled' | 'disabled';
  /** Where the audit log stands. */
  readonly audit?: NonNullable<Presence['audit']>;
}

/** What every event begins with. */
export function eventHead(identity: DeviceIdentity): { v: number; device: string; boot: Uint8Array } {
  return { v: PROTOCOL_VERSION, device: identity.device, boot: identity.boot };
}
