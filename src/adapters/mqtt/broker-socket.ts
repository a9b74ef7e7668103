import { isIP, type Socket, connect as tcpConnect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { NsError } from '../../base/index.ts';

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
}

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
 * message some 40 ms a side.
 */
export function openBrokerSocket(address: BrokerAddress): BrokerSocket {
  const { host, port, secure } = parseBrokerUrl(address.url);
  let reached = false;
  if (!secure) {
    const socket = tcpConnect({ host, port, noDelay: true });
    socket.once('connect', () => {
      reached = true;
    });
    return { socket, reached: () => reached };
  }
  const socket = tlsConnect({
    ...address.tls,
    host,
    port,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
  });
  socket.setNoDelay(true);
  socket.once('secureConnect', () => {
    reached = true;
  });
  return { socket, reached: () => reached };
}
