import { allow, refuse, type Verdict } from '../../base/index.ts';
import type { CheckResult, MemoryCheck } from './check-memory.ts';
import { ErrorList } from './error-list.ts';
import { basisPoints, intersectSpans, mergeSpans, type Span, sizeOf, subtractSpans } from './spans.ts';
import { verifyStorage } from './storage-verify.ts';

/** Reads the sectors that were asked for, or all, and lists those that cannot be read. Nothing is written. */
export async function checkStorage(check: MemoryCheck): Promise<Verdict<CheckResult>> {
  const { args, device, signal } = check;
  if (!device) return refuse('NO_SUCH_DISK', 'The order names no disk that could be checked.');
  const { size, sectorSize } = device.capabilities;
  const all: Span[] = [{ start: 0, length: Math.floor(size / sectorSize) }];
  const asked = args.ranges === undefined ? all : mergeSpans(args.ranges);
  const spans = intersectSpans(asked, all);
  if (spans.length === 0) {
    return refuse(
      'MEMORY_UNREACHABLE',
      `${device.name} has ${sizeOf(all)} sectors, and none that was asked for.`,
    );
  }
  const errors = new ErrorList();
  const total = sizeOf(spans);
  let done = 0;
  const onSectors = (sectors: number) => {
    done += sectors;
    check.onProgress({ stage: 'read-verify', done, total, unit: 'sectors' });
  };
  const covered = await verifyStorage({ device, spans, errors, signal, onSectors });
  const gaps = (spans: readonly Span[], why: string) =>
    spans.map(({ start, length }) => ({ what: `sectors ${start} to ${start + length - 1}`, why }));
  return allow({
    medium: 'storage',
    algorithms: ['read-verify'],
    covered: [...covered],
    coveredBasisPoints: basisPoints(sizeOf(covered), sizeOf(all)),
    errors: [...errors.listed],
    errorCount: errors.count,
    notReached: [
      ...gaps(subtractSpans(spans, covered), 'too many sectors cannot be read'),
      ...gaps(subtractSpans(asked, all), 'past the end of the disk'),
      ...gaps(subtractSpans(all, asked), 'not asked for'),
    ].slice(0, 256),
    modules: [],
  });
}
