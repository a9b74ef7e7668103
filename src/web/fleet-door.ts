import type { Stop } from '../ports/index.ts';
import type { ArgsOf, DeviceEvent, ResultOf } from '../protocol/index.ts';
import type { Reach } from './wire.ts';

/** The verbs that the page gives: they look, and change nothing. */
export type LookVerb =
  | 'machine.status'
  | 'volume.list'
  | 'chain.status'
  | 'sensor.read'
  | 'task.list'
  | 'audit.read';

export interface LookAnswer<V extends LookVerb> {
  readonly reach: Exclude<Reach, 'not asked'>;
  /** As the command prints it; not yet fit to be shown. */
  readonly lines: readonly string[];
  readonly result: ResultOf<V> | undefined;
}

/** The operator's side as the page needs it. The program puts the fleet engine behind it. */
export interface FleetDoor {
  readonly tenant: string;
  /** In the order in which they are shown. */
  readonly hosts: readonly { readonly name: string; readonly groups: readonly string[] }[];
  /** Signs the order, sends it and waits for its end. Rejects only with the signal's reason. */
  readonly look: <V extends LookVerb>(
    host: string,
    verb: V,
    args: ArgsOf<V>,
    signal: AbortSignal,
  ) => Promise<LookAnswer<V>>;
  /** Tells what the host's device says of any order, whoever gave it, as its key signed it. */
  readonly listen: (host: string, take: (event: DeviceEvent) => void) => Promise<Stop>;
  /** Works on many hosts, a window of them at once. */
  readonly eachHost: (hosts: readonly string[], work: (host: string) => Promise<void>) => Promise<void>;
}
