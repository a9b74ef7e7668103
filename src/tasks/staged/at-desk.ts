import { allow, refusal, refuse, type Verdict } from '../../base/index.ts';
import type { Order } from '../../protocol/index.ts';
import type { TaskEvent } from '../desk.ts';
import { dropContent } from '../file/staging.ts';
import type { Job } from '../job.ts';
import type { RunEnvironment } from '../run-task.ts';
import { stopReasons, type TerminalEnd } from '../stop.ts';
import type { StagedOrders } from './staged-orders.ts';

const asksToStage = ({ args }: Pick<Order, 'args'>): boolean => 'stage' in args && args.stage !== undefined;

/** Whether an order may be taken as far as it asks to be staged. NOT_SUPPORTED, MESSAGE_INVALID, STAGED_FULL. */
export function mayStage(order: Order, staged: StagedOrders | undefined): Verdict<void> {
  if (!asksToStage(order)) return allow(undefined);
  return staged === undefined
    ? refuse('NOT_SUPPORTED', 'This device keeps no orders for later.')
    : staged.judge(order);
}

/** A journaled order comes to the desk. "waits": it did so before a restart, and is not for the queue now. */
export function enterStaged(
  job: Job,
  { services: { staged }, journal, stands }: RunEnvironment,
  resumed: boolean,
  line: (job: Job) => boolean,
): 'busy' | 'waits' {
  const { order } = job.admitted;
  if (staged === undefined || !asksToStage(order)) return 'busy';
  const began = (journal.get(order.id)?.intents.length ?? 0) > 0;
  const is = staged.enter(
    {
      order,
      receivedAt: job.receivedAt,
      stopping: job.stopping,
      stands: () => stands?.begins(job.admitted, 'later').ok !== false,
      go: async (to) => (to === 'end' || (await journal.unpark(order.id))) && line(job),
    },
    began,
  );
  if (is === 'waits') showWaiting(job, journal, staged);
  if (resumed && staged.lost && !began) job.stopping.abort(stopReasons.withdrawn(refusal('STAGED_LOST')));
  return is;
}

/** The job is with nobody from now on, and waits. */
export function restStaged(job: Job, { services: { staged }, journal, emit }: RunEnvironment): void {
  const { id } = job.admitted.order;
  if (staged === undefined) return;
  showWaiting(job, journal, staged);
  staged.rest(id);
  const body = stagedNote(staged, id);
  if (body !== undefined) emit({ kind: 'staged', body });
}

/** The job's receipt is durable: nobody needs its contents, unless another order brings the same. */
export async function endStaged(
  job: Job,
  { services, locks }: RunEnvironment,
  end: TerminalEnd,
): Promise<void> {
  const { order } = job.admitted;
  const { staged } = services;
  if (staged?.has(order.id) !== true) return;
  const code = 'refusal' in end ? end.refusal.code : 'failure' in end ? end.failure.code : undefined;
  await dropContent(services, order, (name) => locks.tryClaim(name));
  await staged.over(order, end.is, code);
}

/** What those who ask are told of an order that waits. */
export function stagedNote(
  staged: StagedOrders | undefined,
  id: Uint8Array,
): (TaskEvent & { kind: 'staged' })['body'] | undefined {
  const row = staged?.row(id);
  return row?.why === undefined || !row.waiting
    ? undefined
    : { id, waits: { ...row.why }, leftSeconds: row.leftSeconds };
}

function showWaiting({ row, admitted }: Job, journal: RunEnvironment['journal'], staged: StagedOrders): void {
  const { id } = admitted.order;
  journal.park(id);
  row.stage = `staged, waits: ${staged.row(id)?.why?.code ?? 'restart'}`;
  delete row.done;
  delete row.total;
}
