import { systemEntropy } from '../../adapters/entropy.ts';
import { openOtlpExporter } from '../../adapters/otlp-exporter.ts';
import { type OperatorConfig, type OrderTracer, orderTracer } from '../../fleet/index.ts';
import { VERSION } from '../version.ts';

export interface Tracing {
  readonly tracer: OrderTracer;
  /** Delivers the spans that wait. */
  close(): Promise<void>;
}

/** Whether orders carry a trace, by the configuration and --trace, and where their spans go. */
export function openTracing(
  wanted: OperatorConfig['trace'],
  environment: Readonly<Record<string, string | undefined>>,
  warn: (sentence: string) => void,
): Tracing {
  const url = typeof wanted === 'object' ? wanted.otlp : undefined;
  const exporter =
    url === undefined
      ? undefined
      : openOtlpExporter({ url, version: VERSION, warn: (sentence) => warn(`nightshift: ${sentence}`) });
  const tracer = orderTracer({
    entropy: systemEntropy,
    now: () => performance.timeOrigin + performance.now(),
    emit: (spans) => exporter?.add(spans),
    parent: environment.TRACEPARENT,
  });
  return { tracer, close: async () => exporter?.close() };
}
