import { ByteView, toHex } from '../../base/index.ts';
import { bit, nameOf } from '../wire/bits.ts';

/** LAN parameters by number (IPMI 2.0, table 23-4). */
export const LAN_PARAMETER = {
  setInProgress: 0,
  authenticationTypes: 1,
  authenticationEnables: 2,
  ipAddress: 3,
  ipSource: 4,
  macAddress: 5,
  subnetMask: 6,
  gatewayAddress: 12,
  gatewayMac: 13,
  backupGatewayAddress: 14,
  backupGatewayMac: 15,
  community: 16,
  vlanId: 20,
  vlanPriority: 21,
  cipherSuiteCount: 22,
  cipherSuites: 23,
  cipherSuiteLevels: 24,
} as const;

export const IP_SOURCE = { unspecified: 0, static: 1, dhcp: 2, bios: 3, other: 4 } as const;
export type IpSource = keyof typeof IP_SOURCE;

/** A LAN parameter, read; the rest is left as it came. */
export type LanParameter =
  /** "10.0.0.7": parameters 3, 6, 12, 14. */
  | { readonly is: 'ipv4'; readonly address: string }
  | { readonly is: 'ip-source'; readonly source: IpSource }
  /** "52:54:00:12:34:56": parameters 5, 13, 15. */
  | { readonly is: 'mac'; readonly address: string }
  | { readonly is: 'community'; readonly text: string }
  /** Undefined where VLANs are off. */
  | { readonly is: 'vlan'; readonly id: number | undefined }
  | { readonly is: 'vlan-priority'; readonly priority: number }
  | { readonly is: 'cipher-suite-count'; readonly count: number }
  | { readonly is: 'cipher-suites'; readonly ids: readonly number[] }
  /** By the place of the suite in parameter 23: the highest privilege level, 0 for none. */
  | { readonly is: 'cipher-suite-levels'; readonly levels: readonly number[] }
  | { readonly is: 'other'; readonly parameter: number; readonly data: Uint8Array };

const COMMUNITY_SIZE = 18;
const MOST_SUITES = 16;

export function decodeLanParameter(parameter: number, data: Uint8Array): LanParameter {
  const view = new ByteView(data, `LAN parameter ${parameter}`);
  switch (parameter) {
    case LAN_PARAMETER.ipAddress:
    case LAN_PARAMETER.subnetMask:
    case LAN_PARAMETER.gatewayAddress:
    case LAN_PARAMETER.backupGatewayAddress:
      return { is: 'ipv4', address: view.slice(0, 4).join('.') };
    case LAN_PARAMETER.ipSource:
      return { is: 'ip-source', source: nameOf(IP_SOURCE, view.u8(0) & 0x0f) ?? 'unspecified' };
    case LAN_PARAMETER.macAddress:
    case LAN_PARAMETER.gatewayMac:
    case LAN_PARAMETER.backupGatewayMac:
      return { is: 'mac', address: toHex(view.slice(0, 6)).replace(/(..)(?!$)/g, '$1:') };
    case LAN_PARAMETER.community:
      return { is: 'community', text: view.ascii(0, Math.min(COMMUNITY_SIZE, view.length)) };
    case LAN_PARAMETER.vlanId:
      return { is: 'vlan', id: bit(view.u8(1), 7) ? view.u16le(0) & 0x0fff : undefined };
    case LAN_PARAMETER.vlanPriority:
      return { is: 'vlan-priority', priority: view.u8(0) & 7 };
    case LAN_PARAMETER.cipherSuiteCount:
      return { is: 'cipher-suite-count', count: view.u8(0) & 0x1f };
    case LAN_PARAMETER.cipherSuites:
      // The first byte is reserved.
      return { is: 'cipher-suites', ids: [...view.slice(1, Math.min(MOST_SUITES, view.length - 1))] };
    case LAN_PARAMETER.cipherSuiteLevels: {
      const packed = [...view.slice(1, Math.min(MOST_SUITES / 2, view.length - 1))];
      return { is: 'cipher-suite-levels', levels: packed.flatMap((byte) => [byte & 0x0f, byte >> 4]) };
    }
    default:
      return { is: 'other', parameter, data };
  }
}
