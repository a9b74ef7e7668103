import t from 'tap';
import { ipmiClient } from '../../src/adapters/ipmi-client.ts';
import { seconds } from '../../src/base/index.ts';
import { SIM_USERS, startIpmiSim } from '../kit/ipmi-sim.ts';

const SATELLITE = 0x30;
const sim = await startIpmiSim({ satellite: SATELLITE, program: false });
const client = ipmiClient('127.0.0.1', 'admin', SIM_USERS.admin, {
  port: sim.port,
  suites: [3],
  timeout: seconds(4),
});
t.teardown(async () => {
  await client.close();
  await sim.close();
});

await t.test('a controller behind ipmi_sim is asked through it, and is not ipmi_sim itself', async (t) => {
  const satellite = client.behind({ channel: 0, address: SATELLITE });
  for (let n = 0; n < 70; n += 1) {
    const { deviceId, firmware } = await satellite.deviceId();
    t.match({ deviceId, firmware }, { deviceId: 0x2a, firmware: '7.55' });
  }
  t.not((await client.deviceId()).deviceId, 0x2a);
});

await t.test('a controller that is not there is told by the BMC, and the session goes on', async (t) => {
  const nobody = client.behind({ channel: 0, address: 0x44 });
  await t.rejects(nobody.deviceId(), { code: 'NS_IPMI_COMPLETION', completion: 0x83 });
  t.ok((await client.chassisStatus()).restorePolicy);
});
