import { NsError } from '../../../base/index.ts';
import { getLanConfigurationParameters } from '../../commands/get-lan-configuration-parameters.ts';
import { IP_SOURCE, type IpSource, LAN_PARAMETER } from '../../commands/lan-parameter.ts';
import { LEVEL, type Level } from '../../session/set-up.ts';
import { flag, le16 } from '../../wire/bits.ts';
import { NET_FN } from '../../wire/message.ts';
import { type BmcCommand, Completion } from '../command.ts';
import { checkLanChannel } from '../lan-channel.ts';
import { ADMINISTRATOR, OPERATOR_OR_HOST, serve } from './serve.ts';

/** What is true of the BMC's network interface. What is left out is not known, and not told. */
export interface LanFacts {
  /** "10.0.0.7"; IPMI's parameters have no place for other addresses. */
  readonly address?: string;
  readonly subnetMask?: string;
  readonly gateway?: string;
  readonly source?: IpSource;
  /** "52:54:00:12:34:56". */
  readonly mac?: string;
  readonly vlan?: number;
  /** On offer, with the highest level that each may reach. */
  readonly suites: readonly { readonly id: number; readonly level: Level }[];
}

const REVISION = 0x11;
const ONLY_REVISION = 0x80;
/** Codes of these commands' own. */
const NO_SUCH_PARAMETER = 0x80;
const READ_ONLY = 0x82;
const MOST_SUITES = 16;
const MOST_SET = 3 + 255;

/** LAN parameters (IPMI 2.0, 23.1 and 23.2), to be read alone: a network is set up where the board's system is. */
export function lanConfigurationCommands(lan: () => LanFacts): readonly BmcCommand[] {
  const set = { name: 'Set LAN Configuration Parameters', netFn: NET_FN.transport, code: 0x01 };
  return [
    serve(getLanConfigurationParameters, OPERATOR_OR_HOST, 4, (data) => {
      checkLanChannel(data.u8(0));
      const value = parameterOf(lan(), data.u8(1));
      return (data.u8(0) & ONLY_REVISION) === 0 ? [REVISION, ...value] : [REVISION];
    }),
    serve(set, ADMINISTRATOR, [3, MOST_SET], (data) => {
      checkLanChannel(data.u8(0));
      parameterOf(lan(), data.u8(1));
      throw new Completion(READ_ONLY);
    }),
  ];
}

function parameterOf(facts: LanFacts, parameter: number): readonly number[] {
  const { suites } = facts;
  const value = ((): readonly number[] | undefined => {
    switch (parameter) {
      case LAN_PARAMETER.setInProgress:
        return [0];
      // No authentication of IPMI 1.5, at any of its five levels.
      case LAN_PARAMETER.authenticationTypes:
        return [0];
      case LAN_PARAMETER.authenticationEnables:
        return [0, 0, 0, 0, 0];
      case LAN_PARAMETER.ipAddress:
        return ipv4(facts.address);
      case LAN_PARAMETER.ipSource:
        return [IP_SOURCE[facts.source ?? 'unspecified']];
      case LAN_PARAMETER.macAddress:
        return facts.mac?.split(':').map((part) => Number.parseInt(part, 16));
      case LAN_PARAMETER.subnetMask:
        return ipv4(facts.subnetMask);
      case LAN_PARAMETER.gatewayAddress:
        return ipv4(facts.gateway);
      case LAN_PARAMETER.vlanId:
        return le16((facts.vlan ?? 0) | flag(facts.vlan !== undefined, 15));
      case LAN_PARAMETER.vlanPriority:
        return [0];
      case LAN_PARAMETER.cipherSuiteCount:
        return [suites.length];
      case LAN_PARAMETER.cipherSuites:
        return [0, ...padded(suites.map(({ id }) => id))];
      case LAN_PARAMETER.cipherSuiteLevels: {
        const levels = padded(suites.map(({ level }) => LEVEL[level]));
        return [0, ...levels.flatMap((low, n) => (n % 2 === 0 ? [low | (levels[n + 1]! << 4)] : []))];
      }
      default:
        return undefined;
    }
  })();
  if (value === undefined) throw new Completion(NO_SUCH_PARAMETER);
  return value;
}

const padded = (bytes: readonly number[]): readonly number[] =>
  Array.from({ length: MOST_SUITES }, (_, n) => bytes[n] ?? 0);

function ipv4(address: string | undefined): readonly number[] | undefined {
  if (address === undefined) return undefined;
  const parts = address.split('.').map(Number);
  if (parts.length === 4 && parts.every((part) => Number.isInteger(part) && part >= 0 && part <= 255)) {
    return parts;
  }
  throw new NsError('NS_IPMI_ARGUMENT', `${address} is no IPv4 address`, { family: 'caller' });
}
