import t from 'tap';
import { toHex } from '../../../../../src/base/index.ts';
import type { Caller, CallerSession } from '../../../../../src/ipmi/bmc/command.ts';
import { commands as c, IpmiClient, type Level } from '../../../../../src/ipmi/index.ts';
import { hex } from '../../../../kit/canned-carrier.ts';
import { FakeHostConsole } from '../../../../kit/fake-host-console.ts';
import { solBench } from '../../../../kit/sol-bench.ts';

const ACTIVATE = '01 01 c6 00 00 00';
const DEACTIVATE = '01 01 00 00 00 00';

/** A session by hand: what it is sent, and its end. */
function aSession(handle: number) {
  const sent: Uint8Array[] = [];
  const closed: (() => void)[] = [];
  const heard: ((payload: Uint8Array) => void)[] = [];
  const session: CallerSession = {
    handle,
    id: 0x1000 + handle,
    limit: 'administrator',
    peer: `10.0.0.${handle}:50000`,
    setLevel: () => {},
    close: () => {},
    send: (_, payload) => sent.push(payload),
    onPayload: (_, listener) => {
      heard.push(listener);
      return () => heard.splice(heard.indexOf(listener), 1);
    },
    onClose: (listener) => {
      closed.push(listener);
      return () => closed.splice(closed.indexOf(listener), 1);
    },
  };
  const end = (): void => {
    for (const listener of [...closed]) listener();
  };
  return { session, sent, heard, end };
}

function rig(options: Parameters<typeof solBench>[0] = {}) {
  const bench = solBench(options);
  const user = (session: CallerSession, level: Level): Caller => ({
    is: 'user',
    name: 'anna',
    level,
    session,
  });
  const ask = async (netFn: number, command: number, data: string, caller: Caller): Promise<string> => {
    const answer = await bench.commands.answer({ netFn, command, lun: 0, data: hex(data) }, caller);
    return [answer.completion.toString(16).padStart(2, '0'), toHex(answer.data)].join(' ').trim();
  };
  return { ...bench, user, ask };
}

await t.test('the console is taken by one session, told of, and given back', async (t) => {
  const { ask, user } = rig();
  const [one, two] = [aSession(1), aSession(2)];
  const [anna, bert] = [user(one.session, 'operator'), user(two.session, 'operator')];
  t.equal(await ask(6, 0x4a, '01', anna), '00 010000');
  t.equal(await ask(6, 0x4b, '01 01', anna), '00 000000000000000000000000');
  t.equal(await ask(6, 0x48, ACTIVATE, anna), '00 00000000c800c8006f02ffff');
  t.equal(await ask(6, 0x4a, '01', bert), '00 010100');
  t.equal(await ask(6, 0x4b, '01 01', bert), '00 011000000000000000000000');
  t.equal(await ask(6, 0x48, ACTIVATE, bert), '80');
  t.equal(await ask(6, 0x48, ACTIVATE, anna), '80', 'not twice by one either');
  t.equal(await ask(6, 0x49, DEACTIVATE, anna), '00');
  t.equal(await ask(6, 0x49, DEACTIVATE, anna), '80');
  t.same(one.sent, [], 'whoever gives it back needs no word of it');
  t.equal(await ask(6, 0x48, ACTIVATE, bert), '00 00000000c800c8006f02ffff');
  t.equal(await ask(6, 0x49, DEACTIVATE, anna), '00');
  t.same(two.sent.map(toHex), ['00000010'], 'whoever loses it gets one');
});

await t.test('a session that is over has it no more, also where it was over before', async (t) => {
  const { ask, user, host } = rig();
  const [one, two] = [aSession(1), aSession(2)];
  await ask(6, 0x48, ACTIVATE, user(one.session, 'operator'));
  one.end();
  t.equal(host.listeners, 0);
  t.equal(one.heard.length, 0);
  const over: CallerSession = {
    ...two.session,
    onClose(listener) {
      listener();
      return () => {};
    },
  };
  t.match(await ask(6, 0x48, ACTIVATE, user(over, 'operator')), /^00/);
  t.equal(host.listeners, 0);
  t.equal(await ask(6, 0x4a, '01', user(one.session, 'user')), '00 010000');
});

await t.test('a plain console, another payload and another instance are refused', async (t) => {
  const { ask, user, host } = rig();
  const anna = user(aSession(1).session, 'administrator');
  for (const auxiliary of ['00', '80', '40', '06']) {
    t.equal(await ask(6, 0x48, `01 01 ${auxiliary} 00 00 00`, anna), '84');
  }
  t.equal(await ask(6, 0x48, '01 02 c6 00 00 00', anna), 'cc');
  t.equal(await ask(6, 0x48, '02 01 c6 00 00 00', anna), 'cc');
  t.equal(await ask(6, 0x48, '01 01 c6 00 00', anna), 'c7');
  t.equal(await ask(6, 0x49, '01 02 00 00 00 00', anna), 'cc');
  t.equal(host.listeners, 0);
});

