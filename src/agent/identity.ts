import type { PowerState } from '../ports/index.ts';
import { PROTOCOL_VERSION } from '../protocol/index.ts';

/** Who this device is, from its provisioning, and which start of it this is. */
export interface AgentIdentity {
  readonly tenant: string;
  readonly device: string;
  /** Groups whose orders it obeys; at most 6, each costs a subscription. */
  readonly groups: readonly string[];
  readonly board: string;
  /** Of this program. */
  readonly version: string;
  /** 16 bytes, other at each start. */
  readonly boot: Uint8Array;
}

/** What a presence message says of the machine, as last known: reading it must cost nothing. */
export interface Vitals {
  readonly power: PowerState;
  readonly lock: 'enabled' | 'disabled';
}

/** What every event begins with. */
export function eventHead(identity: AgentIdentity): { v: number; device: string; boot: Uint8Array } {
  return { v: PROTOCOL_VERSION, device: identity.device, boot: identity.boot };
}
