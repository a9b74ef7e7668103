import { type Refusal, refusal } from '../../base/index.ts';
import { judgeAccess } from '../../bmc/index.ts';
import type { PowerState } from '../../ports/index.ts';
import type { Job } from '../job.ts';
import { type RunEnvironment, runTask } from '../run-task.ts';
import type { TaskEnd } from '../stop.ts';
import { mayWait } from './may-wait.ts';
import type { StagedOrders } from './staged-orders.ts';

/** Whether a host in this state may be written to, as far as its power tells. */
export function isDown(power: PowerState): boolean {
  return power === 'S5' || power === 'G3';
}

/**
 * One try of a staged order: all is judged and done as for any other; what may not be now, and may be later, waits for
 * that, with its contents here. `began`: its effect did, before a restart, and must be looked at.
 */
export async function attempt(
  staged: StagedOrders,
  job: Job,
  environment: RunEnvironment,
  at: { readonly power: PowerState; readonly began: boolean },
): Promise<TaskEnd> {
  const { kind, admitted, row, stopping } = job;
  const { id } = admitted.order;
  let why = at.began ? undefined : (powerRefusal(at.power) ?? staged.behind(id));
  if (why === undefined) {
    staged.noteTry(id);
    const end = await runTask(kind, admitted, environment, row, stopping);
    if (end.is !== 'refused' || !mayWait(end.refusal)) return end;
    why = end.refusal;
    // It was looked for and is not there: the next try begins anew, and is judged as one that has not begun.
    const { journal } = environment;
    for (const { step } of journal.get(id)?.intents ?? []) await journal.append({ r: 'step-void', id, step });
  }
  if (!staged.fetched(id)) {
    const fetched = await runTask(kind, admitted, environment, row, stopping, 'prepare');
    if (fetched.is !== 'succeeded') return fetched;
    staged.noteFetched(id);
  }
  const waits = await staged.park(id, why);
  return waits.ok ? { is: 'waits', refusal: why } : { is: 'refused', refusal: waits.refusal };
}

function powerRefusal(state: PowerState): Refusal | undefined {
  if (isDown(state)) return undefined;
  if (state === 'unknown') return refusal('HOST_STATE_UNKNOWN');
  const reading = { state, certain: true, sources: {}, fusion: 'agreed' } as const;
  const judged = judgeAccess({ power: reading, want: 'write', staleOk: false, ownPower: true });
  return judged.ok ? undefined : judged.refusal;
}
