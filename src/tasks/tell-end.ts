import { type Duration, milliseconds } from '../base/index.ts';
import { auditNote } from './audit-note.ts';
import type { Job } from './job.ts';
import { orderFields } from './order-surroundings.ts';
import type { TaskServices } from './services.ts';
import type { TerminalEnd } from './stop.ts';

/** Tells the audit log, the measures and the log how an order ended, before anybody else hears of it. Gives how long it took. */
export async function tellEnd(job: Job, end: TerminalEnd, services: TaskServices): Promise<Duration> {
  const { admitted, receivedAt, kind } = job;
  const { audit, clock, log, measures } = services;
  if (!kind.pure) {
    const detail = auditNote(admitted, end);
    await audit.append({ at: receivedAt, event: `order.${end.is}`, by: admitted.order.iss, detail });
  }
  const took = milliseconds(clock.monotonic() - job.begun);
  const code = 'refusal' in end ? end.refusal?.code : 'failure' in end ? end.failure.code : undefined;
  const ended = { verb: job.row.verb, outcome: end.is, ...(code === undefined ? {} : { code }) };
  measures?.take({ of: 'order', took, ...ended });
  const level = end.is === 'failed' || end.is === 'unknown' ? 'warn' : 'info';
  log.log(level, 'order.ended', { ...orderFields(admitted.order), ...ended, tookMs: Math.round(took) });
  return took;
}
