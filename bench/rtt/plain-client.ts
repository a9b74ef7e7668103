import { connect } from 'node:net';
import { MqttClient } from 'mqtt';

/** A plain MQTT.js client. With `noDelay` its socket is opened as ours is; without, as MQTT.js does by itself. */
export function plainClient(port: number, clientId: string, noDelay: boolean): Promise<MqttClient> {
  const client = new MqttClient(
    () => connect({ host: '127.0.0.1', port, ...(noDelay ? { noDelay: true } : {}) }),
    { protocolVersion: 5, clientId, clean: true, reconnectPeriod: 0 },
  );
  return new Promise((resolve, reject) => {
    client.once('connect', () => resolve(client));
    client.once('error', reject);
  });
}
