const LATER = 'or-later';
const LGPL_OR_GPL = `LGPL-3.0-${LATER} OR GPL-2.0-${LATER}`;
const GCC = `GPL-3.0-${LATER} WITH GCC-exception-3.1`;

/** What is taken of Debian's packages is under these licences (SPDX), as their files "copyright" say. */
const LICENCES: Readonly<Record<string, string>> = {
  attr: `GPL-2.0-${LATER}`,
  bubblewrap: `LGPL-2.0-${LATER}`,
  'busybox-static': 'GPL-2.0-only',
  coreutils: `GPL-3.0-${LATER}`,
  dosfstools: `GPL-3.0-${LATER}`,
  e2fsprogs: 'GPL-2.0-only',
  fuse3: 'GPL-2.0-only',
  libatomic1: GCC,
  libattr1: `LGPL-2.1-${LATER}`,
  libblkid1: `LGPL-2.1-${LATER}`,
  'libc-bin': `LGPL-2.1-${LATER}`,
  libc6: `LGPL-2.1-${LATER}`,
  'libcap-ng0': `LGPL-2.1-${LATER}`,
  libcap2: 'BSD-3-Clause OR GPL-2.0-only',
  'libcom-err2': 'GPL-2.0-only',
  libext2fs2: 'LGPL-2.0-only',
  libffi8: 'MIT',
  'libfuse3-3': 'LGPL-2.1-only',
  'libgcc-s1': GCC,
  libgmp10: LGPL_OR_GPL,
  libgnutls30: `LGPL-2.1-${LATER}`,
  libhogweed6: LGPL_OR_GPL,
  libicu72: 'Unicode-DFS-2016',
  'libidn2-0': LGPL_OR_GPL,
  liblzma5: 'LicenseRef-public-domain',
  libmount1: `LGPL-2.1-${LATER}`,
  'libnbd-bin': `LGPL-2.0-${LATER}`,
  libnbd0: `LGPL-2.0-${LATER}`,
  libnettle8: LGPL_OR_GPL,
  'libntfs-3g89': `GPL-2.0-${LATER}`,
  'libp11-kit0': 'BSD-3-Clause',
  'libpcre2-8-0': 'BSD-3-Clause',
  libselinux1: 'libselinux-1.0',
  libsmartcols1: `LGPL-2.1-${LATER}`,
  libss2: 'GPL-2.0-only',
  'libstdc++6': GCC,
  'libtasn1-6': `LGPL-2.1-${LATER}`,
  libunistring2: LGPL_OR_GPL,
  libuuid1: 'BSD-3-Clause',
  libxml2: 'MIT',
  mtools: `GPL-3.0-${LATER}`,
  'ntfs-3g': `GPL-2.0-${LATER}`,
  'util-linux': `GPL-2.0-${LATER}`,
  zlib1g: 'Zlib',
};

/** As an SPDX expression. A package that nobody has looked at cannot be shipped. */
export function debianLicence(name: string): string {
  if (name.startsWith('linux-image-')) return 'GPL-2.0-only WITH Linux-syscall-note';
  const licence = LICENCES[name];
  if (licence === undefined) throw new Error(`flash/debian-licences.ts says nothing of ${name}`);
  return licence;
}
