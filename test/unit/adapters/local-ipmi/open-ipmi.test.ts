import { constants } from 'node:os';
import t from 'tap';
import { openDriver } from '../../../../src/adapters/local-ipmi/driver-file.ts';
import { localIpmiClient, OpenIpmiCarrier } from '../../../../src/adapters/local-ipmi/open-ipmi.ts';
import { VirtualClock } from '../../../../src/adapters/sim/index.ts';
import { seconds } from '../../../../src/base/index.ts';
import { IpmiClient } from '../../../../src/ipmi/index.ts';
import { hex } from '../../../kit/canned-carrier.ts';
import { type DriverRequest, FakeIpmiDriver } from '../../../kit/fake-ipmi-driver.ts';

const { EBUSY, EINVAL, EIO, ENODEV } = constants.errno;
const STATUS = hex('00 21 10 40');

function rig(word: 4 | 8, answer: (request: DriverRequest) => Uint8Array | undefined = () => STATUS) {
  const clock = new VirtualClock();
  const drivers: FakeIpmiDriver[] = [];
  const now = { gone: false };
  const carrier = new OpenIpmiCarrier({
    clock,
    within: seconds(10),
    async open() {
      if (now.gone) return undefined;
      const driver = new FakeIpmiDriver(word, answer);
      drivers.push(driver);
      return driver;
    },
  });
  const client = new IpmiClient({ carrier, clock, close: () => carrier.close() });
  const settle = <T>(promise: Promise<T>): Promise<T> => clock.settle(promise, seconds(60));
  return { clock, client, drivers, now, settle };
}

for (const word of [4, 8] as const) {
  await t.test(`${word * 8} bits: a command goes to the BMC itself, and its answer comes back`, async (t) => {
    const { client, drivers, settle } = rig(word);
    t.match(await settle(client.chassisStatus()), { powerOn: true, restorePolicy: 'previous' });
    t.match(await settle(client.raw(6, 0x52, hex('07 ff'))), hex('21 10 40'));
    t.same(drivers[0]?.requests, [
      { address: hex('0c 00 00 00 0f 00 00 00'), id: 1, netFn: 0, command: 1, data: hex('') },
      { address: hex('0c 00 00 00 0f 00 00 00'), id: 2, netFn: 6, command: 0x52, data: hex('07 ff') },
    ]);
    t.equal(drivers.length, 1);
  });

  await t.test(`${word * 8} bits: a controller behind the BMC has its own address`, async (t) => {
    const { client, drivers, settle } = rig(word);
    await settle(client.behind({ channel: 7, address: 0x72 }).chassisStatus());
    t.same(drivers[0]?.requests[0]?.address, hex('01 00 00 00 07 00 72 00'));
    t.throws(() => client.behind({ channel: 0, address: 0x21 }), { code: 'NS_IPMI_ARGUMENT' });
  });

  await t.test(`${word * 8} bits: late and foreign answers, and events, are nobody's answer`, async (t) => {
    let silent = true;
    const { client, drivers, settle } = rig(word, () => (silent ? undefined : STATUS));
    await t.rejects(settle(client.chassisStatus()), { code: 'NS_IPMI_SILENT', retryable: true });
    const driver = drivers[0]!;
    silent = false;
    driver.deliver(1, 1, 1, 1, hex('00 20 00 00'));
    driver.deliver(1, -7, 1, 1, hex('00 20 00 00'));
    driver.deliver(2, 2, 1, 1, hex('00 20 00 00'));
    driver.deliver(3, 2, 0, 1, hex('00 20 00 00'));
    driver.deliver(1, 2, 7, 1, hex('00 20 00 00'));
    driver.deliver(1, 2, 1, 2, hex('00 20 00 00'));
    t.ok((await settle(client.chassisStatus())).powerOn);
  });

  await t.test(
    `${word * 8} bits: an answer that is too long or empty is an error, and no other answer`,
    async (t) => {
      let answer: Uint8Array = new Uint8Array(4000);
      const { client, settle } = rig(word, () => answer);
      await t.rejects(settle(client.chassisStatus()), { code: 'NS_IPMI_MESSAGE', message: /too long/ });
      answer = hex('');
      await t.rejects(settle(client.chassisStatus()), { code: 'NS_IPMI_MESSAGE', message: /empty/ });
      answer = hex('d4');
      await t.rejects(settle(client.chassisStatus()), { code: 'NS_IPMI_COMPLETION', completion: 0xd4 });
      answer = STATUS;
      t.ok((await settle(client.chassisStatus())).powerOn);
    },
  );
}

await t.test(
  'a driver that is busy, refuses, or fails: each its own error; a failed one is opened anew',
  async (t) => {
    const { client, drivers, settle, now, clock } = rig(8);
    await settle(client.chassisStatus());
    const [driver] = drivers;
    driver!.sendFails = EBUSY;
    await t.rejects(settle(client.chassisStatus()), { code: 'NS_IPMI_BUSY', retryable: true });
    driver!.sendFails = EINVAL;
    await t.rejects(settle(client.chassisStatus()), { code: 'NS_IPMI_ARGUMENT' });
    driver!.sendFails = ENODEV;
    await t.rejects(settle(client.chassisStatus()), { code: 'NS_IPMI_DEVICE', retryable: true });
    t.ok(driver!.closed);
    await settle(client.chassisStatus());
    t.equal(drivers.length, 2);
    drivers[1]!.receiveFails = EIO;
    await t.rejects(settle(client.chassisStatus()), { code: 'NS_IPMI_DEVICE' });
    now.gone = true;
    await t.rejects(settle(client.chassisStatus()), { code: 'NS_IPMI_DEVICE', message: /no IPMI driver/ });
    t.equal(clock.waiting, 0);
  },
);

await t.test(
  'what waits is bounded, in number and in time, and ends when the client is closed',
  async (t) => {
    const { client, settle, clock, drivers } = rig(8, () => undefined);
    const many = Array.from({ length: 70 }, () => client.chassisStatus());
    const ends = await settle(Promise.allSettled(many));
    const codes = ends.map((end) =>
      end.status === 'rejected' ? (end.reason as { code: string }).code : 'ok',
    );
    t.equal(codes.filter((code) => code === 'NS_IPMI_BUSY').length, 6);
    t.equal(codes.filter((code) => code === 'NS_IPMI_SILENT').length, 64);
    t.equal(clock.monotonic(), 10_000);
    const last = Promise.allSettled([client.chassisStatus()]);
    await settle(client.close());
    t.match(await last, [{ status: 'rejected', reason: { code: 'NS_IPMI_CLOSED' } }]);
    t.ok(drivers.every(({ closed }) => closed));
    t.equal(clock.waiting, 0);
  },
);

await t.test('a machine without the driver is no error; a file that is none is one', async (t) => {
  t.equal(await localIpmiClient({ paths: ['/dev/nightshift-no-such-driver'] }), undefined);
  await t.rejects(openDriver(['/dev']), { code: 'NS_IPMI_DEVICE' });
  const client = await localIpmiClient({ paths: ['/dev/nightshift-no-such-driver', '/dev/null'] });
  await t.rejects(client!.chassisStatus(), { code: 'NS_IPMI_DEVICE', message: /error 25/ });
  await client!.close();
});
