import type { PublicKey } from '../../src/ports/index.ts';
import { type DeviceEvent, deviceTopics } from '../../src/protocol/index.ts';
import { openEvent } from '../../src/security/index.ts';
import type { FakeBroker } from './fake-bus.ts';

/** All that a device has published of itself, verified. */
export function eventsOn(
  broker: FakeBroker,
  { tenant, device }: { readonly tenant: string; readonly device: string },
  key: PublicKey,
): DeviceEvent[] {
  const { evt } = deviceTopics(tenant, device);
  return broker.published
    .filter(({ topic }) => topic === evt)
    .map(({ payload }) => {
      const opened = openEvent(payload, key, { tenant });
      if (!opened.ok) throw new Error(opened.refusal.sentence);
      return opened.value;
    });
}