await t.test('operators have the console, users do not; the board may ask for more', async (t) => {
  const normal = rig();
  const session = aSession(1).session;
  t.equal(await normal.ask(6, 0x48, ACTIVATE, normal.user(session, 'user')), 'd4');
  t.equal(await normal.ask(6, 0x49, DEACTIVATE, normal.user(session, 'user')), 'd4');
  const strict = rig({ level: 'administrator' });
  t.equal(await strict.ask(6, 0x48, ACTIVATE, strict.user(session, 'operator')), 'd4');
  t.match(await strict.ask(6, 0x48, ACTIVATE, strict.user(session, 'administrator')), /^00/);
  t.equal(await strict.ask(6, 0x48, ACTIVATE, { is: 'host' }), 'c1', 'the host has no business with it');
  t.equal(await strict.ask(6, 0x48, ACTIVATE, { is: 'nobody' }), 'd4');
});

await t.test('payloads of the channel are told', async (t) => {
  const { ask, user } = rig();
  const anna = user(aSession(1).session, 'administrator');
  t.equal(await ask(6, 0x4e, '0e', anna), '00 03003f0000000000');
  t.equal(await ask(6, 0x4e, '02', anna), 'cc');
  t.equal(await ask(6, 0x4f, '01 01', anna), '00 10');
  t.equal(await ask(6, 0x4f, '01 02', anna), '80');
  t.equal(await ask(6, 0x4d, '01 02', anna), '00 02000000');
  t.equal(await ask(6, 0x4c, '01 02 02 00 00 00', anna), '00', 'as it is');
  t.equal(await ask(6, 0x4c, '01 42 02 00 00 00', anna), 'd6', 'not switched off by the network');
});

await t.test('our client reads how SOL is set, and sets it to nothing else', async (t) => {
  const { commands, user, clock } = rig({ level: 'administrator' });
  const caller = user(aSession(1).session, 'administrator');
  const ipmi = new IpmiClient({
    carrier: {
      carry: ({ netFn, command, lun = 0, data }) => commands.answer({ netFn, command, lun, data }, caller),
    },
    clock,
  });
  t.match(await ipmi.solConfiguration(), {
    enabled: true,
    forceEncryption: true,
    forceAuthentication: true,
    level: 'administrator',
    bitRate: 115_200,
    channel: 1,
    port: 623,
  });
  const set = (value: c.SolParameter) => ipmi.run(c.setSolConfigurationParameters, { value });
  await set({ is: 'set-in-progress', state: 'in progress' });
  await set({ is: 'enable', enabled: true });
  await t.rejects(set({ is: 'enable', enabled: false }), { message: /can only be read/ });
  await t.rejects(
    set({ is: 'authentication', forceEncryption: false, forceAuthentication: true, level: 'administrator' }),
    { message: /can only be read/ },
  );
  await t.rejects(set({ is: 'other', parameter: 99, data: Uint8Array.of(0) }), { message: /does not have/ });
  t.same(await ipmi.run(c.getChannelPayloadSupport, {}), [0, 1, 16, 17, 18, 19, 20, 21]);
  t.same(await ipmi.run(c.getPayloadActivationStatus, {}), { capacity: 1, active: [] });
});

await t.test(
  'whoever has it at another door keeps it, and one who may takes it from a session',
  async (t) => {
    const host = new FakeHostConsole();
    const claims: { readonly who: string; readonly onTaken: () => void }[] = [];
    let free = false;
    let released = 0;
    const console = Object.assign(host, {
      claim: (who: string, onTaken: () => void) => {
        if (!free) return { ok: false, holder: 'tim at the console' } as const;
        claims.push({ who, onTaken });
        const release = (): void => {
          released += 1;
        };
        return { ok: true, release } as const;
      },
    });
    const { ask, user } = rig({ console });
    const { session, sent } = aSession(1);
    const anna = user(session, 'operator');
    t.equal(await ask(6, 0x48, ACTIVATE, anna), '80', 'somebody else has it');
    free = true;
    t.match(await ask(6, 0x48, ACTIVATE, anna), /^00/);
    t.equal(claims[0]!.who, 'IPMI user anna at 10.0.0.1:50000');
    claims[0]!.onTaken();
    t.same(sent.at(-1), Uint8Array.of(0, 0, 0, 0x10), 'it is told that it has it no more');
    t.equal(released, 1);
    t.match(await ask(6, 0x48, ACTIVATE, anna), /^00/);
    await ask(6, 0x49, DEACTIVATE, anna);
    t.equal(released, 2);
  },
);
