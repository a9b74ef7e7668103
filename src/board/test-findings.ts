import type { EnrolledChannel } from './channels.ts';
import type { BoardDescription } from './description.ts';
import type { FlashLayout } from './flash.ts';
import { lineText, type TestedLine } from './test-plan.ts';

/** What came of a step. "absent": the description says that there is none. "not tried": nothing is known of it. */
export interface Finding {
  readonly is: 'proven' | 'failed' | 'absent' | 'not tried';
  readonly says: string;
}

export const proven = (says: string): Finding => ({ is: 'proven', says });
export const failed = (says: string): Finding => ({ is: 'failed', says });
export const absent = (says: string): Finding => ({ is: 'absent', says });
export const notTried = (says: string): Finding => ({ is: 'not tried', says });

/** A line as the kernel tells of it. */
export interface LineLook {
  /** Its name; absent where this way to the lines tells none. */
  readonly name?: string;
  /** Who has it; absent where nobody has. */
  readonly user?: string;
  readonly direction?: 'in' | 'out';
  /** 1 where active; only of a line that is held by whoever looks. */
  readonly value?: 0 | 1;
}

/** What was seen of a line before it was taken, while it was held, and while it was held a second time. */
export interface LineTrial {
  /** Why it could not be taken, or read. */
  readonly fault?: string;
  readonly before?: LineLook;
  readonly value?: 0 | 1;
  readonly after?: LineLook;
  readonly again?: 0 | 1;
  /** It was held already by whoever looks: nothing was let go, and so nothing is known of that. */
  readonly held?: true;
}

/** The agent's name as the kernel has it. */
export const LINE_USER = 'nightshift';
const HELD_BY_AGENT =
  'a Nightshift agent at work holds it: type "board test" at its console, or stop it first';

/** Whether a line is what the description calls it, and whether being taken and let go has left it alone. */
export function judgeLine({ line, use, safe }: TestedLine, trial: LineTrial): Finding {
  const where = lineText(line);
  const { before, value, after, again, held } = trial;
  if (held !== true && before?.user === LINE_USER) return notTried(`${where}: ${HELD_BY_AGENT}`);
  if (trial.fault !== undefined) return failed(trial.fault);
  if (value === undefined) return failed(`${where}: it could not be read`);
  const was = before?.direction;
  if (was === 'out' && use === 'input')
    return failed(`${where} is driven by this machine: it cannot be the input that the description calls it`);
  if (after?.direction !== undefined && was !== undefined && after.direction !== was)
    return failed(`${where} was ${inWords(was)}, and is ${inWords(after.direction)} after it was let go`);
  if (use === 'output' && held !== true && again !== value)
    return failed(`${where} read ${value}, and ${again ?? 'nothing'} after it was let go and taken again`);
  const low = line.activeLow ? ', active low' : '';
  const undriven = use === 'output' && was === 'in' ? ', driven by nobody until it is first told' : '';
  const level = `reads ${value}${use === 'output' && safe !== undefined && safe !== value ? ` (its safe value is ${safe})` : ''}`;
  return proven(`${where}: ${use}${low}${undriven}, ${level}`);
}

const inWords = (direction: 'in' | 'out'): string => (direction === 'in' ? 'an input' : 'driven');

/** Whether a restart of the agent leaves all outputs as they are, by what it did to each. */
export function judgeRestart(
  outputs: readonly TestedLine[],
  trialOf: (line: TestedLine) => LineTrial | undefined,
): Finding {
  const changed: string[] = [];
  const unknown: string[] = [];
  for (const output of outputs) {
    const trial = trialOf(output);
    if (trial?.held === true || trial?.value === undefined) unknown.push(output.by);
    else if (trial.again !== trial.value || trial.after?.direction !== trial.before?.direction)
      changed.push(output.by);
  }
  if (changed.length > 0) return failed(`let go and taken again, these differ: ${changed.join(', ')}`);
  if (unknown.length === 0)
    return proven(
      `let go and taken again, as by a restart of the agent, ${outputs.length} of ${outputs.length} outputs read the same`,
    );
  return notTried(
    outputs.every((output) => trialOf(output)?.held === true)
      ? 'the lines of this agent stay held: stop it, and run "nightshift-agent board test"'
      : `not known of ${unknown.join(', ')}`,
  );
}

