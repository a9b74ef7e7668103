import { type Duration, days, milliseconds } from '../../base/index.ts';
import type { Order } from '../../protocol/index.ts';
import { stagedNames } from '../file/staging.ts';

const DEFAULT_WAIT = days(7);
const PLACE = 512;

type Asked = Pick<Order, 'verb' | 'args'>;

/** For how long an order may wait; undefined where it is not to be staged. */
export function waitOf({ args }: Asked): Duration | undefined {
  if (!('stage' in args) || args.stage === undefined) return undefined;
  return args.stage.seconds === undefined ? DEFAULT_WAIT : milliseconds(args.stage.seconds * 1000);
}

/** The contents that an order brings, by their name on own storage. */
export function contentOf({
  verb,
  args,
}: Asked): { readonly name: string; readonly size: number } | undefined {
  if (verb !== 'file.download' || !('sha256' in args) || !(args.sha256 instanceof Uint8Array))
    return undefined;
  const size = 'size' in args && typeof args.size === 'number' ? args.size : 0;
  return { name: stagedNames(args.sha256).content, size };
}

/** The volume that an order names. */
export function volumeOf({ args }: Asked): string | undefined {
  return 'volume' in args ? args.volume : undefined;
}

/** [VOLUME:]/PATH, for people; a long one is cut. */
export function placeOf(order: Asked): string {
  const path = 'path' in order.args && typeof order.args.path === 'string' ? order.args.path : '';
  const volume = volumeOf(order);
  return `${volume === undefined ? '' : `${volume}:`}${path}`.slice(0, PLACE);
}
