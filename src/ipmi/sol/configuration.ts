import type { Duration } from '../../base/index.ts';
import { type Carrier, runCommand } from '../command.ts';
import {
  type ChannelNumber,
  getSolConfigurationParameters,
  SOL_PARAMETER,
  type SolParameter,
} from '../commands/index.ts';
import { IpmiCompletion } from '../faults.ts';
import type { Level } from '../session/set-up.ts';

/** How a BMC has its console over LAN set; what it does not tell is left out. */
export interface SolConfiguration {
  readonly enabled?: boolean;
  readonly forceEncryption?: boolean;
  readonly forceAuthentication?: boolean;
  /** The least level for the console. */
  readonly level?: Level;
  readonly accumulation?: { readonly interval: Duration; readonly threshold: number };
  readonly retry?: { readonly count: number; readonly interval: Duration };
  /** Bits a second, now; left out where they are as the host's serial port is set. */
  readonly bitRate?: number;
  readonly channel?: number;
  /** UDP. */
  readonly port?: number;
}

const WANTED = [
  SOL_PARAMETER.enable,
  SOL_PARAMETER.authentication,
  SOL_PARAMETER.accumulation,
  SOL_PARAMETER.retry,
  SOL_PARAMETER.volatileBitRate,
  SOL_PARAMETER.payloadChannel,
  SOL_PARAMETER.payloadPort,
];

/** The last completion code where the BMC answers none of the questions. */
export async function readSolConfiguration(
  carrier: Carrier,
  channel: ChannelNumber,
  signal: AbortSignal,
): Promise<SolConfiguration> {
  let found: SolConfiguration | undefined;
  let refused: IpmiCompletion | undefined;
  for (const parameter of WANTED) {
    try {
      const value = await runCommand(carrier, getSolConfigurationParameters, { parameter, channel }, signal);
      found = { ...found, ...told(value) };
    } catch (error) {
      if (!(error instanceof IpmiCompletion)) throw error;
      refused = error;
    }
  }
  if (found === undefined && refused !== undefined) throw refused;
  return found ?? {};
}

function told(value: SolParameter): SolConfiguration {
  switch (value.is) {
    case 'enable':
      return { enabled: value.enabled };
    case 'authentication': {
      const { forceEncryption, forceAuthentication, level } = value;
      return { forceEncryption, forceAuthentication, ...(level === undefined ? {} : { level }) };
    }
    case 'accumulation':
      return { accumulation: { interval: value.interval, threshold: value.threshold } };
    case 'retry':
      return { retry: { count: value.count, interval: value.interval } };
    case 'bit-rate':
      return value.bitsPerSecond === undefined ? {} : { bitRate: value.bitsPerSecond };
    case 'payload-channel':
      return { channel: value.channel };
    case 'payload-port':
      return { port: value.port };
    default:
      return {};
  }
}
