import { copyFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ShippedPackage } from './sbom.ts';
import { type BoardSystem, ROOT } from './systems.ts';

const SOURCES = `What is in this firmware, in which version, and under which licence: sbom.cdx.json. The texts are here, one a package; those
that several refer to are in common/.

Sources: Debian's packages are unchanged but for ICU, whose tables are left out; each is at
https://snapshot.debian.org/binary/NAME/VERSION/ with the sources it was built from. npm's packages are at
https://www.npmjs.com/package/NAME/v/VERSION, Node itself at https://nodejs.org/dist/vVERSION/.
`;

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
  writeFileSync(join(directory, 'README'), SOURCES);
  cpSync(join(system.directory, 'licences/common'), join(directory, 'common'), { recursive: true });
}
