import t from 'tap';
import { IpmiPower } from '../../../src/adapters/ipmi-power.ts';
import { VirtualClock } from '../../../src/adapters/sim/virtual-clock.ts';
import { NsError, seconds } from '../../../src/base/index.ts';
import { fusePower } from '../../../src/bmc/index.ts';
import { type commands, IpmiCompletion } from '../../../src/ipmi/index.ts';
import type { KnownPowerState } from '../../../src/ports/index.ts';

const { signal } = new AbortController();
const ALL: readonly KnownPowerState[] = ['S0', 'S3', 'S4', 'S5', 'G3'];
type Acpi = commands.AcpiPowerState['system'];

function bench(powerOn: boolean, acpi: Acpi | Error) {
  const clock = new VirtualClock();
  const bmc = { powerOn, acpi, silent: false, asked: 0, ordered: [] as string[] };
  const power = new IpmiPower({
    clock,
    client: {
      chassisStatus: async () => {
        bmc.asked += 1;
        if (bmc.silent) throw new NsError('NS_IPMI_SILENT', 'no answer');
        return { powerOn: bmc.powerOn } as commands.ChassisStatus;
      },
      acpiPowerState: async () => {
        if (bmc.acpi instanceof Error) throw bmc.acpi;
        return { system: bmc.acpi, device: 'unknown' };
      },
      chassisControl: async (action) => {
        if (bmc.silent) throw new NsError('NS_IPMI_SILENT', 'no answer');
        bmc.ordered.push(action);
      },
    },
  });
  const state = async () =>
    fusePower([{ name: 'ipmi', required: true, claim: await power.read(signal) }], ALL).state;
  return { clock, bmc, power, state };
}

const TABLE: readonly (readonly [boolean, Acpi, string])[] = [
  [true, 'S0', 'S0'],
  [true, 'unknown', 'S0'],
  [true, 'S1', 'S0'],
  [false, 'S3', 'S3'],
  [false, 'S5', 'S5'],
  [false, 'S4', 'S4'],
  [false, 'S4/S5', 'S5'],
  [false, 'S5-by-override', 'S5'],
  [false, 'sleeping', 'S3'],
  [false, 'unknown', 'unknown'],
  [false, 'legacy-off', 'unknown'],
  [true, 'S5', 'unknown'],
  [false, 'S0', 'unknown'],
  [true, 'S3', 'unknown'],
];
await t.test('chassis power and ACPI state together tell the state, or contradict each other', async (t) => {
  for (const [on, acpi, expected] of TABLE) {
    const { state } = bench(on, acpi);
    t.equal(await state(), expected, `${on ? 'on' : 'off'}, ACPI ${acpi}`);
  }
});

await t.test('a BMC without ACPI state is one that does not know it; one that fails is not', async (t) => {
  const none = bench(true, new IpmiCompletion('Get ACPI Power State', 0xc1));
  t.equal(await none.state(), 'S0');
  const busy = bench(true, new IpmiCompletion('Get ACPI Power State', 0xc0));
  await t.rejects(busy.power.read(signal), { code: 'NS_IPMI_COMPLETION' });
});

await t.test('it looks by itself while somebody listens, and tells what changed', async (t) => {
  const { clock, bmc, power } = bench(false, 'S5');
  let told = 0;
  const stop = power.onChange(() => {
    told += 1;
  });
  await clock.advance(seconds(10));
  t.equal(told, 1, 'the first look');
  bmc.powerOn = true;
  await clock.advance(seconds(2));
  t.equal(told, 2);
  bmc.silent = true;
  await clock.advance(seconds(10));
  t.equal(told, 3, 'silence is a change too');
  stop();
  const { asked } = bmc;
  await clock.advance(seconds(20));
  t.equal(bmc.asked, asked, 'nobody listens, nobody asks');
  power.close();
});

await t.test('an order that the BMC does not take is NS_POWER', async (t) => {
  const { bmc, power } = bench(true, 'S0');
  await power.drive('off', signal);
  t.same(bmc.ordered, ['off']);
  bmc.silent = true;
  await t.rejects(power.drive('reset', signal), { code: 'NS_POWER' });
});
