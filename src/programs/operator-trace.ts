import { systemEntropy } from '../adapters/entropy.ts';
import { openOtlpExporter } from '../adapters/otlp-exporter.ts';
import { type OperatorConfig, type OrderTracer, orderTracer, type TracerParts } from '../fleet/index.ts';
import { VERSION } from './version.ts';

export interface Tracing {
  readonly tracer: OrderTracer;
  /** Delivers the spans that wait. */
  close(): Promise<void>;
}

export interface TraceHooks extends Pick<TracerParts, 'parent'> {
  /** Given the spans of each order too, as it ends. */
  readonly onSpans?: TracerParts['emit'] | undefined;
  /** Told once where a collector takes no spans. */
  readonly warn: (sentence: string) => void;
}

/** Traces of orders, whose spans go where the configuration says. NS_CONFIG_INVALID where that is no endpoint. */
export function openTracing(wanted: OperatorConfig['trace'], { parent, onSpans, warn }: TraceHooks): Tracing {
  const url = typeof wanted === 'object' ? wanted.otlp : undefined;
  const exporter = url === undefined ? undefined : openOtlpExporter({ url, version: VERSION, warn });
  const tracer = orderTracer({
    entropy: systemEntropy,
    now: () => performance.timeOrigin + performance.now(),
    emit: (spans) => {
      exporter?.add(spans);
      onSpans?.(spans);
    },
    parent,
  });
  return { tracer, close: async () => exporter?.close() };
}