/** Whether nobody of ours has a line that belongs to somebody else, and it is the line that is meant. */
export function judgeReserved(
  line: NonNullable<BoardDescription['gpio']>['reserved'][number],
  { name, user }: LineLook,
): Finding {
  const where = lineText(line);
  if (user === LINE_USER)
    return failed(`${where} is held by a Nightshift agent, and is reserved: ${line.why}`);
  if (line.line !== undefined && name !== undefined && name !== line.line)
    return failed(`line ${line.offset} of ${line.chip} is called "${name}" here, not "${line.line}"`);
  return proven(`${where} is left alone: ${line.why}${user === undefined ? '' : ` ("${user}" has it)`}`);
}

/** What can be measured at all, in the unit of the kind: beyond it the sensor, its wires or its driver is at fault. */
const PLAUSIBLE: Readonly<Partial<Record<EnrolledChannel['kind'], readonly [least: number, most: number]>>> =
  {
    gpio: [0, 1],
    led: [0, 1],
    temperature: [-60_000, 150_000],
    voltage: [-60_000, 60_000],
    fan: [0, 50_000],
    pwm: [0, 100],
    watchdog: [0, Number.MAX_SAFE_INTEGER],
  };

/** Whether a number can be what the channel measures. Too warm is no fault of a board: it is told, and proven. */
export function judgeNumber({ kind, unit, low, high }: EnrolledChannel, value: number): Finding {
  const said = `${value} ${unit}`;
  const [least, most] = PLAUSIBLE[kind] ?? [-Infinity, Infinity];
  if (value < least || value > most) return failed(`${said}: no ${kind} reads so`);
  if (low !== undefined && value < low) return proven(`${said}, TOO LOW: ${low} at the least`);
  if (high !== undefined && value > high) return proven(`${said}, TOO HIGH: ${high} at the most`);
  return proven(said);
}

/** What the signals of a host leave possible: something, where each of them means what the description says. */
export function judgeSignals(
  possible: readonly string[],
  said: Readonly<Record<string, string>>,
  states: readonly string[],
): Finding {
  const all = Object.entries(said)
    .map(([signal, level]) => `${signal} ${level}`)
    .join(', ');
  const left = possible.filter((state) => states.includes(state));
  return left.length === 0
    ? failed(`no state of this host has ${all}: is a polarity wrong, or a line?`)
    : proven(`${left.join(' or ')}: ${all}`);
}

export interface SeenPartition {
  readonly name: string;
  /** Bytes; absent where the kernel does not tell. */
  readonly offset?: number;
  readonly size: number;
}

/** Whether the kernel has the partitions that the layout has, where the layout has them. More may be there. */
export function judgeFlash({ name, partitions }: FlashLayout, seen: readonly SeenPartition[]): Finding {
  const faults = partitions.flatMap((wanted) => {
    const found = seen.find((each) => each.name === wanted.name);
    if (found === undefined) return [`there is no ${wanted.name}`];
    if (found.size !== wanted.size) return [`${wanted.name} has ${found.size} bytes, not ${wanted.size}`];
    return found.offset === undefined || found.offset === wanted.offset
      ? []
      : [`${wanted.name} begins at ${found.offset}, not at ${wanted.offset}`];
  });
  return faults.length === 0
    ? proven(`${partitions.length} partitions as ${name} has them`)
    : failed(`it is not ${name}: ${faults.join('; ')}`);
}

/** What whoever asks goes by: something failed, all is known, or something is not. */
export type Outcome = 'well' | 'failed' | 'not all tried';

export const outcomeOf = (findings: readonly Finding[]): Outcome =>
  findings.some(({ is }) => is === 'failed')
    ? 'failed'
    : findings.some(({ is }) => is === 'not tried')
      ? 'not all tried'
      : 'well';

const COUNTED: readonly Finding['is'][] = ['proven', 'failed', 'absent', 'not tried'];

/** "31 proven, 1 failed". */
export const findingCounts = (findings: readonly Finding[]): string =>
  COUNTED.map((is) => [findings.filter((each) => each.is === is).length, is] as const)
    .filter(([count], index) => count > 0 || index < 2)
    .map(([count, is]) => `${count} ${is}`)
    .join(', ');
