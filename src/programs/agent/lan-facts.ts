import { networkInterfaces } from 'node:os';
import { type LanFacts, LEVEL, type Level } from '../../ipmi/index.ts';
import type { BmcConfig } from './config-ipmi.ts';

const ANY = '0.0.0.0';

/** What is true of the network interface on which the BMC side listens, as the operating system has it now. */
export function lanFacts({ listen, suites, accounts }: BmcConfig): LanFacts {
  const level = accounts.reduce<Level>(
    (most, account) => (LEVEL[account.level] > LEVEL[most] ? account.level : most),
    'user',
  );
  const offered = suites.map((id) => ({ id, level }));
  const addresses = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ family }) => family === 'IPv4');
  const found =
    addresses.find(({ address }) => listen.includes(address)) ??
    (listen.includes(ANY) ? addresses.find(({ internal }) => !internal) : undefined);
  if (found === undefined) return { suites: offered };
  return { address: found.address, subnetMask: found.netmask, mac: found.mac, suites: offered };
}
