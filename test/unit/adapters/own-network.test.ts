import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { ownNetwork } from '../../../src/adapters/own-network.ts';
import { scratch } from '../../kit/disk-tools.ts';

const { dir, remove } = await scratch();
t.teardown(remove);
const card = async (name: string, state: string): Promise<void> => {
  await mkdir(join(dir, 'sys/class/net', name), { recursive: true });
  await writeFile(join(dir, 'sys/class/net', name, 'operstate'), `${state}\n`);
  await writeFile(join(dir, 'sys/class/net', name, 'address'), '02:00:00:00:00:01\n');
};
await card('lo', 'unknown');
await card('eth1', 'down');
await card('eth0', 'up');
await mkdir(join(dir, 'proc/net'), { recursive: true });
await mkdir(join(dir, 'etc'));
await writeFile(
  join(dir, 'proc/net/route'),
  'Iface\tDestination\tGateway\tFlags\neth0\t00000000\t010200C0\t0003\neth0\t000200C0\t00000000\t0001\n',
);
await writeFile(join(dir, 'etc/resolv.conf'), '# by hand\nnameserver 192.0.2.53\noptions rotate\n');
const ipv4 = { netmask: '', mac: '', internal: false, family: 'IPv4' as const };

await t.test('cards, addresses, gateways and name servers, as Linux tells them', async (t) => {
  const found = await ownNetwork(dir, () => ({
    eth0: [{ ...ipv4, address: '192.0.2.7', cidr: '192.0.2.7/24' }],
  }));
  t.same(found, {
    interfaces: [
      { name: 'eth0', link: 'up', hardware: '02:00:00:00:00:01', addresses: ['192.0.2.7/24'] },
      { name: 'eth1', link: 'down', hardware: '02:00:00:00:00:01', addresses: [] },
    ],
    gateways: ['192.0.2.1 by eth0'],
    nameServers: ['192.0.2.53'],
  });
});

await t.test('where nothing can be read, only what the system itself says', async (t) => {
  const found = await ownNetwork(join(dir, 'nothing'), () => ({
    wlan0: [{ ...ipv4, address: '192.0.2.9', cidr: null }],
  }));
  t.same(found.interfaces, [
    { name: 'wlan0', link: 'unknown', hardware: 'unknown', addresses: ['192.0.2.9'] },
  ]);
  t.same([found.gateways, found.nameServers], [[], []]);
});
