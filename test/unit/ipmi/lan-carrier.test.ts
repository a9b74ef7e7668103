import t from 'tap';
import { SeededEntropy, VirtualClock } from '../../../src/adapters/sim/index.ts';
import { milliseconds, seconds, utf8 } from '../../../src/base/index.ts';
import { type Command, runCommand } from '../../../src/ipmi/command.ts';
import { chassisControl } from '../../../src/ipmi/commands/chassis-control.ts';
import { getChassisStatus } from '../../../src/ipmi/commands/get-chassis-status.ts';
import { getDeviceId } from '../../../src/ipmi/commands/get-device-id.ts';
import { CIPHER_SUITES, type CipherSuiteId, LanCarrier, userKey } from '../../../src/ipmi/index.ts';
import type { IpmiRequest } from '../../../src/ipmi/wire/message.ts';
import { SmallBmc, type SmallBmcOptions } from '../../kit/small-bmc.ts';

const key = userKey(utf8('correct horse'));
const never = new AbortController().signal;
const NONE = new Uint8Array(0);

function obey(request: IpmiRequest): readonly [number, Uint8Array] {
  if (request.netFn === 0 && request.command === 1) return [0, Uint8Array.of(0x21, 0x10, 0x40)];
  if (request.netFn === 0 && request.command === 2) return [0, NONE];
  if (request.netFn === 6 && request.command === 0x3b) return [0, request.data];
  if (request.netFn === 6 && request.command === 1) {
    return [0, Uint8Array.of(0x20, 0x81, 0x02, 0x17, 0x02, 0xbf, 0x11, 0x92, 0, 0x0f, 0xf0)];
  }
  return [0xc1, NONE];
}

function rig(
  options: Partial<SmallBmcOptions> = {},
  suites: readonly CipherSuiteId[] = [17],
  keepAlive?: number,
  within?: number,
) {
  const clock = new VirtualClock();
  const bmcs: SmallBmc[] = [];
  const used: CipherSuiteId[] = [];
  const carrier = new LanCarrier({
    openDatagram: async () => {
      const bmc = new SmallBmc({ suite: CIPHER_SUITES[17], key, user: 'admin', answer: obey, ...options });
      bmcs.push(bmc);
      return bmc;
    },
    clock,
    entropy: new SeededEntropy(2),
    login: { user: 'admin', key, level: 'administrator' },
    suites,
    onSuite: (suite) => used.push(suite),
    patience: { first: milliseconds(200), tries: 3, total: seconds(3) },
    idle: seconds(45),
    ...(keepAlive === undefined ? {} : { keepAlive: seconds(keepAlive) }),
    ...(within === undefined ? {} : { within: seconds(within) }),
  });
  const run = <A, R>(command: Command<A, R>, args: A): Promise<R> =>
    clock.settle(runCommand(carrier, command, args, never), seconds(120));
  return { clock, carrier, bmcs, used, run };
}

void t.test('a status from cold takes four round trips, and one from then on', async (t) => {
  const { run, bmcs } = rig();
  const status = await run(getChassisStatus, undefined);
  t.match(status, { powerOn: true, restorePolicy: 'previous', identify: 'off' });
  t.ok(status.lastPowerEvent.onByIpmi);
  t.equal(bmcs[0]?.heard.length, 4);
  await run(getChassisStatus, undefined);
  t.equal(bmcs[0]?.heard.length, 5);
  t.match(await run(getDeviceId, undefined), {
    firmware: '2.17',
    ipmiVersion: '2.0',
    manufacturerId: 0x9211,
  });
});

void t.test('the privilege is raised only as far, and only when, a command needs it', async (t) => {
  const { run, bmcs } = rig();
  await run(getChassisStatus, undefined);
  t.notOk(bmcs[0]?.requests.some((r) => r.command === 0x3b));
  await run(chassisControl, 'off');
  await run(chassisControl, 'soft');
  const raised = bmcs[0]?.requests.filter((r) => r.command === 0x3b) ?? [];
  t.same(
    raised.map((r) => r.data[0]),
    [3],
  );
});

void t.test('commands given at once go one after another', async (t) => {
  const { carrier, bmcs, clock } = rig();
  const many = Array.from({ length: 60 }, () => runCommand(carrier, getChassisStatus, undefined, never));
  const all = await clock.settle(Promise.all(many), seconds(60));
  t.equal(all.length, 60);
  t.equal(bmcs.length, 1);
});

void t.test('more than can wait are turned away', async (t) => {
  const { carrier, clock } = rig();
  const many = Array.from({ length: 80 }, () => runCommand(carrier, getChassisStatus, undefined, never));
  const ends = await clock.settle(Promise.allSettled(many), seconds(60));
  const refused = ends.filter((end) => end.status === 'rejected');
  t.equal(refused.length, 16);
  t.match(refused[0], { reason: { code: 'NS_IPMI_BUSY' } });
});

void t.test('a session that was idle too long is opened anew, and a kept one is not', async (t) => {
  const lazy = rig();
  await lazy.run(getChassisStatus, undefined);
  await lazy.clock.advance(seconds(50));
  await lazy.run(getChassisStatus, undefined);
  t.equal(lazy.bmcs.length, 2);

  const kept = rig({}, [17], 20);
  await kept.run(getChassisStatus, undefined);
  await kept.clock.advance(seconds(300));
  await kept.run(getChassisStatus, undefined);
  t.equal(kept.bmcs.length, 1);
  await kept.clock.settle(kept.carrier.close(), seconds(10));
  t.equal(kept.clock.waiting, 0);
  t.match(kept.bmcs[0]?.requests.at(-1), { command: 0x3c });
});

