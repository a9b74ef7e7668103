import * as v from 'valibot';
import type { ControlAnswer } from './adapters/control-socket.ts';
import type { LocalChain } from './adapters/local-chain/local-chain.ts';
import { NsError, shapeConfig } from './base/index.ts';
import { showChain } from './fleet/index.ts';
import type { UnitOrder } from './sata-chain/index.ts';
import { chainNote } from './tasks/index.ts';

const command = v.strictObject({ order: v.pipe(v.string(), v.maxLength(64)) });
const UNIT_ORDERS: readonly UnitOrder[] = ['own', 'hand-back', 'disable', 'enable', 'go-degraded', 'resync'];
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
    return { report, text: showChain({ chains: [note] }) };
  }
  const plug = /^(pull|plug) (\d+)$/.exec(order);
  if (plug !== null) {
    const place = Number(plug[2]);
    if (plug[1] === 'pull' ? chain.pull(place) : chain.plug(place)) return { text: [`${order}: done`] };
    throw new NsError('NS_CONTROL_INVALID', `there is no drive ${place}`, { family: 'caller' });
  }
  const known = UNIT_ORDERS.find((each) => each === order);
  if (known === undefined) {
    throw new NsError('NS_CONTROL_INVALID', `there is no order "${order}"`, { family: 'caller' });
  }
  const verdict = await chain.order(known, signal);
  if (verdict.ok) return { text: [`${order}: done`] };
  const { code, sentence, remedy } = verdict.refusal;
  throw new NsError('NS_CHAIN_REFUSED', `${code}: ${sentence} ${remedy}`, { family: 'caller' });
}
