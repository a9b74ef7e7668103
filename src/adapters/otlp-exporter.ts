import { asNsError, type Duration, milliseconds, NsError } from '../base/index.ts';
import type { Span } from '../ports/index.ts';

export interface OtlpOptions {
  /** "http://127.0.0.1:4318/v1/traces" */
  readonly url: string;
  readonly version: string;
  /** Told once where spans are not taken. */
  readonly warn: (sentence: string) => void;
  /** The longest that one delivery may take; 5 s. */
  readonly patience?: Duration;
}

export interface OtlpExporter {
  /** Never waits and never throws: what finds no room is dropped. */
  readonly add: (spans: readonly Span[]) => void;
  /** Sends what waits, within the patience. */
  close(): Promise<void>;
}

const MOST_WAITING = 4096;
const BATCH = 512;
const PAUSE_MS = 1000;
const PATIENCE = milliseconds(5000);
const KIND = { operator: 3, device: 2 } as const;
const FAILED = 2;

const nanos = (ms: number): string => `${Math.max(0, Math.round(ms))}000000`;

function attribute([key, value]: readonly [string, string | number]) {
  return {
    key,
    value: typeof value === 'number' ? { intValue: String(Math.round(value)) } : { stringValue: value },
  };
}

function spanOf(span: Span) {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentId === undefined ? {} : { parentSpanId: span.parentId }),
    name: span.name,
    kind: KIND[span.by],
    startTimeUnixNano: nanos(span.start),
    endTimeUnixNano: nanos(span.end),
    attributes: Object.entries(span.attributes).map(attribute),
    events: span.events.map(({ name, at }) => ({ name, timeUnixNano: nanos(at) })),
    status: span.failed ? { code: FAILED } : {},
  };
}

/** The body of an ExportTraceServiceRequest, as OTLP writes it in JSON: one resource for us, one for each device. */
export function otlpBody(spans: readonly Span[], version: string): unknown {
  const resources = new Map<string, Span[]>();
  for (const span of spans) {
    const of = span.by === 'operator' ? '' : span.device;
    resources.set(of, [...(resources.get(of) ?? []), span]);
  }
  return {
    resourceSpans: [...resources].map(([device, own]) => ({
      resource: {
        attributes: (device === ''
          ? [['service.name', 'nightshift'] as const]
          : [['service.name', 'nightshift-agent'] as const, ['host.name', device] as const]
        ).map(attribute),
      },
      scopeSpans: [{ scope: { name: 'nightshift', version }, spans: own.map(spanOf) }],
    })),
  };
}

/** The endpoint of OTLP over HTTP: a base address gets the path of traces. NS_CONFIG_INVALID. */
export function otlpUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw new NsError('NS_CONFIG_INVALID', 'an OTLP endpoint is http://HOST:PORT or https://HOST:PORT', {
      family: 'caller',
    });
  }
  if (url.pathname === '/') url.pathname = '/v1/traces';
  return url.href;
}

/** Sends spans by OTLP over HTTP, as JSON. Work never waits for it: it is bounded, and drops. */
export function openOtlpExporter(options: OtlpOptions): OtlpExporter {
  const url = otlpUrl(options.url);
  const patience = options.patience ?? PATIENCE;
  const waiting: Span[] = [];
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> | undefined;
  let warned = false;

  const post = async (batch: readonly Span[], signal: AbortSignal): Promise<void> => {
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(otlpBody(batch, options.version)),
        redirect: 'error',
        signal,
      });
      await answer.body?.cancel();
      if (!answer.ok) throw new Error(`it answers ${answer.status}`);
    } catch (error) {
      if (!warned) options.warn(`spans are not taken: ${asNsError(error).message}`);
      warned = true;
    }
  };
  const flush = (signal: AbortSignal): Promise<void> => {
    sending ??= (async () => {
      while (waiting.length > 0 && !signal.aborted) await post(waiting.splice(0, BATCH), signal);
      waiting.length = 0;
    })().finally(() => {
      sending = undefined;
    });
    return sending;
  };
  return {
    add: (spans) => {
      if (waiting.length + spans.length > MOST_WAITING) return;
      waiting.push(...spans);
      timer ??= setTimeout(() => {
        timer = undefined;
        void flush(AbortSignal.timeout(patience));
      }, PAUSE_MS).unref();
    },
    close: async () => {
      clearTimeout(timer);
      const signal = AbortSignal.timeout(patience);
      await sending;
      await flush(signal);
    },
  };
}
