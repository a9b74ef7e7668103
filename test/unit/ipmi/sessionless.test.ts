import t from 'tap';
import { SeededEntropy, VirtualClock } from '../../../src/adapters/sim/index.ts';
import { milliseconds, seconds } from '../../../src/base/index.ts';
import { discover, SessionlessCarrier } from '../../../src/ipmi/index.ts';
import { decodeRequest, encodeResponse, type IpmiRequest } from '../../../src/ipmi/wire/message.ts';
import { decodePacket, encodeSessionless } from '../../../src/ipmi/wire/packet.ts';
import { hex } from '../../kit/canned-carrier.ts';

const never = new AbortController().signal;
const CAPABILITIES = hex('01 97 04 03 00 00 00 00');

/** A BMC before any session; `answer` gives the datagrams that come for a request. */
function rig(answer: (request: IpmiRequest) => readonly Uint8Array[]) {
  const clock = new VirtualClock();
  let [opened, closed] = [0, 0];
  const carrier = new SessionlessCarrier({
    clock,
    entropy: new SeededEntropy(1),
    patience: { first: milliseconds(200), tries: 3, total: seconds(2) },
    async openDatagram() {
      opened += 1;
      let hear: ((bytes: Uint8Array) => void) | undefined;
      return {
        peer: 'bmc:623',
        async send(bytes) {
          const packet = decodePacket(bytes, () => undefined);
          if (packet.is !== 'sessionless') return;
          for (const each of answer(decodeRequest(packet.message))) queueMicrotask(() => hear?.(each));
        },
        onMessage(listener) {
          hear = listener;
          return () => {
            hear = undefined;
          };
        },
        async close() {
          closed += 1;
        },
      };
    },
  });
  return {
    discover: () => clock.settle(discover(carrier, never), seconds(60)),
    clock,
    sockets: () => ({ opened, closed }),
  };
}

const reply = (request: IpmiRequest, completion: number, data: Uint8Array): Uint8Array =>
  encodeSessionless(encodeResponse({ ...request, netFn: request.netFn + 1, completion, data }));

void t.test('junk, and answers to other questions, are passed over', async (t) => {
  const { discover, sockets } = rig((request) => {
    const data = request.command === 0x38 ? CAPABILITIES : hex('01 c0 11 03 44 81');
    const good = reply(request, 0, data);
    const damaged = Uint8Array.from(good, (byte, n) => (n === 18 ? byte ^ 1 : byte));
    const other = reply({ ...request, sequence: (request.sequence + 1) % 64 }, 0, hex('ff'));
    return [hex('06'), damaged, other, reply({ ...request, command: 0x01 }, 0, hex('ff')), good];
  });
  t.match(await discover(), { capabilities: { ipmi20: true }, suites: [{ id: 17 }] });
  t.same(sockets(), { opened: 2, closed: 2 });
});

void t.test('a BMC that does not tell its suites is known all the same, in bounded time', async (t) => {
  const silent = rig((request) => (request.command === 0x38 ? [reply(request, 0, CAPABILITIES)] : []));
  t.match(await silent.discover(), { capabilities: { ipmi20: true }, suites: undefined });
  t.ok(silent.clock.monotonic() <= 2000);
  t.equal(silent.clock.waiting, 0);
  const refusing = rig((request) => [
    request.command === 0x38 ? reply(request, 0, CAPABILITIES) : reply(request, 0xd4, hex('')),
  ]);
  t.match(await refusing.discover(), { suites: undefined });
  const deaf = rig(() => []);
  await t.rejects(deaf.discover(), { code: 'NS_IPMI_SILENT' });
  t.same(deaf.sockets(), { opened: 1, closed: 1 });
});
