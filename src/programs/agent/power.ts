import { IpmiBootGuard } from '../../adapters/ipmi-boot-guard.ts';
import { ipmiClient } from '../../adapters/ipmi-client.ts';
import { IpmiPower } from '../../adapters/ipmi-power.ts';
import { seconds } from '../../base/index.ts';
import { BoardPowerSource, FusedPower } from '../../bmc/index.ts';
import { bmcKeyFrom, type IpmiClient, type Quirk } from '../../ipmi/index.ts';
import type { BootGuard, Clock, HostPower, LogSink } from '../../ports/index.ts';
import type { PowerByIpmi } from './config-ipmi.ts';
import { madeOf, secretIn } from './secret.ts';

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
): Promise<{ readonly power: FusedPower; readonly boot?: BootGuard; readonly close: () => Promise<void> }> {
  const client = await openClient(config, log);
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
    ...(config.guardBoot === true ? { boot: new IpmiBootGuard(client) } : {}),
    close: async () => {
      power.close();
      ipmi.close();
      await client.close();
    },
  };
}

/** Reads the files of secrets that it names, and judges the rest; nothing is sent. */
export async function checkPowerByIpmi(config: PowerByIpmi, log: LogSink): Promise<void> {
  const client = await openClient(config, log);
  await client.close();
}

async function openClient(config: PowerByIpmi, log: LogSink): Promise<IpmiClient> {
  const { host, port, user, passwordFile, bmcKeyFile, suites, quirks } = config;
  const bmcKey = bmcKeyFile === undefined ? undefined : await madeOf(bmcKeyFile, log, bmcKeyFrom);
  return ipmiClient(host, user, await secretIn(passwordFile, log), {
    port,
    suites,
    level: config.guardBoot === true ? 'operator' : 'user',
    timeout: TIMEOUT,
    keepAlive: KEEP_ALIVE,
    ...(bmcKey === undefined ? {} : { bmcKey }),
    // Names that are none are refused by whoever knows them.
    quirks: quirks as readonly Quirk[],
    onQuirk: (quirk) => log.log('warn', 'power.ipmi-quirk', { host, quirk }),
  });
}
