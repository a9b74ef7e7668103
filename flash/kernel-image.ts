import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BoardSystem } from './systems.ts';
import { xzUnpacked } from './xz.ts';

/** Where an AST2600's memory begins, and how far in a kernel for several platforms is put (its TEXT_OFFSET). */
const ARM_LOAD = '0x80208000';

export interface KernelParts {
  /** For the boot loader: kernel, initial RAM disk and device tree as one (a FIT image). */
  readonly fit: string;
  /** For an emulator, which takes them one by one. */
  readonly kernel: string;
  readonly initrd: string;
  readonly tree?: string;
}

/** What goes into the kernel's partition, and the same in pieces for an emulator. `work` is for what nobody needs later. */
export function packKernel(
  { directory, work }: { readonly directory: string; readonly work: string },
  system: BoardSystem,
  initrd: Buffer,
  tree: string | undefined,
  date: number,
): KernelParts {
  const paths = {
    fit: join(directory, 'kernel.fit'),
    kernel: join(directory, 'kernel'),
    initrd: join(directory, 'initrd'),
  };
  writeFileSync(paths.initrd, initrd);
  const packed = join(system.directory, 'vmlinuz');
  if (system.arch === 'arm64') writeFileSync(paths.kernel, readFileSync(packed));
  else {
    // An emulated processor takes 20 s to unpack it: it gets the plain one.
    const plain = join(work, 'Image');
    writeFileSync(plain, xzUnpacked(readFileSync(packed)));
    makeImage(
      [
        '-A',
        'arm',
        '-O',
        'linux',
        '-T',
        'kernel',
        '-C',
        'none',
        '-a',
        ARM_LOAD,
        '-e',
        ARM_LOAD,
        '-n',
        'Linux',
        '-d',
        plain,
        paths.kernel,
      ],
      date,
    );
  }
  const source = join(work, 'kernel.its');
  writeFileSync(source, fitSource(system, packed, paths.initrd, tree));
  makeImage(['-f', source, paths.fit], date);
  return { ...paths, ...(tree === undefined ? {} : { tree }) };
}

function makeImage(args: readonly string[], date: number): void {
  execFileSync('mkimage', [...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, SOURCE_DATE_EPOCH: `${date}` },
  });
}

function fitSource({ arch }: BoardSystem, kernel: string, initrd: string, tree: string | undefined): string {
  const machine = arch === 'arm64' ? 'arm64' : 'arm';
  const load = arch === 'arm64' ? '0x42000000' : '0x80800000';
  const image = (name: string, type: string, path: string, more: string): string => `
    ${name} {
      data = /incbin/("${path}");
      type = "${type}";
      arch = "${machine}";
      compression = "none";
      ${more}
      hash-1 { algo = "sha256"; };
    };`;
  return `/dts-v1/;
/ {
  description = "Nightshift";
  #address-cells = <1>;
  images {${image('kernel', 'kernel', kernel, `os = "linux"; load = <${load}>; entry = <${load}>;`)}${image('initrd', 'ramdisk', initrd, 'os = "linux";')}${tree === undefined ? '' : image('tree', 'flat_dt', tree, '')}
  };
  configurations {
    default = "recovery";
    recovery { kernel = "kernel"; ramdisk = "initrd";${tree === undefined ? '' : ' fdt = "tree";'} };
  };
};
`;
}
