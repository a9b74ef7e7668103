import { type Duration, days, milliseconds, NsError } from '../base/index.ts';
import { type ArgsOf, LONGEST_STAGED } from '../protocol/index.ts';

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
const DEFAULT_WAIT = days(7);

export interface StageOptions {
  readonly stage?: true;
  readonly until?: string;
  readonly dryRun?: true;
}

type Stage = NonNullable<ArgsOf<'file.delete'>['stage']>;

function usage(sentence: string): NsError {
  return new NsError('NS_USAGE', sentence, { family: 'caller' });
}

/** "3d", "12h", "30m": how long a staged order may wait. NS_USAGE. */
export function stageArgs({ stage, until, dryRun }: StageOptions): { readonly stage?: Stage } {
  if (stage !== true) {
    if (until !== undefined) throw usage('--until says how long a staged order may wait: add --stage');
    return {};
  }
  if (dryRun === true)
    throw usage('--dry-run says what would happen now, and --stage is for later: give one of them');
  if (until === undefined) return { stage: {} };
  const match = /^(\d{1,7})([smhd])$/.exec(until);
  const seconds = Number(match?.[1]) * (UNITS[match?.[2] ?? ''] ?? Number.NaN);
  if (!(seconds >= 1 && seconds <= LONGEST_STAGED))
    throw usage(`"${until}" is no time to wait; write 12h or 3d, up to 31d`);
  return { stage: { seconds } };
}

/** The longest that such an order may take to end; undefined where it is not staged. */
export function stagedTotal({ stage }: { readonly stage?: Stage | undefined }): Duration | undefined {
  if (stage === undefined) return undefined;
  const wait = stage.seconds === undefined ? DEFAULT_WAIT : milliseconds(stage.seconds * 1000);
  // A device that has no power counts no time.
  return milliseconds(wait + days(31));
}
