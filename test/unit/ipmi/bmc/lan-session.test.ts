import { readFileSync } from 'node:fs';
import t from 'tap';
import { fromHex, seconds, toHex, utf8 } from '../../../../src/base/index.ts';
import { getUserName } from '../../../../src/ipmi/commands/get-user-name.ts';
import { closeSession } from '../../../../src/ipmi/commands/index.ts';
import { LanChannel, SessionlessCarrier, userKey } from '../../../../src/ipmi/index.ts';
import { hex } from '../../../kit/canned-carrier.ts';
import { LAN_GUID, lanAccounts, lanBench } from '../../../kit/lan-bench.ts';

const ended = (completion: number) => ({ code: 'NS_IPMI_COMPLETION', completion });
const asUser = { level: 'user' } as const;
const never = new AbortController().signal;

for (const suite of [3, 17] as const) {
  await t.test(`suite ${suite}: our client logs in, is served, and logs out`, async (t) => {
    const { client, settle, events, deeds, lines, channel, clock, responder, net } = lanBench();
    const { ipmi, consoles } = client('admin', { suites: [suite] });
    t.match(await settle(ipmi.chassisStatus()), { powerOn: true, restorePolicy: 'previous' });
    t.equal(consoles[0]?.sent.length, 4);
    await settle(ipmi.chassisControl('off'));
    t.same(deeds, ['admin 0']);
    t.match(await settle(ipmi.sessionInfo()), {
      most: 16,
      active: 1,
      session: { handle: 1, user: 2, level: 3, channel: 1, rmcpPlus: true, from: { address: '10.0.0.7' } },
    });
    await settle(ipmi.close());
    t.match(events, [
      { is: 'login', user: 'admin', limit: 'administrator', suite, handle: 1 },
      { is: 'logout', user: 'admin', why: 'closed' },
    ]);
    t.equal(channel.sessions.size, 0);
    await clock.advance(seconds(2));
    t.equal(clock.waiting, 0, 'no timer is left where there is no session');
    await responder.close();
    t.ok(net.closed);
    t.same(lines, []);
  });
}

interface Vector {
  readonly password: string;
  readonly session: { readonly rc: string; readonly bmcSid: string };
  readonly packets: readonly { readonly dir: string; readonly hex: string; readonly type: string }[];
}

for (const [name, level] of [
  ['ipmitool-ipmisim-c3-power', 0],
  ['ipmitool-mini-c17-power', 4],
] as const) {
  await t.test(`${name}: the BMC's packets are made again byte for byte`, async (t) => {
    const vector = JSON.parse(readFileSync(`test/vectors/ipmi/${name}.json`, 'utf8')) as Vector;
    const setUp = vector.packets.filter((p) => /^(Open|RAKP)/i.test(p.type));
    const first = vector.packets.filter((p) => p.type === 'IPMI').slice(0, 2);
    t.equal(setUp.length, 6);
    const exchanged = [...setUp, ...first];
    const session = Uint8Array.from(fromHex(vector.session.bmcSid)).reverse();
    // In the order in which the BMC asks for them: a secret of its own, the session's id, Rc, an IV.
    const random = [
      new Uint8Array(32),
      session,
      fromHex(vector.session.rc),
      fromHex(exchanged[7]!.hex).subarray(16, 32),
    ];
    const guid = fromHex(exchanged[3]!.hex).subarray(16 + 24, 16 + 40);
    const entropy = {
      randomBytes: (count: number) => {
        const next = random.shift();
        if (next?.byteLength !== count) throw new Error(`${count} bytes`);
        return Uint8Array.from(next);
      },
      fraction: () => 0,
    };
    const admin = { ...lanAccounts[0]!, key: userKey(utf8(vector.password)) };
    const { net, settle } = lanBench({ entropy, guid, accounts: [admin] });
    const console = net.console();
    for (let n = 0; n < exchanged.length; n += 2) {
      const [ask, expected] = [exchanged[n]!, fromHex(exchanged[n + 1]!.hex)];
      await console.send(fromHex(ask.hex));
      await settle(new Promise((resolve) => setImmediate(resolve)));
      const heard = Uint8Array.from(console.heard.at(-1)!);
      if (n === 0) {
        t.equal(heard[18], 4, 'a level that is one, where the highest was asked for');
        heard[18] = level;
      }
      t.equal(toHex(heard), toHex(expected), ask.type);
    }
  });
}

