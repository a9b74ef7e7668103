import { X509Certificate } from 'node:crypto';
import { isIP, type Socket, connect as tcpConnect } from 'node:net';
import { checkServerIdentity, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { NsError } from '../../base/index.ts';
import { authoritiesOf, type BrokerRules, brokerFault, earlyBrokerFault } from './broker-trust.ts';

/** Where a broker is, and how it is to be believed. */
export interface BrokerAddress {
  /** "mqtt://host:1883" or "mqtts://host:8883". */
  readonly url: string;
  readonly tls?: BrokerTls;
}

/** PEM texts. The broker's certificate is always verified. */
export interface BrokerTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** SHA-256 of the SubjectPublicKeyInfo of the broker or of its authority in `ca`, base64url: one of them must fit. */
  readonly pins?: readonly string[];
  /** For a device without a trusted clock: seconds since 1970 that have surely passed. */
  readonly floor?: () => number;
}

/** What TLS says of a certificate whose validity has not begun. */
export const NOT_YET_VALID = 'CERT_NOT_YET_VALID';

export interface BrokerSocket {
  readonly socket: Socket;
  /** True once TCP, and TLS where used, is up: a close after that is the broker's own doing. */
  readonly reached: () => boolean;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'mqtt:': 1883, 'mqtts:': 8883 };

/** Host, port and security of a broker URL; NS_BROKER_URL where it is not one. */
export function parseBrokerUrl(text: string): { host: string; port: number; secure: boolean } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const port = url && (url.port === '' ? DEFAULT_PORTS[url.protocol] : Number(url.port));
  if (url === undefined || port === undefined || !(url.protocol in DEFAULT_PORTS) || url.hostname === '') {
    throw new NsError('NS_BROKER_URL', `a broker is named like mqtt://host:1883 or mqtts://host:8883`, {
      family: 'caller',
    });
  }
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port, secure: url.protocol === 'mqtts:' };
}

/**
 * Opens a connection with TCP_NODELAY. Nagle's algorithm against delayed acknowledgements would cost each QoS 1
 * message some 40 ms a side. `early` is for a broker whose certificate was found not to be valid yet: all else of it is
 * judged here then, and nothing is sent before that.
 */
export function openBrokerSocket(address: BrokerAddress, early = false): BrokerSocket {
  const { host, port, secure } = parseBrokerUrl(address.url);
  let reached = false;
  if (!secure) {
    const socket = tcpConnect({ host, port, noDelay: true });
    socket.once('connect', () => {
      reached = true;
    });
    return { socket, reached: () => reached };
  }
  const { pins = [], floor, ...identity } = address.tls ?? {};
  const rules: BrokerRules = {
    host,
    authorities: identity.ca === undefined ? [] : authoritiesOf(identity.ca),
    pins,
    ...(floor === undefined ? {} : { floor: floor() }),
  };
  const socket = tlsConnect({
    ...identity,
    host,
    port,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    // Only a device that has a floor of time judges the rest by itself.
    rejectUnauthorized: !early || floor === undefined,
    checkServerIdentity: (name, peer) =>
      checkServerIdentity(name, peer) ?? brokerFault(new X509Certificate(peer.raw), rules),
    minVersion: 'TLSv1.2',
  });
  socket.setNoDelay(true);
  socket.once('secureConnect', () => {
    const fault = socket.authorized ? undefined : faultOf(socket, rules);
    if (fault !== undefined) socket.destroy(fault);
    else reached = true;
  });
  return { socket, reached: () => reached };
}

/** Called in the moment in which the handshake ends: a socket that is destroyed here has sent nothing of ours. */
function faultOf(socket: TLSSocket, rules: BrokerRules): Error | undefined {
  const leaf = socket.getPeerX509Certificate();
  const reason = String(socket.authorizationError);
  if (leaf === undefined || reason !== NOT_YET_VALID) {
    return new NsError('NS_BROKER_UNTRUSTED', `the broker is not believed: ${reason}`);
  }
  return earlyBrokerFault(leaf, rules);
}
