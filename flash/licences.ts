import { copyFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ShippedPackage } from './sbom.ts';
import { type BoardSystem, ROOT } from './systems.ts';

/** A text for each package, and the common ones that Debian's texts refer to. */
export function writeLicences(
  directory: string,
  system: BoardSystem,
  shipped: readonly ShippedPackage[],
): void {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  copyFileSync(join(ROOT, 'LICENSE'), join(directory, 'nightshift'));
  for (const { name, licenceText } of shipped)
    if (licenceText !== '') writeFileSync(join(directory, name.replaceAll('/', '-')), licenceText);
  cpSync(join(system.directory, 'licences/common'), join(directory, 'common'), { recursive: true });
}
