import t from 'tap';
import { milliseconds, minutes, seconds } from '../../../src/base/index.ts';
import { lanRig } from '../../kit/lan-rig.ts';

await t.test(
  'a wrong password costs two round trips, and nothing more for a minute, then an hour',
  async (t) => {
    const { client, settle, bmcs, clock } = lanRig({ password: 'wrong' });
    const ask = (): Promise<unknown> =>
      t.rejects(settle(client.chassisStatus()), { code: 'NS_IPMI_CREDENTIALS', retryable: false });
    await ask();
    // Open Session, RAKP 1, and the word that frees the half-open session.
    t.same(
      bmcs[0]?.heard.map((bytes) => bytes[5]),
      [0x10, 0x12, 0x14],
    );
    for (let n = 0; n < 50; n += 1) await ask();
    t.equal(bmcs.length, 1);
    await clock.advance(minutes(1));
    await ask();
    t.equal(bmcs.length, 2);
    for (let n = 0; n < 24 * 60; n += 1) {
      await clock.advance(minutes(1));
      await ask();
    }
    t.ok(bmcs.length < 32, `${bmcs.length} tries in a day`);
  },
);

await t.test(
  'a BMC without sessions is left alone for a while, ever longer, and used again when it has some',
  async (t) => {
    let status = 1;
    const { client, settle, bmcs, clock } = lanRig({ bmc: { openStatus: () => status } });
    const busy = { code: 'NS_IPMI_BUSY', retryable: true };
    await t.rejects(settle(client.chassisStatus()), { ...busy, message: /no session left/ });
    await t.rejects(settle(client.chassisStatus()), { ...busy, message: /not asked again for 2 s/ });
    t.equal(bmcs.length, 1);
    for (let n = 0; n < 600; n += 1) {
      await clock.advance(seconds(1));
      await t.rejects(settle(client.chassisStatus()), busy);
    }
    t.ok(bmcs.length < 20, `${bmcs.length} tries in ten minutes`);
    status = 0;
    await clock.advance(seconds(61));
    t.ok((await settle(client.chassisStatus())).powerOn);
    status = 1;
    await clock.advance(seconds(61));
    await t.rejects(settle(client.chassisStatus()), busy);
    const before = bmcs.length;
    await clock.advance(seconds(2));
    await t.rejects(settle(client.chassisStatus()), busy);
    t.equal(bmcs.length, before + 1, 'the pause is short again');
  },
);

await t.test('closing takes half a second at most, whatever the BMC does', async (t) => {
  let dead = false;
  const { client, settle, clock, bmcs } = lanRig({ bmc: { mangle: (bytes) => (dead ? [] : [bytes]) } });
  await settle(client.chassisStatus());
  dead = true;
  const pending = Promise.allSettled([client.chassisControl('off'), client.chassisStatus()]);
  await clock.advance(milliseconds(300));
  const before = clock.monotonic();
  await settle(client.close());
  t.ok(clock.monotonic() - before <= 500);
  t.match(await pending, [{ reason: { code: 'NS_IPMI_CLOSED' } }, { reason: { code: 'NS_IPMI_CLOSED' } }]);
  t.equal(bmcs[0]?.requests.filter(({ command }) => command === 0x3c).length, 2, 'told twice');
  t.equal(clock.waiting, 0);
  t.ok(bmcs.every(({ closed }) => closed));
  await t.rejects(client.chassisStatus(), { code: 'NS_IPMI_CLOSED' });
});
