import { refusal } from '../../base/index.ts';
import type { ResultOf } from '../../protocol/index.ts';
import type { TaskEvent } from '../desk.ts';
import { dropContent } from '../file/staging.ts';
import type { Job } from '../job.ts';
import type { RunEnvironment } from '../run-task.ts';
import { stopReasons, type TaskEnd, type TerminalEnd } from '../stop.ts';
import { attempt } from './attempt.ts';
import { pageOf } from './page.ts';
import { StagedBook } from './staged-book.ts';
import { StagedOrders, type StagedParts } from './staged-orders.ts';
import { waitOf } from './staging-of.ts';

/** The staged orders, as the desk deals with them: jobs that come to it, leave it to wait, and end there. */
export class StagedDesk extends StagedOrders {
  static async open(parts: StagedParts): Promise<StagedDesk> {
    return new StagedDesk(parts, await StagedBook.open(parts));
  }

  /** A journaled order comes to the desk. "waits": it did so before a restart, and is not for the queue now. */
  takeIn(
    job: Job,
    { journal, stands }: RunEnvironment,
    resumed: boolean,
    line: (job: Job) => boolean,
  ): 'busy' | 'waits' {
    const { order } = job.admitted;
    if (waitOf(order) === undefined) return 'busy';
    const began = (journal.get(order.id)?.intents.length ?? 0) > 0;
    const is = this.enter(
      {
        order,
        receivedAt: job.receivedAt,
        stopping: job.stopping,
        stands: () => stands?.begins(job.admitted, 'later').ok !== false,
        go: async (to) => (to === 'end' || (await journal.unpark(order.id))) && line(job),
      },
      began,
    );
    if (is === 'waits') this.#show(job, journal);
    if (resumed && this.lost && !began) job.stopping.abort(stopReasons.withdrawn(refusal('STAGED_LOST')));
    return is;
  }

  /** One try of an order that the desk has taken up: done, ended, or waiting again. */
  attempt(job: Job, environment: RunEnvironment, at: Parameters<typeof attempt>[3]): Promise<TaskEnd> {
    return attempt(this, job, environment, at);
  }

  /** The job is with nobody from now on, and waits. */
  letGo(job: Job, { journal, emit }: RunEnvironment): void {
    const { id } = job.admitted.order;
    this.#show(job, journal);
    this.rest(id);
    const body = this.note(id);
    if (body !== undefined) emit({ kind: 'staged', body });
  }

  /** The job's receipt is durable: nobody needs its contents, unless another order brings the same. */
  async answered(job: Job, { services, locks }: RunEnvironment, end: TerminalEnd): Promise<void> {
    const { order } = job.admitted;
    if (!this.has(order.id)) return;
    const code = 'refusal' in end ? end.refusal.code : 'failure' in end ? end.failure.code : undefined;
    await dropContent(services, order, (name) => locks.tryClaim(name));
    await this.over(order, end.is, code);
  }

  /** What those who ask are told of an order that waits. */
  note(id: Uint8Array): (TaskEvent & { kind: 'staged' })['body'] | undefined {
    const row = this.row(id);
    return row?.why === undefined || !row.waiting
      ? undefined
      : { id, waits: { ...row.why }, leftSeconds: row.leftSeconds };
  }

  page(after: Uint8Array | undefined): ResultOf<'staged.list'> {
    return pageOf(this, after);
  }

  #show({ row, admitted }: Job, journal: RunEnvironment['journal']): void {
    const { id } = admitted.order;
    journal.park(id);
    row.stage = `staged, waits: ${this.row(id)?.why?.code ?? 'restart'}`;
    delete row.done;
    delete row.total;
  }
}
