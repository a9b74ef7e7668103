import type { HostTasks, SensorNews } from '../src/web/host-wire.ts';
import type { Hello, HostRow } from '../src/web/wire.ts';
import { hostNews, streamIs } from './live-host.ts';

export type Link = 'connecting' | 'live' | 'lost' | 'paused';

export interface Fleet {
  readonly rows: readonly HostRow[];
  readonly hello: Hello | undefined;
  readonly link: Link;
}

/**
 * Rows as the server tells of them, told on at most once a frame. While the page is hidden it is not connected, so that a
 * page forgotten in some tab has no orders signed.
 */
export function followFleet(tell: (fleet: Fleet) => void): () => void {
  const byName = new Map<string, HostRow>();
  let hello: Hello | undefined;
  let link: Link = 'connecting';
  let source: EventSource | undefined;
  let due = false;

  const soon = (): void => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      tell({ rows: [...byName.values()], hello, link });
    });
  };
  const open = (): void => {
    const stream = new EventSource('events');
    source = stream;
    stream.addEventListener('hello', (event: MessageEvent<string>) => {
      hello = JSON.parse(event.data) as Hello;
      link = 'live';
      soon();
    });
    stream.addEventListener('rows', (event: MessageEvent<string>) => {
      for (const row of JSON.parse(event.data) as HostRow[]) byName.set(row.name, row);
      soon();
    });
    stream.addEventListener('you', (event: MessageEvent<string>) => {
      streamIs((JSON.parse(event.data) as { stream: string }).stream);
    });
    stream.addEventListener('tasks', (event: MessageEvent<string>) => {
      hostNews('tasks', JSON.parse(event.data) as HostTasks);
    });
    stream.addEventListener('sensors', (event: MessageEvent<string>) => {
      hostNews('sensors', JSON.parse(event.data) as SensorNews);
    });
    stream.addEventListener('error', () => {
      streamIs(undefined);
      link = 'lost';
      soon();
    });
  };
  const look = (): void => {
    source?.close();
    source = undefined;
    streamIs(undefined);
    link = document.hidden ? 'paused' : 'connecting';
    if (!document.hidden) open();
    soon();
  };
  document.addEventListener('visibilitychange', look);
  look();
  return () => {
    document.removeEventListener('visibilitychange', look);
    source?.close();
  };
}
