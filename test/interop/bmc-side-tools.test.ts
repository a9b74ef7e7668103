import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { refusal } from '../../src/base/index.ts';
import { encodeSelEvent } from '../../src/ipmi/index.ts';
import { ipmiTools, startBmcSide } from '../kit/bmc-side.ts';

/** ipmitool and FreeIPMI on a BMC side of ours, without a workaround: what they print is what holds. */
const side = await startBmcSide();
const tools = await ipmiTools(side.port);
const viewer = await ipmiTools(side.port, { user: 'viewer' });
t.teardown(async () => {
  await Promise.all([side.close(), tools.close(), viewer.close()]);
});

const { machine, sel } = side;
/** "Power Restore Policy : always-off" as ["Power Restore Policy", "always-off"]. */
const fields = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text
      .split('\n')
      .map((line) => /^\s*(.*?)\s*: (.*?)\s*$/.exec(line))
      .flatMap((found) => (found === null ? [] : [[found[1]!, found[2]!] as const])),
  );

for (const suite of [3, 17]) {
  const run = async (...args: string[]): Promise<string> => {
    const { code, out, err } = await tools.ipmitool(suite, ...args);
    if (code !== 0) throw new Error(`ipmitool ${args.join(' ')} ended with ${code}: ${out}${err}`);
    return out;
  };
  const told = async (...args: string[]) => fields(await run(...args));

  await t.test(`suite ${suite}: ipmitool learns who the BMC is`, async (t) => {
    const info = await told('mc', 'info');
    t.equal(info.get('Device ID'), '32');
    t.equal(info.get('Firmware Revision'), '1.42');
    t.equal(info.get('IPMI Version'), '2.0');
    t.equal(info.get('Product ID'), '20051 (0x4e53)');
    t.match(await run('mc', 'guid'), /efcdab89-6745-23b1-efcd-ab89674523b1/);
    t.match(await run('mc', 'selftest'), /passed/);
    t.match(await run('user', 'list', '1'), /2 +admin .*ADMINISTRATOR\n3 +oper .*OPERATOR\n4 +viewer .*USER/);
    t.equal((await told('channel', 'info', '1')).get('Channel Medium Type'), '802.3 LAN');
    t.equal((await told('session', 'info', 'active')).get('privilege level'), 'ADMINISTRATOR');
    const lan = await told('lan', 'print', '1');
    t.equal(lan.get('IP Address'), '127.0.0.1');
    t.equal(lan.get('MAC Address'), '52:54:00:12:34:56');
    t.equal(lan.get('RMCP+ Cipher Suites'), '17,3');
    t.equal((await tools.ipmitool(suite, 'raw', '6', '2')).code, 1, 'and resets nothing');
  });

  await t.test(`suite ${suite}: ipmitool orders the power, and sees it obeyed`, async (t) => {
    machine.becomes('S0');
    const from = machine.orders.length;
    t.match(await run('chassis', 'power', 'status'), /Chassis Power is on/);
    for (const action of ['off', 'on', 'cycle', 'reset', 'diag', 'soft'])
      await run('chassis', 'power', action);
    t.same(
      machine.orders.slice(from),
      ['off', 'on', 'cycle', 'reset', 'nmi', 'soft'].map((action) => `${action} by user`),
    );
    t.match(await run('chassis', 'power', 'status'), /Chassis Power is off/);
    t.match(await run('chassis', 'restart_cause'), /chassis power control command/);
    t.equal((await viewer.ipmitool(suite, '-L', 'USER', 'chassis', 'power', 'on')).code, 1);
    t.equal(machine.orders.length, from + 6);
  });

  await t.test(`suite ${suite}: an uncertain power is told by ipmitool as neither on nor off`, async (t) => {
    machine.certain = false;
    const { code, out, err } = await tools.ipmitool(suite, 'chassis', 'power', 'status');
    const power = await tools.freeipmi('ipmipower', suite, '--stat');
    machine.certain = true;
    t.equal(code, 1);
    t.notMatch(out + err, /is (on|off)/);
    t.notMatch(power.out, /: (on|off)$/m);
  });

  await t.test(`suite ${suite}: a disabled machine refuses, and says so`, async (t) => {
    machine.becomes('S5');
    machine.lock = refusal('DISABLED');
    machine.refusal = machine.lock;
    const on = await tools.ipmitool(suite, 'chassis', 'power', 'on');
    const policy = await tools.ipmitool(suite, 'chassis', 'policy', 'always-on');
    const status = await told('chassis', 'status');
    const free = await tools.freeipmi('ipmipower', suite, '--on');
    machine.lock = undefined;
    machine.refusal = undefined;
    t.match(on, { code: 1, err: /disabled/ });
    t.match(policy, { code: 1, err: /disabled/ });
    t.equal(status.get('Front-Panel Lockout'), 'active');
    t.equal(status.get('Power Button Disabled'), 'true');
    t.notMatch(free.out, /: ok$/m);
    t.equal(machine.state, 'S5');
  });

  await t.test(`suite ${suite}: the chassis' settings`, async (t) => {
    machine.becomes('S0');
    t.match(await run('chassis', 'policy', 'list'), /always-off always-on previous/);
    await run('chassis', 'policy', 'previous');
    t.equal((await told('chassis', 'status')).get('Power Restore Policy'), 'previous');
    await run('chassis', 'policy', 'always-off');
    await run('chassis', 'identify', '5');
    t.equal(machine.lamp.at(-1), 5);
    await run('chassis', 'identify', 'force');
    t.equal(machine.lamp.at(-1), undefined);
    t.match(await run('chassis', 'poh'), /5 days, 3 hours/);
    await run('chassis', 'bootdev', 'pxe');
    t.match(await run('chassis', 'bootparam', 'get', '5'), /Boot parameter data: 8004000000[\s\S]*Force PXE/);
    await run('chassis', 'bootdev', 'disk', 'options=persistent,efiboot');
    t.match(await run('chassis', 'bootparam', 'get', '5'), /e008000000[\s\S]*EFI boot[\s\S]*Hard-Drive/);
    t.match(machine.chassis.bootFlags.get(), { device: 'disk', efi: true, persistent: true });
    await run('chassis', 'bootdev', 'none');
    t.match(await run('dcmi', 'power', 'reading'), /Instantaneous power reading: +87 Watts/);
    await run('mc', 'watchdog', 'get');
  });

  await t.test(`suite ${suite}: the event log`, async (t) => {
    sel.clear();
    t.match(await run('sel', 'info'), /Entries +: 0/);
    await run('event', '1');
    t.match(await run('sel', 'elist'), /Temperature #0x30 \| Upper Critical going high \| Asserted/);
    const file = join(tmpdir(), `ns-sel-${process.pid}-${suite}`);
    t.teardown(() => rm(file, { force: true }));
    await writeFile(file, '0x04 0x14 0x11 0x6f 0x00 0xff 0xff # the power button\n');
    await run('sel', 'add', file);
    const list = (await run('-c', 'sel', 'list')).trim().split('\n');
    t.equal(list.length, 2);
    t.match(list[1], /Button #0x11,Power Button pressed,Asserted/);
    await run('sel', 'delete', String(Number.parseInt(list[0]!.split(',')[0]!, 16)));
    t.equal((await run('-c', 'sel', 'list')).trim().split('\n').length, 1);
    await run('sel', 'time', 'set', '11/21/26 09:00:00');
    t.match(await run('sel', 'time', 'get'), /11\/21\/26 09:00:0\d UTC/);
    await run('sel', 'time', 'set', 'now');
    await run('sel', 'clear');
    t.match(await run('sel', 'elist'), /Event Logging Disabled Event log \| Log area reset\/cleared/);
  });

  await t.test(`suite ${suite}: sensors and FRU`, async (t) => {
    t.match(await run('sdr', 'list'), /inlet +\| 23\.70 degrees C +\| ok/);
    t.match(await run('sdr', 'elist'), /Host power +\| F0h \| ok +\| 46\.1 \| S0\/G0: working/);
    t.match(await run('sdr', 'type', 'Fan'), /fan1/);
    t.match(await run('sensor', 'list'), /rail-12v +\| 12\.036 +\| Volts/);
    t.match(await run('sensor', 'get', 'cpu'), /Sensor Reading +: 60\.912/);
    t.equal((await told('fru', 'print')).get('Product Asset Tag'), 'A-6');
  });
}

for (const suite of [3, 17]) {
  await t.test(`suite ${suite}: FreeIPMI needs no workaround`, async (t) => {
    const run = async (program: string, ...args: string[]): Promise<string> => {
      const { code, out, err } = await tools.freeipmi(program, suite, ...args);
      t.equal(code, 0, `${program} ${args.join(' ')}: ${err}`);
      return out;
    };
    machine.becomes('S0');
    const info = fields(await run('bmc-info'));
    t.equal(info.get('Firmware Revision'), '1.42');
    t.equal(info.get('System GUID'), 'efcdab89-6745-23b1-efcd-ab89674523b1');
    const from = machine.orders.length;
    t.match(await run('ipmipower', '--stat'), /: on$/m);
    for (const order of ['--off', '--on', '--cycle', '--reset', '--pulse', '--soft'])
      t.match(await run('ipmipower', order), /: ok$/m, order);
    t.same(
      machine.orders.slice(from),
      ['off', 'on', 'cycle', 'reset', 'nmi', 'soft'].map((action) => `${action} by user`),
    );
    t.match(await run('ipmipower', '--stat'), /: off$/m);
    t.match(await run('ipmipower', '--on-if-off', '--cycle', '--wait-until-on'), /: ok$/m);
    t.match(await run('ipmipower', '--off', '--wait-until-off'), /: ok$/m);
    t.equal(machine.state, 'S5');
    machine.becomes('S0');
    const status = fields(await run('ipmi-chassis', '--get-chassis-status'));
    t.equal(status.get('System Power'), 'on');
    t.equal(status.get('Power restore policy'), 'Always off');
    const sensors = await run('ipmi-sensors', '--quiet-cache');
    t.match(sensors, /inlet +\| Temperature +\| 23\.70 +\| C/);
    t.match(sensors, /lid +\| Module\/Board +\| N\/A +\| N\/A +\| 'State Asserted'/);
    sel.add(
      encodeSelEvent({
        generator: { is: 'controller', id: 0x20, channel: 0, lun: 0 },
        sensorType: 0x2a,
        sensor: 0xf2,
        eventType: 0x6f,
        asserted: true,
        data: Uint8Array.of(2, 0xff, 0xff),
      }),
    );
    t.match(
      await run('ipmi-sel', '--quiet-cache'),
      /Sessions +\| Session Audit +\| Invalid Username or Password/,
    );
    t.match(await run('ipmi-fru', '--quiet-cache'), /FRU Board Serial Number: BS-12/);
    t.match(await run('ipmi-dcmi', '--get-system-power-statistics'), /Current Power +: 87 Watts/);
  });
}

await t.test('nothing of it failed on our side', async (t) => {
  t.same(
    side.lines.filter((line) => line.includes('command-failed')),
    [],
  );
});
