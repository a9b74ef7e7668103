import { allow, refuse, type Verdict } from '../../base/index.ts';
import type { DimmSlot, PowerReading } from '../../ports/index.ts';
import type { CheckResult, MemoryCheck } from './check-memory.ts';
import { ErrorList } from './error-list.ts';
import { type MarchName, marchBytes, runMarch } from './march.ts';
import { basisPoints, intersectSpans, mergeSpans, type Span, sizeOf, subtractSpans } from './spans.ts';

const BOTH: readonly MarchName[] = ['mats+', 'march-c-'];
const WORD = 8;

/** Marches over the memory that was asked for and can be reached. Destroys its contents. */
export async function checkDram(check: MemoryCheck, power: PowerReading): Promise<Verdict<CheckResult>> {
  const { args, probe, signal } = check;
  if (!probe) return refuse('MEMORY_UNREACHABLE', 'This board does not reach the memory of the host.');
  const reach = probe.reach(power.state).dram;
  if (!reach.ok) return reach;
  const slots = await probe.slots(signal);
  const all = mergeSpans(slots.flatMap((slot) => (slot.range ? [slot.range] : [])));
  const asked = args.ranges === undefined ? mergeSpans([...all, ...reach.value]) : mergeSpans(args.ranges);
  const covered = wholeWords(intersectSpans(asked, reach.value));
  if (covered.length === 0) {
    return refuse('MEMORY_UNREACHABLE', `None of the ranges asked for can be reached in ${power.state}.`);
  }
  const algorithms =
    args.algorithms === undefined || args.algorithms.length === 0 ? BOTH : [...new Set(args.algorithms)];
  const errors = new ErrorList();
  const total = algorithms.reduce((sum, name) => sum + marchBytes(name, covered), 0);
  let done = 0;
  for (const name of algorithms) {
    const onBytes = (bytes: number) => {
      done += bytes;
      check.onProgress({ stage: name, done, total, unit: 'bytes' });
    };
    await runMarch({ probe, name, ranges: covered, errors, signal, onBytes });
  }
  const unmapped = slots.filter((slot) => slot.populated && !slot.range);
  return allow({
    medium: 'dram',
    algorithms: [...algorithms],
    covered,
    // With a module of unknown place and size the whole is unknown, and no figure would be honest but none.
    coveredBasisPoints:
      unmapped.length > 0 ? 0 : basisPoints(sizeOf(covered), Math.max(sizeOf(all), sizeOf(covered))),
    errors: errors.listed.map((error) => ({ ...error, ...slotAt(slots, error.at) })),
    errorCount: errors.count,
    notReached: [
      ...subtractSpans(asked, covered).map((span) => ({
        what: name(span),
        why: `not reachable in ${power.state}`,
      })),
      ...subtractSpans(all, asked).map((span) => ({ what: name(span), why: 'not asked for' })),
      ...unmapped.map(({ slot }) => ({ what: slot, why: 'the board does not know its addresses' })),
    ].slice(0, 256),
    modules: slots.map(({ slot, populated }) => ({ slot, populated })),
  });
}

/** Only whole words are tested: a part of a word at either end stays untouched. */
function wholeWords(spans: readonly Span[]): Span[] {
  return spans.flatMap(({ start, length }) => {
    const from = Math.ceil(start / WORD) * WORD;
    const to = Math.floor((start + length) / WORD) * WORD;
    return from < to ? [{ start: from, length: to - from }] : [];
  });
}

function slotAt(slots: readonly DimmSlot[], address: number): { slot?: string } {
  const found = slots.find(
    ({ range }) => range && address >= range.start && address < range.start + range.length,
  );
  return found ? { slot: found.slot } : {};
}

const name = ({ start, length }: Span) =>
  `bytes 0x${start.toString(16)} to 0x${(start + length - 1).toString(16)}`;
