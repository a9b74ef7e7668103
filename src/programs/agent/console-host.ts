import { refusal, refuse, toHex, type Verdict } from '../../base/index.ts';
import { type JoinedTerminal, joinHost, logLines, paged } from '../../console/index.ts';
import type { ArgsOf } from '../../protocol/index.ts';
import { giverOf, type TechnicianSession } from '../../security/index.ts';
import { timeText } from '../../show/index.ts';
import { type Hands, optionsIn, showEnd, usage } from './console-hands.ts';
import type { ConsoleOrdersParts } from './console-orders.ts';
import { mayNow } from './console-standing.ts';
import type { Machine } from './machine.ts';

export interface ConsoleHostParts extends ConsoleOrdersParts {
  readonly machine: Pick<Machine, 'hostConsole' | 'audit' | 'clock' | 'lockout' | 'power'>;
  readonly terminal: JoinedTerminal;
  /** Where whoever types sits: "/dev/ttyS1". */
  readonly where: string;
}

/** The channel by which boards enrol their host's console: who may write to it may join. */
const CHANNEL = 'console';
const WRITE: ArgsOf<'io.write'> = { channel: CHANNEL, value: Uint8Array.of(0x0d), dryRun: true };
/** Looks at nothing: only whether it is allowed. */
const WATCH: ArgsOf<'io.watch'> = { channel: CHANNEL, samples: 0 };
const LINES = 100;
const MOST_LINES = 20_000;
/** Of a line, when so many are asked for. */
const A_LINE = 120;

const USAGE = 'host console [-back] [-watch] [-take] [-escape C] | host log [LINES]';

export const HOST_COMMAND = {
  name: 'host',
  says: "the host's serial console: join it, or see what it said",
  usage: USAGE,
  details: [
    'host console joins it: what is typed goes to the host. ~. at the beginning of a line leaves, ~B sends a break, ~? helps, ~~ is a ~.',
    '-back shows first what it said last. -watch only reads. One at a time writes, here or over the network (SOL); -take takes it from whoever does. -escape % has % instead of ~.',
    'On a plain terminal control characters of the host are left out or spelt; see "terminal".',
    'host log shows the last 100 lines that the host said, or so many, also those of before a restart.',
  ],
  complete: () => ['console', 'log', '-back', '-watch', '-take', '-escape'],
} as const;

export async function hostCommand(
  parts: ConsoleHostParts,
  session: TechnicianSession,
  hands: Hands,
  [what, ...words]: readonly string[],
): Promise<void> {
  const { hostConsole } = parts.machine;
  if (hostConsole === undefined) {
    await showEnd(hands.talk, 'io.watch', {
      is: 'refused',
      refusal: refusal('NOT_SUPPORTED', "This board has no way to its host's console."),
    });
  } else if (what === 'console') await join(parts, session, hands, hostConsole, words);
  else if (what === 'log') await log(hands, hostConsole, words);
  else throw usage(USAGE);
}

type Shared = NonNullable<Machine['hostConsole']>;

async function join(
  parts: ConsoleHostParts,
  session: TechnicianSession,
  { talk, give }: Hands,
  { uart, escapeKey }: Shared,
  words: readonly string[],
): Promise<void> {
  // People write options as the desk's command has them, too.
  const typed = words.map((word) => word.replace(/^--(?=\w)/, '-'));
  const { given, rest } = optionsIn(typed, {
    '-back': 'alone',
    '-watch': 'alone',
    '-take': 'alone',
    '-escape': 'with',
  });
  const has = (name: string): boolean => given.some(([each]) => each === name);
  const key = given.findLast(([name]) => name === '-escape')?.[1] ?? escapeKey;
  if (rest.length > 0 || (has('-watch') && has('-take'))) throw usage(USAGE);
  if (!/^[!-~]$/.test(key)) throw usage('the escape is one printable character');
  const wish = has('-watch') ? 'watch' : has('-take') ? 'take' : 'write';
  // As an order that does nothing: by the rules, the limits and the records of every other.
  if (wish === 'watch') {
    const end = await give('io.watch', WATCH);
    if (end.is === 'refused' || end.receipt.outcome !== 'succeeded') return showEnd(talk, 'io.watch', end);
  } else {
    const end = await give('io.write', WRITE);
    if (end.is === 'refused' || end.receipt.outcome !== 'succeeded') return showEnd(talk, 'io.write', end);
  }
  const { audit, clock, lockout } = parts.machine;
  const note = (event: string, detail: string) =>
    audit.append({ at: clock.wallSeconds(), event, by: session.key.publicKey.keyId, detail });
  const who = `${session.name} at the console ${parts.where}`;
  const giver = giverOf(session.grants ?? []);
  // As orders by a pass stand there.
  const by = giver === undefined ? '' : ` (for key ${toHex(giver)})`;
  const noted = `${session.name}${by} at the console ${parts.where}`;
  const may = (to: 'write' | 'watch'): Verdict<void> => {
    if (to === 'watch') return mayNow(parts, session, 'io.watch', WATCH);
    return lockout.enabled ? mayNow(parts, session, 'io.write', WRITE) : refuse('DISABLED');
  };
  // Before anything is heard or said.
  await note('console.host-join', `${noted}, ${wish === 'watch' ? 'to watch' : 'to write'}`);
  const since = clock.monotonic();
  let how = 'cut off';
  try {
    const joined = await joinHost({
      ...{ talk, uart, clock, who, wish, may, terminal: parts.terminal },
      ...{ escapeKey: key, back: has('-back') },
    });
    const { mode, why, toHost, shown, dropped } = joined;
    how = `${mode}, ${toHost} bytes to the host, ${shown} shown, ${dropped} left out: ${why}`;
  } finally {
    await note('console.host-leave', `${noted}, ${Math.round((clock.monotonic() - since) / 1000)} s, ${how}`);
  }
}

async function log({ talk, give }: Hands, { uart }: Shared, words: readonly string[]): Promise<void> {
  const [count = String(LINES), ...more] = words;
  if (more.length > 0 || !/^[1-9]\d{0,4}$/.test(count) || Number(count) > MOST_LINES)
    throw usage(`host log takes a number of lines, ${MOST_LINES} at most`);
  const end = await give('io.watch', WATCH);
  if (end.is === 'refused' || end.receipt.outcome !== 'succeeded') return showEnd(talk, 'io.watch', end);
  if (uart.log === undefined)
    return talk.say('Nothing is kept of what the host says: that is switched off here.');
  const lines = Number(count);
  const found = logLines(await uart.log.read(lines * A_LINE), timeText).slice(-lines);
  if (found.length === 0) talk.say('The host has said nothing since this is kept.');
  else await paged(talk, found);
}
