import * as v from 'valibot';
import type { ControlAnswer } from '../../adapters/control-socket.ts';
import type { LocalChain } from '../../adapters/local-chain/local-chain.ts';
import { NsError, refuse, shapeConfig, type Verdict } from '../../base/index.ts';
import type { UnitOrder } from '../../sata-chain/index.ts';
import { showChain } from '../../show/index.ts';
import { chainNote } from '../../tasks/index.ts';

const command = v.strictObject({ order: v.pipe(v.string(), v.maxLength(64)) });
const UNIT_ORDERS: readonly UnitOrder[] = ['own', 'hand-back', 'disable', 'enable', 'resync'];
const SHOWN_UNITS = 1024;

/** Carries out one line of the control socket: {"order": "status"}. `text` in the answer is for people. */
export async function obeyChainOrder(
  chain: LocalChain,
  line: unknown,
  signal: AbortSignal,
): Promise<ControlAnswer> {
  const { order } = shapeConfig(command, line, 'control');
  if (order === 'status') {
    const report = await chain.control.status(signal);
    const note = chainNote(report, 0, SHOWN_UNITS);
    return {
      report,
      text: showChain({ chains: [note] }, () => 'nightshift-chain go-degraded --control PATH'),
    };
  }
  if (order === 'go-degraded') return acceptAll(chain, signal);
  const plug = /^(pull|plug) (\d+)$/.exec(order);
  if (plug !== null) {
    const place = Number(plug[2]);
    if (plug[1] === 'pull' ? chain.pull(place) : chain.plug(place)) return { text: [`${order}: done`] };
    throw new NsError('NS_CONTROL_INVALID', `there is no drive ${place}`, { family: 'caller' });
  }
  const array = /^(fail|spare|relocate) (\d+)(?: (\d+))?$/.exec(order);
  if (array !== null) return orderArray(chain, array[1]!, Number(array[2]), array[3]);
  const known = UNIT_ORDERS.find((each) => each === order);
  if (known === undefined) {
    throw new NsError('NS_CONTROL_INVALID', `there is no order "${order}"`, { family: 'caller' });
  }
  return answerOf(order, await chain.order(known, signal));
}

/** What is there is the whole disk from now on, at whichever unit it is that misses a member. */
async function acceptAll({ control }: LocalChain, signal: AbortSignal): Promise<ControlAnswer> {
  const { question } = await control.status(signal);
  if (question === undefined) return answerOf('go-degraded', refuse('CHAIN_WHOLE'));
  return answerOf('go-degraded', await control.sync({ do: 'accept', question: question.id }, signal));
}

/** Of the mirrors and spares at the head, members named by their places. */
async function orderArray(
  chain: LocalChain,
  order: string,
  place: number,
  to: string | undefined,
): Promise<ControlAnswer> {
  const { array } = chain;
  if (array === undefined) {
    throw new NsError('NS_CONTROL_INVALID', 'this chain has no mirrors, or they are not open', {
      family: 'caller',
    });
  }
  const member = memberAt(chain, place);
  if (order === 'fail') return answerOf(order, await array.fail(member.unit));
  if (order === 'spare') return answerOf(order, await array.addSpare(member.unit, member.drive));
  const target = memberAt(chain, Number(to));
  return answerOf(order, await array.relocate(member.unit, target.unit, 'ready'));
}

function memberAt(chain: LocalChain, place: number) {
  const member = chain.memberAt(place);
  if (member !== undefined) return member;
  throw new NsError('NS_CONTROL_INVALID', `there is no drive ${place}`, { family: 'caller' });
}

function answerOf(order: string, verdict: Verdict<unknown>): ControlAnswer {
  if (verdict.ok) return { text: [`${order}: done`] };
  const { code, sentence, remedy } = verdict.refusal;
  throw new NsError('NS_CHAIN_REFUSED', `${code}: ${sentence} ${remedy}`, { family: 'caller' });
}
