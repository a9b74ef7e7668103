import { toHex } from '../base/index.ts';
import type { LogSink } from '../ports/index.ts';
import type { Order } from '../protocol/index.ts';
import type { RunEnvironment } from './run-task.ts';

/** What each line of the log that belongs to an order says: which, and under what trace, as OpenTelemetry names it in logs. */
export function orderFields({ id, trace }: Pick<Order, 'id' | 'trace'>): Readonly<Record<string, string>> {
  return {
    order: toHex(id),
    ...(trace === undefined ? {} : { trace_id: trace.slice(3, 35), span_id: trace.slice(36, 52) }),
  };
}

function orderLog(log: LogSink, order: Pick<Order, 'id' | 'trace'>): LogSink {
  const belongs = orderFields(order);
  return { log: (level, event, fields) => log.log(level, event, { ...belongs, ...fields }) };
}

/** The surroundings of a task, in which all that is logged and said tells its order. */
export function surroundingsOf(environment: RunEnvironment, order: Order): RunEnvironment {
  const { services, emit } = environment;
  const { trace } = order;
  return {
    ...environment,
    services: { ...services, log: orderLog(services.log, order) },
    ...(trace === undefined
      ? {}
      : {
          emit: (event) =>
            emit(event.kind === 'progress' ? { ...event, body: { ...event.body, trace } } : event),
        }),
  };
}
