import { allow, equalBytes, fromHex, seconds } from '../../base/index.ts';
import { type ResultOf, STAGED_A_PAGE } from '../../protocol/index.ts';
import type { TaskKind } from '../task.ts';
import type { StagedRow } from './staged-orders.ts';
import { contentOf, placeOf } from './staging-of.ts';

/** The staged orders that have not ended, a page at a time, and the latest that have. */
export const stagedList: TaskKind<'staged.list'> = {
  verb: 'staged.list',
  pace: 'instant',
  pure: true,
  whileDisabled: true,
  deadline: seconds(15),
  noProgress: seconds(15),
  async run({ args: { after } }, { services: { staged } }) {
    const rows = staged?.rows() ?? [];
    const from = after === undefined ? 0 : rows.findIndex(({ order }) => equalBytes(order.id, after)) + 1;
    const page = rows.slice(from, from + STAGED_A_PAGE);
    const last = page.at(-1);
    const more = last !== undefined && from + page.length < rows.length;
    return allow({
      orders: page.map(told),
      ended: (staged?.ended ?? []).map(({ id, ...end }) => ({ id: fromHex(id), ...end })),
      room: staged?.room ?? { used: 0, bytes: 0 },
      ...(more ? { next: last.order.id } : {}),
    });
  },
};

function told({
  order,
  receivedAt,
  waiting,
  why,
  tries,
  leftSeconds,
}: StagedRow): ResultOf<'staged.list'>['orders'][number] {
  const content = contentOf(order);
  return {
    id: order.id,
    verb: order.verb,
    place: placeOf(order),
    ...(content === undefined ? {} : { size: content.size }),
    issuer: order.iss,
    receivedAt,
    state: waiting ? 'waiting' : 'running',
    ...(why === undefined ? {} : { waits: { ...why } }),
    tries,
    leftSeconds,
  };
}
