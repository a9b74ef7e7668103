import { asNsError, type NsError } from '../../base/index.ts';
import { EXIT, type ExitCode, jsonLine } from '../../fleet/index.ts';
import { IpmiCompletion } from '../../ipmi/index.ts';

export type IpmiOutcome = 'succeeded' | 'refused' | 'failed' | 'unreachable' | 'not-sent';

const EXIT_OF: Readonly<Record<IpmiOutcome, ExitCode>> = {
  succeeded: EXIT.done,
  refused: EXIT.refused,
  failed: EXIT.failed,
  unreachable: EXIT.unreachable,
  'not-sent': EXIT.usage,
};
export const exitOfIpmi = (outcome: IpmiOutcome): ExitCode => EXIT_OF[outcome];

/** The BMC understood, and said no: to the password, to the cipher suite, to the console. */
const REFUSED = new Set([
  'NS_IPMI_CREDENTIALS',
  'NS_IPMI_SUITE',
  'NS_IPMI_SOL_IN_USE',
  'NS_IPMI_SOL_DISABLED',
  'NS_IPMI_SOL_LIMIT',
  'NS_IPMI_SOL_ENCRYPTION',
  'NS_IPMI_SOL_UNSUPPORTED',
]);
const UNREACHABLE = new Set(['NS_IPMI_SILENT', 'NS_DATAGRAM', 'NS_DEADLINE', 'NS_IPMI_SOL_SILENT']);
const NOT_SENT = new Set([
  'NS_USAGE',
  'NS_CONFIG_INVALID',
  'NS_IPMI_ARGUMENT',
  'NS_IPMI_PINNED',
  'NS_IPMI_PINS',
]);

/** What a fault means for whoever asked. A completion code is a refusal, unless the same question may do better later. */
export function outcomeOf(fault: NsError): IpmiOutcome {
  if (UNREACHABLE.has(fault.code)) return 'unreachable';
  if (REFUSED.has(fault.code)) return 'refused';
  if (NOT_SENT.has(fault.code)) return 'not-sent';
  return fault instanceof IpmiCompletion && !fault.retryable ? 'refused' : 'failed';
}

/** A fault as it stands in a line of --json. */
export function faultFields(error: unknown): Readonly<Record<string, unknown>> {
  const fault = asNsError(error);
  const completion = fault instanceof IpmiCompletion ? { completion: fault.completion } : {};
  return { code: fault.code, sentence: fault.sentence, ...completion };
}

export interface IpmiAnswer {
  readonly outcome: IpmiOutcome;
  readonly lines: readonly string[];
  readonly json: string;
}

export function answered(
  host: string,
  verb: string,
  { result, lines }: { readonly result: unknown; readonly lines: readonly string[] },
  tookMs: number,
): IpmiAnswer {
  return {
    outcome: 'succeeded',
    lines,
    json: jsonLine('ipmi', { host, verb, outcome: 'succeeded', result, tookMs: Math.round(tookMs) }),
  };
}

export function faulted(host: string, verb: string, error: unknown, tookMs: number): IpmiAnswer {
  const fault = asNsError(error);
  const outcome = outcomeOf(fault);
  return {
    outcome,
    lines: [`${outcome}: ${fault.message}`],
    json: jsonLine('ipmi', { host, verb, outcome, fault: faultFields(fault), tookMs: Math.round(tookMs) }),
  };
}
