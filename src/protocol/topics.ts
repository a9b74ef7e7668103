import { NsError } from '../base/index.ts';
import { NAME } from './fields.ts';

/**
 * Topics have at most 5 slashes after the root. Each has one direction, so that a broker's access list can say what a
 * device may publish (evt, blk-out, its own seen) and what it may subscribe to (cmd, blk-in, everybody's seen).
 */
export interface DeviceTopics {
  /** Fleet → device: orders. */
  readonly cmd: string;
  /** Device → fleet: events and receipts. */
  readonly evt: string;
  /** Fleet → device: block messages. */
  readonly blkIn: string;
  /** Device → fleet: block messages. */
  readonly blkOut: string;
  /** Device → all devices: tokens that it has seen. */
  readonly seen: string;
}

function checked(kind: string, name: string): string {
  if (!NAME.test(name)) {
    throw new NsError('NS_NAME_INVALID', `"${name}" cannot be a ${kind} name`, { family: 'caller' });
  }
  return name;
}

export function deviceTopics(tenant: string, device: string): DeviceTopics {
  const root = `ns/1/${checked('tenant', tenant)}/d/${checked('device', device)}`;
  return {
    cmd: `${root}/cmd`,
    evt: `${root}/evt`,
    blkIn: `${root}/blk-in`,
    blkOut: `${root}/blk-out`,
    seen: `${root}/seen`,
  };
}

/** Matches the events of every device of the tenant. */
export function eventsFilter(tenant: string): string {
  return `ns/1/${checked('tenant', tenant)}/d/+/evt`;
}

/** Matches what every device of the tenant tells of tokens. */
export function seenFilter(tenant: string): string {
  return `ns/1/${checked('tenant', tenant)}/d/+/seen`;
}

/** Which device's topic it is; undefined where it is no `seen` topic of this tenant. */
export function seenTeller(tenant: string, topic: string): string | undefined {
  const root = `ns/1/${tenant}/d/`;
  if (!topic.startsWith(root) || !topic.endsWith('/seen')) return undefined;
  const device = topic.slice(root.length, -'/seen'.length);
  return NAME.test(device) ? device : undefined;
}

export function groupTopic(tenant: string, group: string): string {
  return `ns/1/${checked('tenant', tenant)}/g/${checked('group', group)}/cmd`;
}
