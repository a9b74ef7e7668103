import { toHex } from '../base/index.ts';
import { auditDetail } from '../security/index.ts';
import type { AdmittedOrder } from './desk.ts';
import type { TerminalEnd } from './stop.ts';

/** What the audit log says of an order that has ended, beside how, when and by whom it was given. */
export function auditNote({ order, issuer, cosigners = [] }: AdmittedOrder, end: TerminalEnd): string {
  const givers = (issuer.through ?? []).map(({ keyId }) => ` (for key ${toHex(keyId)})`).join('');
  const others = cosigners.map(({ keyId }) => ` (with key ${toHex(keyId)})`).join('');
  const why = 'refusal' in end ? ` ${end.refusal.code}` : 'failure' in end ? ` ${end.failure.code}` : '';
  return `${toHex(order.id).slice(0, 8)}${givers}${others} ${auditDetail(order)}${why}`;
}
