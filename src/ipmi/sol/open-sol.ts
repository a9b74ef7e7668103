import { type Duration, milliseconds, NsError, seconds } from '../../base/index.ts';
import type { Clock } from '../../ports/index.ts';
import { type Carrier, runCommand } from '../command.ts';
import { type ActivatedSol, activatePayload, deactivatePayload } from '../commands/index.ts';
import { IpmiCompletion } from '../faults.ts';
import { OneSessionCarrier } from '../session/one-session-carrier.ts';
import type { IpmiSession } from '../session/session.ts';
import { GrantedConsole, type SolConsole } from './console.ts';

export interface SolOptions {
  /** Ends whoever has the console; without it that is NS_IPMI_SOL_IN_USE. */
  readonly takeOver?: boolean;
  /** Asks the BMC for a word when it has said nothing for so long: 10 s. */
  readonly keepAlive?: Duration;
  /** Nothing at all from the BMC for so long ends the console: 30 s. */
  readonly silence?: Duration;
}

const KEEP_ALIVE = seconds(10);
const SILENCE = seconds(30);
const IN_USE = 0x80;
const LEVEL_TOO_LOW = 0xd4;
/** A BMC may need a moment between two consoles. */
const TAKES = 4;
const BETWEEN_TAKES = milliseconds(250);

/** Completion codes of Activate Payload (IPMI 2.0, table 24-2), and of BMCs that have no SOL. */
const REFUSED: Readonly<Record<number, `NS_${string}`>> = {
  128: 'NS_IPMI_SOL_IN_USE',
  129: 'NS_IPMI_SOL_DISABLED',
  130: 'NS_IPMI_SOL_LIMIT',
  131: 'NS_IPMI_SOL_ENCRYPTION',
  132: 'NS_IPMI_SOL_ENCRYPTION',
  193: 'NS_IPMI_SOL_UNSUPPORTED',
  204: 'NS_IPMI_SOL_UNSUPPORTED',
};

/**
 * The host's console, over a session of its own; encrypted and authenticated, never plain. NS_IPMI_SOL_IN_USE,
 * NS_IPMI_SOL_DISABLED, NS_IPMI_SOL_LIMIT, NS_IPMI_SOL_ENCRYPTION (the BMC has only a plain console), NS_IPMI_SOL_UNSUPPORTED,
 * and the codes of opening a session. The session is freed where it fails.
 */
export async function openSol(
  openSession: (signal: AbortSignal) => Promise<IpmiSession>,
  clock: Clock,
  options: SolOptions,
  signal: AbortSignal,
): Promise<SolConsole> {
  const { takeOver = false, keepAlive = KEEP_ALIVE, silence = SILENCE } = options;
  const session = await openSession(signal);
  const carrier = new OneSessionCarrier(session);
  const console = new GrantedConsole({ session, carrier, clock, times: { keepAlive, silence } });
  try {
    console.begin(await activate(carrier, clock, takeOver, signal));
    return console;
  } catch (error) {
    await session.close(new AbortController().signal);
    throw error;
  }
}

async function activate(
  carrier: Carrier,
  clock: Clock,
  takeOver: boolean,
  signal: AbortSignal,
): Promise<ActivatedSol> {
  for (let takes = takeOver ? TAKES : 1; ; takes -= 1) {
    try {
      return await atLevelNeeded(carrier, signal);
    } catch (error) {
      if (!(error instanceof IpmiCompletion)) throw error;
      if (error.completion !== IN_USE || takes <= 1) throw explained(error);
      await deactivateOther(carrier, signal);
      await clock.sleep(BETWEEN_TAKES, signal);
    }
  }
}

/** Some BMCs keep the console for administrators; one that is none gets the BMC's first word. */
async function atLevelNeeded(carrier: Carrier, signal: AbortSignal): Promise<ActivatedSol> {
  try {
    return await runCommand(carrier, activatePayload, {}, signal);
  } catch (refused) {
    if (!(refused instanceof IpmiCompletion) || refused.completion !== LEVEL_TOO_LOW) throw refused;
    try {
      return await runCommand(carrier, { ...activatePayload, level: 'administrator' }, {}, signal);
    } catch (error) {
      throw error instanceof IpmiCompletion && error.command !== activatePayload.name ? refused : error;
    }
  }
}

async function deactivateOther(carrier: Carrier, signal: AbortSignal): Promise<void> {
  try {
    await runCommand(carrier, deactivatePayload, {}, signal);
  } catch (error) {
    // It was closed meanwhile, or cannot be: the next try tells.
    if (!(error instanceof IpmiCompletion)) throw error;
  }
}

function explained(error: IpmiCompletion): NsError {
  const code = REFUSED[error.completion];
  if (code === undefined) return error;
  return new NsError(code, error.sentence, {
    family: 'peer',
    cause: error,
    retryable: error.completion === IN_USE,
  });
}
