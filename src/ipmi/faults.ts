import { NsError } from '../base/index.ts';

/** Completion codes that have a sentence of their own (IPMI 2.0, table 5-2). */
const COMPLETIONS: Readonly<Record<number, string>> = {
  192: 'the BMC is busy',
  193: 'the BMC does not know this command',
  194: 'the BMC does not take this command on this LUN',
  195: 'the BMC ran out of time',
  196: 'the BMC has no space left',
  197: 'the reservation was lost',
  199: 'the request has a wrong length',
  200: 'the request is too long',
  201: 'a parameter is out of range',
  202: 'the BMC cannot return that many bytes',
  203: 'that sensor, record or part is not there',
  204: 'the BMC finds a field of the request invalid',
  205: 'the command does not apply to this sensor or record',
  206: 'the BMC can give no response',
  207: 'the request was taken for a duplicate',
  208: 'the SDR repository is being updated',
  209: 'the BMC is updating its firmware',
  210: 'the BMC is starting',
  211: 'what the request is for is not there',
  212: 'the privilege level is too low',
  213: 'not supported in the present state',
  214: 'the function is disabled, or not available',
  255: 'no reason given',
};

const TRANSIENT: ReadonlySet<number> = new Set([0xc0, 0xc3, 0xd0, 0xd1, 0xd2]);

/** A command that the BMC answered with a completion code other than 0. */
export class IpmiCompletion extends NsError {
  readonly completion: number;
  /** In the specification's words. */
  readonly command: string;

  /** `own`: what the command itself means by codes of 80h to BEh. */
  constructor(command: string, completion: number, own: Readonly<Record<number, string>> = {}) {
    const hex = completion.toString(16).padStart(2, '0').toUpperCase();
    const reason = own[completion] ?? COMPLETIONS[completion] ?? 'a code of this command or of the maker';
    super('NS_IPMI_COMPLETION', `${command}: ${reason} (${hex}h)`, {
      family: 'peer',
      retryable: TRANSIENT.has(completion),
    });
    this.completion = completion;
    this.command = command;
  }
}

/** RMCP+ status codes of session set-up (IPMI 2.0, table 13-15). */
const STATUS: Readonly<Record<number, string>> = {
  1: 'the BMC has no session left',
  2: 'the BMC does not know the session id',
  3: 'the BMC does not take this payload type',
  4: 'the BMC refuses the authentication algorithm',
  5: 'the BMC refuses the integrity algorithm',
  6: 'no matching authentication payload',
  7: 'no matching integrity payload',
  8: 'the session id is not active',
  9: 'the BMC does not know the role',
  10: 'this user may not have the privilege level asked for',
  11: 'the BMC has no session left for that role',
  12: 'the user name has a wrong length',
  13: 'the BMC does not know the user',
  14: 'the GUID is not valid',
  15: 'the integrity check value is wrong: the password does not match',
  16: 'the BMC refuses the confidentiality algorithm',
  17: 'the BMC refuses the cipher suite',
  18: 'the BMC finds a parameter invalid',
};

/** The suite is at fault, and another one may do. */
const SUITE_REFUSED: ReadonlySet<number> = new Set([0x04, 0x05, 0x10, 0x11]);
const CREDENTIALS: ReadonlySet<number> = new Set([0x0c, 0x0d, 0x0f]);
const NO_ROOM: ReadonlySet<number> = new Set([0x01, 0x0b]);

/**
 * Why no session came about: NS_IPMI_SUITE (try another), NS_IPMI_CREDENTIALS (never try again unchanged: accounts get
 * locked), NS_IPMI_BUSY (later), NS_IPMI_SESSION otherwise.
 */
export function setupFault(step: string, status: number): NsError {
  const hex = status.toString(16).padStart(2, '0').toUpperCase();
  const sentence = `${step}: ${STATUS[status] ?? 'an unknown status'} (${hex}h)`;
  if (SUITE_REFUSED.has(status)) return new NsError('NS_IPMI_SUITE', sentence, { family: 'peer' });
  if (CREDENTIALS.has(status)) return new NsError('NS_IPMI_CREDENTIALS', sentence, { family: 'caller' });
  if (NO_ROOM.has(status)) return new NsError('NS_IPMI_BUSY', sentence, { family: 'peer', retryable: true });
  return new NsError('NS_IPMI_SESSION', sentence, { family: 'peer' });
}
