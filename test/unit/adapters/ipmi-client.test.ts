import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import t, { type Test } from 'tap';
import { type IpmiClientOptions, ipmiClient } from '../../../src/adapters/ipmi-client.ts';
import { milliseconds, utf8 } from '../../../src/base/index.ts';
import { CIPHER_SUITES, type Quirk, userKey } from '../../../src/ipmi/index.ts';
import { obey, PASSWORD } from '../../kit/lan-rig.ts';
import { SmallBmc, type SmallBmcOptions } from '../../kit/small-bmc.ts';

async function bound(t: Test): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.teardown(() => socket.close());
  return socket;
}

/** A BMC on a real socket; its answers leave by another one where `speaksFromElsewhere` says so. */
async function rig(t: Test, speaksFromElsewhere = () => false, options: Partial<SmallBmcOptions> = {}) {
  const [front, elsewhere] = [await bound(t), await bound(t)];
  const bmc = new SmallBmc({
    suite: CIPHER_SUITES[17],
    key: userKey(utf8(PASSWORD)),
    user: 'admin',
    answer: obey,
    ...options,
  });
  let client = { port: 0, address: '' };
  front.on('message', (bytes, from) => {
    client = from;
    void bmc.send(bytes);
  });
  bmc.onMessage((bytes) => {
    (speaksFromElsewhere() ? elsewhere : front).send(bytes, client.port, client.address);
  });
  const open = (more: IpmiClientOptions = {}) => {
    const opened = ipmiClient('127.0.0.1', 'admin', PASSWORD, {
      port: front.address().port,
      timeout: milliseconds(1200),
      ...more,
    });
    t.teardown(() => opened.close());
    return opened;
  };
  return { bmc, open };
}

await t.test('the right answers from another port are nobody, before a session and within one', async (t) => {
  let elsewhere = true;
  const { open, bmc } = await rig(t, () => elsewhere);
  const client = open();
  await t.rejects(client.chassisStatus(), { code: 'NS_IPMI_SILENT', retryable: true });
  t.ok(bmc.heard.length > 1, 'it was asked again');
  elsewhere = false;
  t.ok((await client.chassisStatus()).powerOn);
  elsewhere = true;
  await t.rejects(client.chassisStatus(), { code: 'NS_IPMI_SILENT' });
});

await t.test(
  'a quirk in use is told; one that is not known is refused before anything is sent',
  async (t) => {
    const { open, bmc } = await rig(t, undefined, { computesWith: (x, level) => ({ ...x, role: level }) });
    const told: Quirk[] = [];
    await t.rejects(open().chassisStatus(), { code: 'NS_IPMI_QUIRK', message: /role-as-opened/ });
    const client = open({ quirks: ['role-as-opened'], onQuirk: (quirk) => told.push(quirk) });
    t.ok((await client.chassisStatus()).powerOn);
    t.same(told, ['role-as-opened']);
    const heard = bmc.heard.length;
    t.throws(() => open({ quirks: ['any-password' as Quirk] }), { code: 'NS_IPMI_ARGUMENT' });
    t.equal(bmc.heard.length, heard);
  },
);

await t.test('passwords: too long refused, long ones told, none refused', (t) => {
  let told = 0;
  const open = (password: string): unknown =>
    ipmiClient('127.0.0.1', 'admin', password, {
      onLongPassword() {
        told += 1;
      },
    });
  t.throws(() => open('x'.repeat(21)), { code: 'NS_IPMI_CREDENTIALS', message: /at most 20 bytes/ });
  t.throws(() => open(''), { code: 'NS_IPMI_CREDENTIALS' });
  open('x'.repeat(16));
  t.equal(told, 0);
  open('x'.repeat(17));
  open('x'.repeat(20));
  t.equal(told, 2);
  t.end();
});
