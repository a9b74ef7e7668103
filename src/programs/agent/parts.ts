import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createKeyFile, openKeyFile } from '../../adapters/key-files.ts';
import { authoritiesOf } from '../../adapters/mqtt/broker-trust.ts';
import type { Credentials, MqttBusOptions } from '../../adapters/mqtt/mqtt-bus.ts';
import type { Vitals } from '../../agent/index.ts';
import { NsError, seconds, sentenceOf } from '../../base/index.ts';
import type { Custody, Lease, Lockout, PowerWatch } from '../../bmc/index.ts';
import type { KeyStore, LogSink, PowerState, StateStore } from '../../ports/index.ts';
import type { AuditLog } from '../../security/index.ts';
import { pinsOf } from '../../security/index.ts';
import { recoverRedoLogs } from '../../storage/index.ts';
import type { AgentConfig } from './config.ts';

const RECOVERY_LEASE = seconds(120);

/** Its name in the state directory. */
export const DEVICE_KEY = 'device-key.pem';

/** The device's own signing key, made at the first start. */
export async function openDeviceKey(state: string): Promise<KeyStore> {
  const path = join(state, DEVICE_KEY);
  await mkdir(state, { recursive: true, mode: 0o700 });
  try {
    return await openKeyFile(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
    return createKeyFile(path, { algorithm: 'Ed25519' });
  }
}

function isMissing(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause)
    if ('code' in at && at.code === 'ENOENT') return true;
  return false;
}

/**
 * Brings a change that a power cut stopped after its commit to its end, before anything else touches a disk. What
 * cannot be finished now (the host is on, say) stays in its log, and no write to that disk is begun before it.
 */
export async function finishCutOffChanges(store: StateStore, custody: Custody, log: LogSink): Promise<void> {
  const leases: Lease[] = [];
  try {
    const recoveries = await recoverRedoLogs(store, async (disk) => {
      const lease = await custody.lease({
        disk,
        mode: 'write',
        holder: 'recovery',
        duration: RECOVERY_LEASE,
        signal: new AbortController().signal,
      });
      if (!lease.ok) {
        log.log('warn', 'redo.waiting', { disk, code: lease.refusal.code });
        return undefined;
      }
      leases.push(lease.value);
      return lease.value;
    });
    for (const recovery of recoveries) {
      if (recovery.is === 'clean') continue;
      log.log(recovery.is === 'applied' ? 'info' : 'error', `redo.${recovery.is}`, {
        disk: recovery.disk,
        volume: recovery.volume,
      });
    }
  } finally {
    await Promise.all(leases.map((lease) => lease.release()));
  }
}

/** What presence tells of the machine, kept current by listening. */
export async function followVitals(
  power: PowerWatch,
  lockout: Lockout,
  audit: Pick<AuditLog, 'head'>,
): Promise<() => Vitals> {
  // A sensor that fails keeps no device from starting: it can still say so.
  let state: PowerState = await power.read().then(
    (reading) => reading.state,
    () => 'unknown',
  );
  power.onChange((reading) => {
    state = reading.state;
  });
  return () => ({ power: state, lock: lockout.enabled ? 'enabled' : 'disabled', audit: audit.head });
}

/**
 * The broker of the configuration. Its files are read now, so that what is wrong with them is said at the start, and
 * again at each connect: a renewed certificate needs no restart. `floor` gives seconds since 1970 that have surely passed.
 */
export async function brokerOptions(
  { broker }: Pick<AgentConfig, 'broker'>,
  floor: () => number,
): Promise<Pick<MqttBusOptions, 'broker' | 'username' | 'credentials'>> {
  const credentials = () => readCredentials(broker, floor);
  const { tls } = await credentials();
  if (tls?.ca !== undefined) authoritiesOf(tls.ca);
  return {
    broker: { url: broker.url },
    credentials,
    ...(broker.username === undefined ? {} : { username: broker.username }),
  };
}

async function readCredentials(broker: AgentConfig['broker'], floor: () => number): Promise<Credentials> {
  const [ca, cert, key, password] = await Promise.all(
    [broker.ca, broker.cert, broker.key, broker.passwordFile].map(readIfNamed),
  );
  return {
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      pins: pinsOf(broker),
      floor,
    },
    ...(password === undefined ? {} : { password: password.split(/\r?\n/)[0] ?? '' }),
  };
}

async function readIfNamed(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new NsError('NS_CONFIG_INVALID', `${path} cannot be read: ${sentenceOf(cause)}`, {
      family: 'caller',
      cause,
    });
  }
}