void t.test(
  'a session that the BMC forgot is opened anew once, for a question and not for a deed',
  async (t) => {
    let deaf = false;
    const { run, bmcs } = rig({ mangle: (bytes) => (deaf ? [] : [bytes]) });
    await run(getChassisStatus, undefined);
    deaf = true;
    await t.rejects(run(getChassisStatus, undefined), { code: 'NS_IPMI_SILENT' });
    t.equal(bmcs.length, 2);
    deaf = false;
    await run(chassisControl, 'off');
    deaf = true;
    await t.rejects(run(chassisControl, 'reset'), { code: 'NS_IPMI_SILENT' });
    t.equal(bmcs.flatMap((bmc) => bmc.requests).filter((r) => r.netFn === 0 && r.data[0] === 3).length, 1);
  },
);

void t.test('a completion code is an error with the words of the specification', async (t) => {
  const { run } = rig({ answer: () => [0xd4, NONE] });
  await t.rejects(run(getChassisStatus, undefined), { code: 'NS_IPMI_COMPLETION', completion: 0xd4 });
});

void t.test('an answer that is too short is a fault of the BMC', async (t) => {
  const { run } = rig({ answer: () => [0, Uint8Array.of(1)] });
  await t.rejects(run(getChassisStatus, undefined), { code: 'NS_BYTES_SHORT', family: 'peer' });
});

void t.test('once suite 17 has worked, nothing weaker is tried', async (t) => {
  let refuse = false;
  const { run, used, bmcs, clock } = rig(
    {
      mangle: (bytes) =>
        refuse && bytes[5] === 0x11 ? [Uint8Array.from(bytes, (b, i) => (i === 17 ? 0x11 : b))] : [bytes],
    },
    [17, 3],
  );
  await run(getChassisStatus, undefined);
  t.same(used, [17]);
  refuse = true;
  await clock.advance(seconds(50));
  await t.rejects(run(getChassisStatus, undefined), { code: 'NS_IPMI_SUITE' });
  t.equal(bmcs.length, 2);
});

void t.test('where 17 is refused and 3 is not allowed, both are said', async (t) => {
  const refusing = (suites: readonly (17 | 3)[]) =>
    rig(
      {
        mangle: (bytes) => [
          bytes[5] === 0x11 ? Uint8Array.from(bytes, (b, i) => (i === 17 ? 0x11 : b)) : bytes,
        ],
      },
      suites,
    ).run(getChassisStatus, undefined);
  const code = 'NS_IPMI_SUITE';
  await t.rejects(refusing([17]), {
    code,
    message: /refuses the cipher suite \(11h\); only .* 17 was tried, as 3/,
  });
  await t.rejects(refusing([17, 3]), { code, message: /refuses the cipher suite \(11h\) \[/ });
});

void t.test(
  'suite 3 is tried where 17 is refused and 3 is allowed, and not for a wrong password',
  async (t) => {
    const old = rig({ suite: CIPHER_SUITES[3], answer: obey }, [17, 3]);
    await t.rejects(old.run(getChassisStatus, undefined), { code: 'NS_IPMI_SESSION' });
    const refusing = rig(
      {
        suite: CIPHER_SUITES[3],
        mangle: (bytes, n) =>
          n === 1 && refusing.bmcs.length === 1
            ? [Uint8Array.from(bytes, (b, i) => (i === 17 ? 0x11 : b))]
            : [bytes],
      },
      [17, 3],
    );
    await refusing.run(getChassisStatus, undefined);
    t.same(refusing.used, [3]);
  },
);

void t.test('a command has one deadline, however much of it the session takes', async (t) => {
  let heard = 0;
  // Every first answer gets lost, so that each step of set-up takes its time; from the third step on none comes.
  const slow = rig(
    {
      mangle: (bytes) => {
        heard += 1;
        return heard % 3 === 0 && heard < 8 ? [bytes] : [];
      },
    },
    [17],
    undefined,
    4,
  );
  await t.rejects(slow.run(getChassisStatus, undefined), { code: 'NS_IPMI_SILENT', retryable: true });
  t.ok(slow.clock.monotonic() <= 4000);
  const many = Array.from({ length: 20 }, () => runCommand(slow.carrier, getChassisStatus, undefined, never));
  const begin = slow.clock.monotonic();
  const ends = await slow.clock.settle(Promise.allSettled(many), seconds(100));
  t.ok(ends.every((end) => end.status === 'rejected'));
  t.ok(slow.clock.monotonic() - begin <= 4000, 'those who wait have it too');
  t.equal(slow.clock.waiting, 0);
});

void t.test('a deed finds a new session where the old one was forgotten before it was sent', async (t) => {
  let forgotten = false;
  const { run, bmcs } = rig({ mangle: (bytes) => (forgotten && bmcs.length === 1 ? [] : [bytes]) });
  await run(getChassisStatus, undefined);
  forgotten = true;
  await run(chassisControl, 'off');
  const orders = bmcs.map((bmc) => bmc.requests.filter((r) => r.netFn === 0 && r.command === 2).length);
  t.same(orders, [0, 1]);
});

void t.test('a privilege that is refused leaves the session open for lesser commands', async (t) => {
  const { run, bmcs } = rig({
    answer: (request) => (request.command === 0x3b ? [0x81, NONE] : obey(request)),
  });
  await t.rejects(run(chassisControl, 'off'), {
    code: 'NS_IPMI_COMPLETION',
    completion: 0x81,
    message: /above the limit/,
  });
  t.ok((await run(getChassisStatus, undefined)).powerOn);
  t.equal(bmcs.length, 1);
});
