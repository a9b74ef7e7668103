import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { systemEntropy } from '../adapters/entropy.ts';
import type { BrokerTls } from '../adapters/mqtt/broker-socket.ts';
import { MqttBus } from '../adapters/mqtt/mqtt-bus.ts';
import { systemClock } from '../adapters/system-clock.ts';
import { toHex } from '../base/index.ts';
import { configInvalid, type OperatorConfig } from '../fleet/index.ts';
import { insecureIn, pinsOf } from '../security/index.ts';

/** Several puts share one connection: their chunks may fill half of the bus. */
const BUS_LIMITS = { messages: 4096, bytes: 32 << 20, window: 64, windowBytes: 4 << 20 };

/**
 * The connection that the configuration describes, not yet open. Its files are relative to `directory`. `warn` is told where
 * the link is not what it should be. NS_CONFIG_INVALID where no broker is named, or a file cannot be read.
 */
export async function openBus(
  { config, directory }: { readonly config: OperatorConfig; readonly directory: string },
  warn: (sentence: string) => void,
): Promise<MqttBus> {
  const { broker } = config;
  if (broker === undefined) {
    throw configInvalid('no broker is named; set "broker" in the configuration or NIGHTSHIFT_BROKER');
  }
  const read = (file: string, what: string): Promise<string> =>
    readFile(resolve(directory, file), 'utf8').catch((error: unknown) => {
      throw configInvalid(`"broker.${what}": ${file} cannot be read`, error);
    });
  const tls: { -readonly [K in keyof BrokerTls]: BrokerTls[K] } = {};
  for (const what of ['ca', 'cert', 'key'] as const) {
    const file = broker[what];
    if (file !== undefined) tls[what] = await read(file, what);
  }
  tls.pins = pinsOf(broker);
  const password =
    broker.passwordFile === undefined
      ? undefined
      : (await read(broker.passwordFile, 'passwordFile')).split(/\r?\n/)[0];
  for (const sentence of insecureIn(broker)) warn(`nightshift: ${sentence}`);
  const clientId = `ns-fleet-${toHex(systemEntropy.randomBytes(8))}`;
  return new MqttBus(
    {
      broker: { url: broker.url, ...(Object.keys(tls).length > 0 ? { tls } : {}) },
      clientId,
      cleanSession: true,
      limits: BUS_LIMITS,
      ...(broker.username === undefined ? {} : { username: broker.username }),
      ...(password === undefined ? {} : { password }),
    },
    systemClock,
    systemEntropy,
    { log: () => undefined },
  );
}
