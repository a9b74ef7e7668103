import { join } from 'node:path';
import { systemEntropy } from '../../adapters/entropy.ts';
import { openPrivateKey } from '../../adapters/key-files.ts';
import { asNsError, seconds } from '../../base/index.ts';
import type { PowerState } from '../../ports/index.ts';
import { keyAgreementOf, LoginDesk, PassDesk, ReleaseDesk } from '../../security/index.ts';
import type { DeviceConsoleParts } from './console.ts';
import type { Machine } from './machine.ts';
import { DEVICE_KEY } from './parts.ts';

const ONE_READING = seconds(5);

/** Who releases a disabled machine; undefined where the device's key makes no codes. */
export async function openRelease({
  state,
  machine,
  keyring,
  identity,
  timeFor,
  log,
}: DeviceConsoleParts): Promise<ReleaseDesk | undefined> {
  const { clock, lockout, store, audit } = machine;
  const { tenant, device, groups } = identity;
  try {
    const desk = new ReleaseDesk({
      tenant,
      device,
      groups,
      agreement: keyAgreementOf(await openPrivateKey(join(state, DEVICE_KEY))),
      keyring,
      lock: lockout,
      power: () => powerOf(machine),
      store,
      clock,
      entropy: systemEntropy,
      now: () => timeFor({ verb: 'machine.enable' }),
      audit: (event, detail, by) =>
        audit.append({ at: clock.wallSeconds(), event, detail, ...(by === undefined ? {} : { by }) }),
    });
    // What earlier tries have to wait for begins now.
    await desk.pending();
    return desk;
  } catch (error) {
    log.log('error', 'console.no-release', { error: asNsError(error).message });
    return undefined;
  }
}

/** Where the count of earlier tries cannot be read, each log-in says so. */
export async function openLogins({
  machine,
  keyring,
  identity,
  timeFor,
  lastCounter,
  log,
}: DeviceConsoleParts): Promise<LoginDesk> {
  const { clock, store, audit } = machine;
  const { tenant, device, groups } = identity;
  const logins = new LoginDesk({
    passes: new PassDesk({
      ...{ store, keyring, tenant, device, groups, lastCounter, deviceKey: machine.keyStore },
      now: () => timeFor({ verb: 'machine.status' }),
    }),
    store,
    clock,
    lastCounter,
    audit: (event, detail) => audit.append({ at: clock.wallSeconds(), event, detail }),
  });
  await logins
    .open()
    .catch((error: unknown) =>
      log.log('error', 'console.logins-unread', { error: asNsError(error).message }),
    );
  return logins;
}

export async function powerOf({ clock, power }: Machine): Promise<PowerState> {
  const deadline = clock.deadline(ONE_READING, "reading the host's power");
  try {
    return (await power.read(deadline.signal)).state;
  } catch {
    return 'unknown';
  } finally {
    deadline.release();
  }
}
