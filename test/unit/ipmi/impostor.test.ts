import t from 'tap';
import { utf8 } from '../../../src/base/index.ts';
import { userKey } from '../../../src/ipmi/index.ts';
import { deeds, lanRig, STATUS } from '../../kit/lan-rig.ts';

const flip = (bytes: Uint8Array, place: number): Uint8Array =>
  Uint8Array.from(bytes, (byte, n) => (n === place ? byte ^ 1 : byte));

for (const suite of [3, 17] as const) {
  await t.test(`suite ${suite}: every byte of the codes of RAKP 2 and RAKP 4 counts`, async (t) => {
    const rows = [
      { packet: 2, from: 16 + 40, size: suite === 3 ? 20 : 32, code: 'NS_IPMI_CREDENTIALS', heard: 3 },
      { packet: 3, from: 16 + 8, size: suite === 3 ? 12 : 16, code: 'NS_IPMI_SESSION', heard: 3 },
    ];
    for (const { packet, from, size, code, heard } of rows) {
      for (let n = 0; n < size; n += 1) {
        const { client, settle, bmcs } = lanRig({
          suite,
          bmc: { mangle: (bytes, count) => [count === packet ? flip(bytes, from + n) : bytes] },
        });
        await t.rejects(settle(client.chassisStatus()), { code });
        t.equal(bmcs.length, 1);
        t.equal(bmcs[0]?.heard.length, heard);
        t.equal(bmcs[0]?.requests.length, 0, 'no command goes to an impostor');
      }
    }
  });
}

await t.test('an answer of long ago, replayed under the same request number, is not taken', async (t) => {
  const old: Uint8Array[] = [];
  const { client, settle } = lanRig({
    bmc: {
      answer: (request) => [0, request.data],
      mangle(bytes, n) {
        if (n <= 3) return [bytes];
        const replayed = old.slice(-64, -60);
        old.push(bytes);
        return [...replayed, ...old.slice(0, 3), bytes];
      },
    },
  });
  for (let n = 0; n < 200; n += 1) {
    const data = Uint8Array.of(n, 7);
    t.same(await settle(client.raw(0x30, 1, data, { level: 'user', repeatable: true })), data);
  }
});

await t.test("what the client has sent, sent back to it, is nobody's answer", async (t) => {
  const { client, settle, bmcs } = lanRig({
    bmc: { mangle: (bytes) => [...(bmcs[0]?.heard ?? []), bytes, ...(bmcs[0]?.heard ?? [])] },
  });
  for (let n = 0; n < 5; n += 1) t.ok((await settle(client.chassisStatus())).powerOn);
  t.equal(bmcs.length, 1);
});

await t.test('a BMC that tells level 0, or any other, as granted is served all the same', async (t) => {
  for (const grantedLevel of [0, 1, 4, 5, 0xff]) {
    const { client, settle } = lanRig({ bmc: { grantedLevel } });
    await t.resolves(settle(client.chassisControl('off')));
  }
});

await t.test('what comes late for one question is no answer to the next', async (t) => {
  let late: Uint8Array | undefined;
  let hold = false;
  const { client, settle } = lanRig({
    bmc: {
      answer: ({ command, data }) => [0, command === 1 ? data : STATUS],
      mangle(bytes) {
        if (hold) {
          late = bytes;
          return [];
        }
        const before = late === undefined ? [] : [late];
        late = undefined;
        return [...before, bytes];
      },
    },
  });
  const stop = new AbortController();
  const ask = (n: number, signal?: AbortSignal): Promise<Uint8Array> =>
    client.raw(0x30, 1, Uint8Array.of(n), { level: 'user' }, signal);
  t.same(await settle(ask(1)), Uint8Array.of(1));
  hold = true;
  const left = Promise.allSettled([ask(2, stop.signal)]);
  for (let n = 0; n < 20; n += 1) await new Promise<void>((resolve) => setImmediate(resolve));
  stop.abort(new Error('enough'));
  await left;
  hold = false;
  t.ok(late !== undefined);
  t.same(await settle(ask(3)), Uint8Array.of(3));
});

await t.test(
  'a BMC that starts anew in the middle: questions find the new session, deeds are done once',
  async (t) => {
    for (let step = 1; step <= 6; step += 1) {
      const { client, settle, bmcs } = lanRig({
        bmc: { mangle: (bytes, count) => (bmcs.length === 1 && count >= step ? [] : [bytes]) },
      });
      const status = (): Promise<boolean> =>
        settle(client.chassisStatus()).then(
          ({ powerOn }) => powerOn,
          (error: { code?: string }) => {
            if (error.code !== 'NS_IPMI_SILENT') throw error;
            return false;
          },
        );
      await status();
      t.ok(await status(), `from packet ${step} on`);
      t.ok(bmcs.length <= 2);
      await settle(client.chassisControl('off'));
      t.equal(deeds(bmcs), 1);
    }
  },
);

await t.test('a password of 17 to 20 bytes is whole or it is wrong; one of 21 is refused', async (t) => {
  const long = 'exactly twenty bytes';
  for (const length of [16, 17, 20]) {
    const password = long.slice(0, length);
    const right = lanRig({ password, bmc: { key: userKey(utf8(password)) } });
    t.ok((await right.settle(right.client.chassisStatus())).powerOn);
    if (length === 16) continue;
    const short = lanRig({ password: long.slice(0, length - 1), bmc: { key: userKey(utf8(password)) } });
    await t.rejects(short.settle(short.client.chassisStatus()), { code: 'NS_IPMI_CREDENTIALS' });
  }
  t.throws(() => userKey(utf8(`${long}!`)), { code: 'NS_IPMI_CREDENTIALS' });
});
