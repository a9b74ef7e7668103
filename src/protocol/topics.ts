import { NsError } from '../base/index.ts';
import { NAME } from './fields.ts';

/**
 * Topics have at most 5 slashes after the root. Each has one direction, so that a broker's access list can say what a
 * device may publish (evt, blk/out) and what it may subscribe to (cmd, blk/in), and nobody hears its own messages.
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
}

function checked(kind: string, name: string): string {
  if (!NAME.test(name)) {
    throw new NsError('NS_NAME_INVALID', `"${name}" cannot be a ${kind} name`, { family: 'caller' });
  }
  return name;
}

export function deviceTopics(tenant: string, device: string): DeviceTopics {
  const root = `ns/1/${checked('tenant', tenant)}/d/${checked('device', device)}`;
  return { cmd: `${root}/cmd`, evt: `${root}/evt`, blkIn: `${root}/blk-in`, blkOut: `${root}/blk-out` };
}

export function groupTopic(tenant: string, group: string): string {
  return `ns/1/${checked('tenant', tenant)}/g/${checked('group', group)}/cmd`;
}