await t.test('a suite is exactly its three algorithms, and only one that is allowed', async (t) => {
  const only17 = lanBench({ suites: [17] });
  await t.rejects(only17.settle(only17.client('admin', { suites: [3] }).ipmi.deviceId()), {
    code: 'NS_IPMI_SUITE',
  });
  const { net, clock } = lanBench();
  const console = net.console();
  const ask = async (authentication: number, integrity: number, confidentiality: number) => {
    const head = '06 00 ff 07 06 10 00000000 00000000 2000 05 04 0000 a1a2a3a4';
    const blocks = [authentication, integrity, confidentiality].map(
      (algorithm, kind) => `0${kind} 0000 08 0${algorithm} 000000`,
    );
    await console.send(hex(head + blocks.join('')));
    await clock.advance(seconds(0));
    return [...console.heard.at(-1)!.subarray(16, 24)];
  };
  const refused = [5, 0x11, 0, 0, 0xa1, 0xa2, 0xa3, 0xa4];
  const triples = [0, 1, 2, 3, 4].flatMap((a) => [0, 1, 2, 3, 4].map((i) => [a, i] as const));
  for (const [a, i] of triples) {
    for (const c of [0, 1, 2, 3]) {
      const right = c === 1 && ((a === 1 && i === 1) || (a === 3 && i === 4));
      const answer = await ask(a, i, c);
      if (right) t.match(answer, [5, 0, 4, 0], `${a} ${i} ${c}`);
      else t.same(answer, refused, `${a} ${i} ${c}`);
    }
  }
});

await t.test('the key of the BMC itself (Kg) is needed where there is one', async (t) => {
  const { client, settle } = lanBench({ bmcKey: userKey(utf8('the BMC')) });
  t.ok((await settle(client('admin', { bmcKey: 'the BMC' }).ipmi.chassisStatus())).powerOn);
  await t.rejects(settle(client('admin').ipmi.chassisStatus()), { code: 'NS_IPMI_SESSION', message: /Kg/ });
});

await t.test('a level is what the account has, and what was asked for', async (t) => {
  const { client, settle, deeds, events } = lanBench();
  const viewer = client('viewer');
  t.ok((await settle(viewer.ipmi.chassisStatus())).powerOn);
  await t.rejects(settle(viewer.ipmi.chassisControl('off')), ended(0x81));
  await t.rejects(settle(viewer.ipmi.raw(0, 2, Uint8Array.of(0), asUser)), ended(0xd4));
  await t.rejects(settle(client('viewer', { level: 'administrator' }).ipmi.deviceId()), {
    code: 'NS_IPMI_SESSION',
    message: /privilege level/,
  });
  t.match(events.at(-1), { is: 'login-failed', user: 'viewer', why: 'level' });
  const low = client('admin', { level: 'user' });
  await t.rejects(settle(low.ipmi.chassisControl('off')), ended(0x81));
  const setLevel = (level: number) => settle(low.ipmi.raw(6, 0x3b, Uint8Array.of(level), asUser));
  t.same([...(await setLevel(0))], [2]);
  await t.rejects(setLevel(1), ended(0x80));
  await t.rejects(setLevel(5), ended(0x80));
  await t.rejects(setLevel(6), ended(0xcc));
  const high = client('admin');
  await settle(high.ipmi.raw(6, 0x3b, Uint8Array.of(4), asUser));
  await settle(high.ipmi.raw(6, 0x3b, Uint8Array.of(2), asUser));
  await t.rejects(settle(high.ipmi.raw(0, 2, Uint8Array.of(0), asUser)), ended(0xd4));
  t.same(deeds, []);
});

await t.test('sessions are told apart, and closed by those who may', async (t) => {
  const { client, settle, events, channel } = lanBench();
  const [admin, oper] = [client('admin'), client('oper', { address: '10.0.0.8' })];
  await settle(admin.ipmi.deviceId());
  await settle(oper.ipmi.deviceId());
  const info = (await settle(admin.ipmi.sessionInfo({ is: 'nth', n: 2 }))).session;
  t.match(info, { user: 3, level: 2, from: { address: '10.0.0.8' } });
  t.match(await settle(oper.ipmi.sessionInfo({ is: 'handle', handle: 1 })), { session: { user: 2 } });
  t.equal((await settle(oper.ipmi.sessionInfo({ is: 'nth', n: 3 }))).session, undefined);
  const ids = [1, 2].map((n) => channel.sessions.nth(n)!.id);
  t.match(await settle(admin.ipmi.sessionInfo({ is: 'id', id: ids[1]! })), { session: { handle: 2 } });
  const close = (who: typeof admin, id: number) =>
    settle(
      who.ipmi.raw(
        6,
        0x3c,
        Uint8Array.from([0, 8, 16, 24], (n) => id >>> n),
        asUser,
      ),
    );
  await t.rejects(close(oper, ids[0]!), ended(0xd4));
  await t.rejects(close(oper, 1), ended(0xd4));
  await t.rejects(settle(admin.ipmi.run(closeSession, { id: 1 })), ended(0x87));
  await t.rejects(settle(admin.ipmi.raw(6, 0x3c, hex('00000000 09'))), ended(0x88));
  await settle(admin.ipmi.run(closeSession, { id: ids[1]! }));
  t.match(events.at(-1), { is: 'logout', user: 'oper', why: 'closed-by-another' });
  await settle(admin.ipmi.run(closeSession, { id: ids[0]! }));
  t.equal(channel.sessions.size, 0, 'its own, after the answer');
});

