import { readFile } from 'node:fs/promises';
import { ipmiClient } from './adapters/ipmi-client.ts';
import { IpmiPower } from './adapters/ipmi-power.ts';
import type { PowerByIpmi } from './agent-config.ts';
import { NsError, seconds, sentenceOf } from './base/index.ts';
import { BoardPowerSource, FusedPower } from './bmc/index.ts';
import type { Clock, HostPower, LogSink } from './ports/index.ts';

/** Less than the agent waits for a reading of the power. */
const TIMEOUT = seconds(1.4);
const KEEP_ALIVE = seconds(30);
const STATES = ['S0', 'S3', 'S4', 'S5', 'G3'] as const;

/** The board's own power, and what the board's BMC says of it: certain only where both agree. */
export async function withIpmi(
  board: HostPower,
  config: PowerByIpmi,
  clock: Clock,
  log: LogSink,
): Promise<{ readonly power: FusedPower; close(): Promise<void> }> {
  const client = ipmiClient(config.host, config.user, await passwordIn(config.passwordFile), {
    port: config.port,
    suites: config.suites,
    level: 'user',
    timeout: TIMEOUT,
    keepAlive: KEEP_ALIVE,
  });
  const ipmi = new IpmiPower({ client, clock, required: config.required });
  const power = new FusedPower({
    sources: [new BoardPowerSource(board), ipmi],
    guard: board,
    states: STATES,
    clock,
    log,
  });
  return {
    power,
    close: async () => {
      power.close();
      ipmi.close();
      await client.close();
    },
  };
}

/** The first line. NS_CONFIG_INVALID where it cannot be read, or is empty. */
export async function passwordIn(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new NsError('NS_CONFIG_INVALID', `${path} cannot be read: ${sentenceOf(cause)}`, {
      family: 'caller',
      cause,
    });
  });
  const [line = ''] = text.split(/\r?\n/);
  if (line !== '') return line;
  throw new NsError('NS_CONFIG_INVALID', `${path} has no password on its first line`, { family: 'caller' });
}
