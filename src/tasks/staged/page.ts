import { equalBytes, fromHex } from '../../base/index.ts';
import { type ResultOf, STAGED_A_PAGE } from '../../protocol/index.ts';
import type { StagedOrders, StagedRow } from './staged-orders.ts';
import { contentOf, placeOf } from './staging-of.ts';

type Page = ResultOf<'staged.list'>;

/** What is told of staged orders, from behind this one on. */
export function pageOf(staged: StagedOrders, after: Uint8Array | undefined): Page {
  const rows = staged.rows();
  const from = after === undefined ? 0 : rows.findIndex(({ order }) => equalBytes(order.id, after)) + 1;
  const page = rows.slice(from, from + STAGED_A_PAGE);
  const last = page.at(-1);
  const more = last !== undefined && from + page.length < rows.length;
  return {
    orders: page.map(told),
    ended: staged.ended.map(({ id, ...end }) => ({ id: fromHex(id), ...end })),
    room: staged.room,
    ...(more ? { next: last.order.id } : {}),
  };
}

function told({ order, receivedAt, waiting, why, tries, leftSeconds }: StagedRow): Page['orders'][number] {
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
