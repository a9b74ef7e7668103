import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BoardDescription, FlashLayout } from '../src/board/index.ts';

export type RaucFormat = 'verity' | 'plain';

/** Signed by a certificate of a site's own PKI, whose key is P-256 or RSA: CMS as RAUC writes it has no Ed25519. */
export interface RaucSigning {
  readonly certificate: string;
  readonly key: string;
  readonly format: RaucFormat;
}

/**
 * The slot's image as a bundle for RAUC, for systems that have it already, and what its configuration must say of the slots.
 * It tells no board of ours what to start: the bootloader's part ("custom") is the integrator's.
 */
export function writeRaucBundle(
  { out, work }: { readonly out: string; readonly work: string },
  { name, flash }: BoardDescription,
  layout: FlashLayout,
  { version, image }: { readonly version: string; readonly image: string },
  { certificate, key, format }: RaucSigning,
): string {
  if (layout.kind !== 'emmc')
    throw new Error(`RAUC writes to block devices; ${name} has ${flash?.kind} flash`);
  const slots = layout.partitions.filter(
    ({ slot, holds }) => holds === 'root' && (slot === 'a' || slot === 'b'),
  );
  const slotClass = slots[0]?.name.replace(/-a$/, '') ?? '';
  const compatible = `nightshift-${name}`;
  const content = join(work, 'rauc');
  mkdirSync(content);
  copyFileSync(image, join(content, 'root.squashfs'));
  writeFileSync(
    join(content, 'manifest.raucm'),
    sections({
      update: { compatible, version },
      bundle: { format },
      [`image.${slotClass}`]: { filename: 'root.squashfs' },
    }),
  );
  const bundle = join(out, `${name}-${version}.raucb`);
  rmSync(bundle, { force: true });
  execFileSync('rauc', ['--cert', certificate, '--key', key, 'bundle', content, bundle], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, LC_ALL: 'C' },
  });
  const slotSections = slots.map(({ name: partition, slot }, index) => [
    `slot.${slotClass}.${index}`,
    { device: `/dev/disk/by-partlabel/${partition}`, type: 'raw', bootname: slot ?? '' },
  ]);
  const system = { compatible, bootloader: 'custom', 'bundle-formats': format };
  writeFileSync(
    join(out, 'rauc-system.conf'),
    sections({ system, keyring: { path: '/etc/rauc/keyring.pem' }, ...Object.fromEntries(slotSections) }),
  );
  return bundle;
}

function sections(content: Readonly<Record<string, Readonly<Record<string, string>>>>): string {
  return Object.entries(content)
    .map(
      ([name, values]) =>
        `[${name}]\n${Object.entries(values)
          .map(([key, value]) => `${key}=${value}\n`)
          .join('')}`,
    )
    .join('\n');
}
