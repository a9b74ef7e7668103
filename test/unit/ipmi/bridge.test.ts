import t from 'tap';
import { concatBytes } from '../../../src/base/index.ts';
import { decodeRequest, encodeResponse, type IpmiRequest } from '../../../src/ipmi/wire/message.ts';
import { lanRig, STATUS } from '../../kit/lan-rig.ts';
import type { SmallBmcOptions } from '../../kit/small-bmc.ts';

const NONE = new Uint8Array(0);
const SATELLITE = { channel: 0, address: 0x72 };

/** What a controller at 72h answers to the request within Send Message. */
const ofSatellite = (request: IpmiRequest): Uint8Array => {
  const inner = decodeRequest(request.data.subarray(1));
  return encodeResponse({ ...inner, netFn: inner.netFn + 1, completion: 0, data: STATUS }, 0x20, 0x72);
};
const isSend = ({ netFn, command }: IpmiRequest): boolean => netFn === 6 && command === 0x34;

/** Says it has handed the request on; then the controller's answer, by itself or within. */
const behindBy = (alter: NonNullable<SmallBmcOptions['alter']>, answer = NONE): Partial<SmallBmcOptions> => ({
  answer: (request) => (isSend(request) ? [0, answer] : [0, request.data]),
  alter,
});

await t.test('a controller behind a BMC answers after the BMC, or within its answer', async (t) => {
  const rows: Partial<SmallBmcOptions>[] = [
    behindBy((message, request) => (isSend(request) ? [message, ofSatellite(request)] : [message])),
    // Its answer is the faster one.
    behindBy((message, request) => (isSend(request) ? [ofSatellite(request), message] : [message])),
    {
      answer: (request) => (isSend(request) ? [0, ofSatellite(request)] : [0, request.data]),
    },
  ];
  for (const bmc of rows) {
    const { client, settle, bmcs } = lanRig({ bmc });
    const satellite = client.behind(SATELLITE);
    for (let n = 0; n < 70; n += 1) t.ok((await settle(satellite.chassisStatus())).powerOn);
    const request = bmcs[0]!.requests.find(isSend)!;
    t.equal(request.data[0], 0x40);
    const inner = decodeRequest(request.data.subarray(1));
    t.match(inner, { netFn: 0, command: 1, requester: 0x20, sequence: request.sequence });
    t.equal(request.data[1], 0x72);
    t.equal(bmcs.length, 1);
  }
});

await t.test(
  'where the BMC cannot hand it on, it says why; where nobody answers, time ends it',
  async (t) => {
    const refusing = lanRig({ bmc: { answer: (request) => (isSend(request) ? [0x83, NONE] : [0, STATUS]) } });
    await t.rejects(refusing.settle(refusing.client.behind(SATELLITE).chassisStatus()), {
      code: 'NS_IPMI_COMPLETION',
      completion: 0x83,
      message: /nobody has that address/,
    });
    t.ok((await refusing.settle(refusing.client.chassisStatus())).powerOn);
    t.equal(refusing.bmcs.length, 1, 'in the same session');
    const silent = lanRig({ bmc: behindBy((message) => [message]) });
    await t.rejects(silent.settle(silent.client.behind(SATELLITE).chassisStatus()), {
      code: 'NS_IPMI_SILENT',
    });
    t.ok(silent.clock.monotonic() <= 6000);
  },
);

await t.test("a deed is handed on once, and the BMC's own answers are not the controller's", async (t) => {
  const own = (request: IpmiRequest): Uint8Array =>
    encodeResponse({
      ...request,
      netFn: 1,
      command: 2,
      completion: 0,
      data: NONE,
      sequence: (request.sequence + 1) % 64,
    });
  const { client, settle, bmcs } = lanRig({
    bmc: behindBy((message, request) => (isSend(request) ? [own(request), message] : [message])),
  });
  await t.rejects(settle(client.behind(SATELLITE).chassisControl('reset')), { code: 'NS_IPMI_SILENT' });
  t.equal(bmcs.flatMap(({ requests }) => requests).filter(isSend).length, 1);
});

await t.test('what stands within an answer and cannot be read is an error of the BMC', async (t) => {
  const { client, settle } = lanRig({
    bmc: {
      answer: (request) =>
        isSend(request) ? [0, concatBytes(ofSatellite(request), NONE).fill(1)] : [0, STATUS],
    },
  });
  await t.rejects(settle(client.behind(SATELLITE).chassisStatus()), {
    code: 'NS_IPMI_MESSAGE',
    family: 'peer',
  });
});
