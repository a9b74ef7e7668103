import { readdir, readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';

/** A network interface of this device. */
export interface OwnInterface {
  readonly name: string;
  /** As Linux has it: "up", "down", "dormant", "unknown". */
  readonly link: string;
  /** Of the card. */
  readonly hardware: string;
  /** With the length of the network's prefix. */
  readonly addresses: readonly string[];
}

export interface OwnNetwork {
  readonly interfaces: readonly OwnInterface[];
  readonly gateways: readonly string[];
  readonly nameServers: readonly string[];
}

const MOST = 32;
const MOST_TEXT = 64;
const IPV4 = /^[0-9A-F]{8}$/;

/** What Linux says of this device's own network; what cannot be read is left out. Asks nobody outside. */
export async function ownNetwork(root = '/', own = networkInterfaces): Promise<OwnNetwork> {
  const cards = join(root, 'sys/class/net');
  const names = (await readdir(cards).catch(() => Object.keys(own()))).filter((name) => name !== 'lo').sort();
  const addresses = own();
  const interfaces = names.slice(0, MOST).map(async (name) => ({
    name,
    link: await textOf(join(cards, name, 'operstate')),
    hardware: await textOf(join(cards, name, 'address')),
    addresses: (addresses[name] ?? []).slice(0, MOST).map(({ address, cidr }) => cidr ?? address),
  }));
  return {
    interfaces: await Promise.all(interfaces),
    gateways: await gatewaysIn(join(root, 'proc/net/route')),
    nameServers: await nameServersIn(join(root, 'etc/resolv.conf')),
  };
}

async function textOf(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => 'unknown');
  return text.trim().slice(0, MOST_TEXT);
}

/** Columns: interface, destination, gateway, flags, ...; addresses are little endian. */
async function gatewaysIn(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const found = text.split('\n').flatMap((line) => {
    const [name = '', destination, gateway = ''] = line.split(/\s+/);
    if (destination !== '00000000' || !IPV4.test(gateway)) return [];
    const bytes = gateway.match(/../g)?.map((byte) => Number.parseInt(byte, 16)) ?? [];
    return [`${bytes.reverse().join('.')} by ${name}`];
  });
  return found.slice(0, MOST);
}

async function nameServersIn(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const found = text.split('\n').flatMap((line) => /^nameserver\s+(\S{1,64})/.exec(line)?.[1] ?? []);
  return found.slice(0, MOST);
}
