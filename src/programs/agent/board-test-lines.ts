import type { GpioLines } from '../../adapters/linux/index.ts';
import { sentenceOf } from '../../base/index.ts';
import { LINE_USER, type LineTrial, type TestedLine } from '../../board/index.ts';

/** By what the line is for: "signal ps-pwrok". */
export type LineTrials = ReadonlyMap<string, LineTrial>;
type Trials = Map<string, LineTrial>;

/**
 * Takes every line as the agent does when it starts, reads it and lets it go, twice: what a restart does. No line is driven. One
 * that somebody has is left with them.
 */
export async function tryLines(
  lines: readonly TestedLine[],
  open: () => Promise<GpioLines>,
): Promise<LineTrials> {
  const trials: Trials = new Map();
  await inOneLife(lines, open, trials, (trial, look, value) => ({
    ...trial,
    before: look,
    ...(value === undefined ? {} : { value }),
  }));
  const held = lines.filter((line) => trials.get(line.by)?.value !== undefined);
  await inOneLife(held, open, trials, (trial, look, value) => ({
    ...trial,
    after: look,
    ...(value === undefined ? {} : { again: value }),
  }));
  return trials;
}

/** Lines of an agent that is at work: they stay held, and are only asked. */
export async function askLines(
  lines: readonly TestedLine[],
  held: Pick<GpioLines, 'look'>,
): Promise<LineTrials> {
  const trials: Trials = new Map();
  for (const line of lines) {
    try {
      const before = await held.look(line.line);
      const { value } = before;
      // Another agent's, where it is not this one's.
      const ours = value === undefined ? {} : ({ value, held: true } as const);
      trials.set(line.by, { before, ...ours });
    } catch (error) {
      trials.set(line.by, { fault: sentenceOf(error) });
    }
  }
  return trials;
}

async function inOneLife(
  wanted: readonly TestedLine[],
  open: () => Promise<GpioLines>,
  trials: Trials,
  note: (trial: LineTrial, look: NonNullable<LineTrial['before']>, value: 0 | 1 | undefined) => LineTrial,
): Promise<void> {
  if (wanted.length === 0) return;
  let lines: GpioLines;
  try {
    lines = await open();
  } catch (error) {
    for (const line of wanted) trials.set(line.by, { ...trials.get(line.by), fault: sentenceOf(error) });
    return;
  }
  try {
    for (const line of wanted) {
      const trial = trials.get(line.by) ?? {};
      try {
        const look = await lines.look(line.line);
        trials.set(line.by, note(trial, look, undefined));
        if (look.user === LINE_USER) continue;
        const held = await lines.hold(line.line, line.use);
        trials.set(line.by, note(trial, look, await held.read()));
      } catch (error) {
        trials.set(line.by, { ...trials.get(line.by), fault: sentenceOf(error) });
      }
    }
  } finally {
    await lines.close();
  }
}
