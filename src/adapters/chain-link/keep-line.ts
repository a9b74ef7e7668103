import { asNsError, type Duration, milliseconds } from '../../base/index.ts';
import type { Clock, LogSink } from '../../ports/index.ts';
import type { ByteLine } from './byte-line.ts';
import type { ByteLink } from './byte-link.ts';

export interface RetryRange {
  readonly first: Duration;
  readonly longest: Duration;
}

export const RETRY: RetryRange = { first: milliseconds(100), longest: milliseconds(2000) };

/**
 * Opens a line for the link again and again until the link is closed: soon after one that led to a connection, later and
 * later after those that did not. The same reason is logged once.
 */
export async function keepLine(
  link: ByteLink,
  open: () => Promise<ByteLine>,
  clock: Clock,
  log: LogSink,
  retry: RetryRange = RETRY,
): Promise<void> {
  let pause = retry.first;
  let told = '';
  while (!link.closing.aborted) {
    let reason: string;
    const { connections } = link;
    try {
      const line = await open();
      reason = await link.use(line);
    } catch (error) {
      reason = asNsError(error).sentence;
    }
    if (link.closing.aborted) return;
    if (link.connections > connections) pause = retry.first;
    if (reason !== told) log.log('info', 'chain-link-down', { link: link.name, reason });
    told = reason;
    await clock.sleep(pause, link.closing).catch(() => undefined);
    pause = milliseconds(Math.min(retry.longest, pause * 2));
  }
}
