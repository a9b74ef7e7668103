import { hasCode } from '../base/index.ts';
import { type Carrier, runCommand } from './command.ts';
import {
  type AuthenticationCapabilities,
  getChannelAuthenticationCapabilities,
} from './commands/get-channel-authentication-capabilities.ts';
import type { OfferedSuite } from './commands/get-channel-cipher-suites.ts';
import { IpmiCompletion } from './faults.ts';
import { readCipherSuites } from './lan.ts';

/** What a BMC says of itself to anybody. A hint: which suites are spoken is decided by the client alone. */
export interface Discovery {
  readonly capabilities: AuthenticationCapabilities;
  /** Undefined where the BMC does not tell: some refuse the question before a session, some never answer it. */
  readonly suites: readonly OfferedSuite[] | undefined;
}

export async function discover(carrier: Carrier, signal: AbortSignal): Promise<Discovery> {
  const wanted = { level: 'administrator' } as const;
  const capabilities = await runCommand(carrier, getChannelAuthenticationCapabilities, wanted, signal);
  try {
    return { capabilities, suites: await readCipherSuites(carrier, signal) };
  } catch (error) {
    if (error instanceof IpmiCompletion || hasCode(error, 'NS_IPMI_SILENT'))
      return { capabilities, suites: undefined };
    throw error;
  }
}