await t.test('users, channels and suites are what is set up', async (t) => {
  const { client, settle, net, clock } = lanBench();
  const { ipmi } = client('admin');
  t.match(
    (await settle(ipmi.users())).map(({ id, name, access }) => [id, name, access.status, access.limit]),
    [
      [1, '', 'disabled', 'none'],
      [2, 'admin', 'enabled', 'administrator'],
      [3, 'oper', 'enabled', 'operator'],
      [7, 'viewer', 'enabled', 'user'],
    ].filter(([id]) => id !== 1),
  );
  await t.rejects(settle(ipmi.run(getUserName, { user: 8 })), ended(0xcc));
  t.match(await settle(ipmi.channelInfo()), {
    channel: 1,
    medium: '802.3 LAN',
    sessions: 'many',
    activeSessions: 1,
  });
  t.match(await settle(ipmi.channelInfo(15)), {
    medium: 'system interface',
    protocol: 'KCS',
    sessions: 'none',
  });
  await t.rejects(settle(ipmi.channelInfo(2)), ended(0xcc));
  t.same(
    (await settle(ipmi.cipherSuites())).map(({ id }) => id),
    [17, 3],
  );
  for (const code of [0x43, 0x45, 0x47, 0x40])
    await t.rejects(settle(ipmi.raw(6, code, hex('0202'), { level: 'administrator' })), ended(0xc1));
  const outside = new SessionlessCarrier({
    openDatagram: async () => net.console(),
    clock,
    entropy: { randomBytes: () => Uint8Array.of(7), fraction: () => 0 },
    patience: { first: seconds(1), tries: 1, total: seconds(1) },
  });
  const ask = (netFn: number, command: number, data: string) =>
    settle(
      outside.carry({ name: 'it', netFn, command, data: hex(data), level: 'user', repeatable: true }, never),
    );
  t.match(await ask(6, 0x38, '8e 04'), { completion: 0, data: hex('01 80 04 02 00000000') });
  t.match(await ask(6, 0x38, '0e 04'), { completion: 0, data: hex('01 00 04 00 00000000') });
  t.match(await ask(6, 0x54, '0e 00 80'), { data: hex('01 c0 11 03 44 81 c0 03 01 41 81') });
  t.match(await ask(6, 0x54, '0e 00 00'), { data: hex('01 01 03 41 44 81') });
  t.match(await ask(6, 0x54, '0e 00 81'), { data: hex('01') });
  t.match(await ask(6, 0x01, ''), { completion: 0xd4 });
  t.match(await ask(0, 0x02, '00'), { completion: 0xd4 });
  t.match(await ask(6, 0x39, '00'), { completion: 0xc1 }, 'no session of IPMI 1.5');
});

await t.test('a presence ping is answered, in its own words', async (t) => {
  const { net, clock } = lanBench();
  const console = net.console();
  await console.send(hex('06 00 ff 06 000011be 80 2a 00 00'));
  await console.send(hex('06 00 ff 06 000011be 40 2a 00 00'));
  await console.send(hex('06 00 ff 06 000011be 80 2a 00'));
  await clock.advance(seconds(0));
  t.same(console.heard.map(toHex), [
    '0600ff06000011be402a0010000011be00000000810000000000000000'.slice(0, 56),
  ]);
});

await t.test('accounts, keys and suites that cannot be are refused at once', async (t) => {
  const account = lanAccounts[0]!;
  const made = (options: object) => () =>
    new LanChannel({ accounts: [account], guid: LAN_GUID, ...options } as never);
  const code = 'NS_IPMI_ARGUMENT';
  t.throws(made({ accounts: [account, { ...account, id: 5 }] }), { code });
  t.throws(made({ accounts: [account, { ...account, name: 'b' }] }), { code });
  t.throws(made({ accounts: [{ ...account, name: '' }] }), { code });
  t.throws(made({ accounts: [{ ...account, name: 'a'.repeat(17) }] }), { code });
  t.throws(made({ accounts: [{ ...account, id: 1 }] }), { code });
  t.throws(made({ accounts: [{ ...account, key: userKey(new Uint8Array(0)) }] }), { code });
  t.throws(made({ suites: [0] }), { code: 'NS_IPMI_SUITE' });
  t.throws(made({ suites: [] }), { code: 'NS_IPMI_SUITE' });
  t.throws(made({ bmcKey: new Uint8Array(4) }), { code });
  t.throws(made({ guid: new Uint8Array(4) }), { code });
  t.throws(made({ limits: { sessions: 64 } }), { code });
});
