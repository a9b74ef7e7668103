import { allow, refuse, type Verdict } from '../base/index.ts';
import {
  isVerb,
  type Order,
  orderBody,
  PROTOCOL_VERSION,
  parseMessage,
  VERBS,
  type Verb,
} from '../protocol/index.ts';

const LASTING = 'machine.disable';

/** A statement of time that was kept back must be worth nothing. */
const NONCE_ONLY: readonly string[] = ['clock.set'] satisfies readonly Verb[];

function checkValidity(body: Pick<Order, 'verb' | 'nbf' | 'exp' | 'nonce' | 'maxAge'>): Verdict<void> {
  if ((body.nonce === undefined) !== (body.maxAge === undefined)) {
    const missing = body.nonce === undefined ? 'nonce' : 'maxAge';
    return refuse('MESSAGE_INVALID', `Field "${missing}" is missing: nonce and maxAge go together.`);
  }
  if (body.verb !== LASTING && body.exp === undefined && body.nonce === undefined) {
    return refuse(
      'MESSAGE_INVALID',
      `Field "exp" is missing: every order but ${LASTING} says until when it is good.`,
    );
  }
  if (NONCE_ONLY.includes(body.verb) && body.nonce === undefined) {
    return refuse('MESSAGE_INVALID', `Field "nonce" is missing: ${body.verb} quotes a nonce of the device.`);
  }
  if (body.exp !== undefined && body.nbf !== undefined && body.exp <= body.nbf) {
    return refuse('MESSAGE_INVALID', 'Field "exp" is not after "nbf".');
  }
  return allow(undefined);
}

function versionOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'v' in value ? value.v : undefined;
}

/**
 * From a decoded body to an order: version first (another version may have another shape), then the body, the verb,
 * and the verb's own arguments. VERSION_UNKNOWN, VERB_UNKNOWN, or MESSAGE_INVALID naming the field.
 */
export function shapeOrder(value: unknown): Verdict<Order> {
  const version = versionOf(value);
  if (typeof version === 'number' && version !== PROTOCOL_VERSION) {
    return refuse(
      'VERSION_UNKNOWN',
      `The order is written in version ${version}; this device speaks ${PROTOCOL_VERSION}.`,
    );
  }
  const body = parseMessage(orderBody, value);
  if (!body.ok) return body;
  const { verb } = body.value;
  if (!isVerb(verb)) return refuse('VERB_UNKNOWN', `This device knows no verb ${JSON.stringify(verb)}.`);
  const args = parseMessage(VERBS[verb].args, body.value.args, 'args');
  if (!args.ok) return args;
  const order = { ...body.value, verb, args: args.value } as Order;
  const validity = checkValidity(order);
  return validity.ok ? allow(order) : validity;
}

/** Whether time and age are no ground to refuse this order: it is desired state, undone only by a newer order. */
export function isLasting(order: Pick<Order, 'verb'>): boolean {
  return order.verb === LASTING;
}
