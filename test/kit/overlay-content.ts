import type { Overlay } from '../../src/storage/index.ts';

/** All bytes of a volume as it is changed. */
export async function contentOf(overlay: Overlay): Promise<Uint8Array> {
  const whole = new Uint8Array(overlay.capabilities.size);
  await overlay.read(0, whole);
  return whole;
}
