import { allow, minutes, refusal, refuse, seconds, toHex, type Verdict } from '../../base/index.ts';
import { judgeAccess } from '../../bmc/index.ts';
import type { ArgsOf, ResultOf } from '../../protocol/index.ts';
import type { ChainAction, ChainControl, ChainReport } from '../../sata-chain/index.ts';
import { DISKS } from '../file/volume-access.ts';
import type { TaskServices } from '../services.ts';
import type { TaskContext, TaskKind } from '../task.ts';
import { chainsOf, syncNote } from './notes.ts';

/**
 * Brings the tables of all units in step, and does one thing to one chain where the order says so. While the machine is
 * disabled the tables are brought in step and nothing is changed.
 */
export const chainSync: TaskKind<'chain.sync'> = {
  verb: 'chain.sync',
  pace: 'queued',
  pure: false,
  whileDisabled: true,
  deadline: minutes(3),
  noProgress: minutes(2),
  async run({ args }, context) {
    const { services, signal } = context;
    const chains = chainsOf(services, args.disk);
    if (!chains.ok) return chains;
    if (args.action !== undefined) return act(args, chains.value, context);
    const synced: ResultOf<'chain.sync'>['chains'] = [];
    for (const chain of chains.value) {
      context.progress('exchanging', synced.length, chains.value.length, 'chains');
      if (args.dryRun === true) continue;
      const report = await chain.sync(undefined, signal);
      if (!report.ok) return report;
      synced.push(syncNote(report.value));
    }
    return allow({ dryRun: args.dryRun === true, chains: synced });
  },
};

async function act(
  args: ArgsOf<'chain.sync'>,
  chains: readonly ChainControl[],
  context: TaskContext,
): Promise<Verdict<ResultOf<'chain.sync'>>> {
  const { services, signal } = context;
  const [chain, ...more] = chains;
  const action = actionOf(args);
  if (chain === undefined || action === undefined || more.length > 0)
    return refuse(
      'NO_CHAIN',
      `This board has the chains ${chains.map(({ disk }) => disk).join(', ')}.`,
      'Name one with --disk.',
    );
  if (!services.lockout.enabled)
    return refuse('DISABLED', 'The machine is disabled: its chain is not changed.');
  // Nobody reads or writes the disk while its members change.
  await context.claim(DISKS, 'write');
  // A disk that is kept for the next task goes back first: members are changed on the host's side.
  await services.custody.handBack(refusal('CHAIN_BUSY', 'The members of the chain are looked at anew.'));
  const judged = await judge(action, await chain.status(signal), services, signal);
  if (!judged.ok) return judged;
  if (args.dryRun === true) return allow({ dryRun: true, chains: [] });
  return context.effect({ disk: chain.disk, do: action.do }, async () => {
    const report = await chain.sync(action, signal);
    return report.ok ? allow({ dryRun: false, chains: [syncNote(report.value)] }) : report;
  });
}

function actionOf({ action }: ArgsOf<'chain.sync'>): ChainAction | undefined {
  if (action === undefined) return undefined;
  return action.do === 'accept' ? { do: 'accept', question: toHex(action.question) } : { do: 'resync' };
}

async function judge(
  action: ChainAction,
  report: ChainReport,
  { power, clock }: TaskServices,
  signal: AbortSignal,
): Promise<Verdict<void>> {
  if (action.do === 'accept') {
    if (report.question === undefined) return refuse('CHAIN_WHOLE');
    if (report.question.id !== action.question)
      return refuse(
        'CHAIN_DIFFERS',
        `The chain of ${report.disk} is not what was accepted: the question is ${report.question.id} now.`,
      );
    return allow(undefined);
  }
  if (report.presentedSectors === 0) return allow(undefined);
  // Looking anew resets the members: a host at work would lose commands.
  const deadline = clock.deadline(seconds(2), "reading the host's power");
  try {
    const reading = await power.read(AbortSignal.any([signal, deadline.signal]));
    const access = judgeAccess({ power: reading, want: 'write', staleOk: false, ownPower: true });
    return access.ok ? allow(undefined) : access;
  } finally {
    deadline.release();
  }
}
