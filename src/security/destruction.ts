import type { Order } from '../protocol/index.ts';

/** Kinds of destructive order; each has a budget of its own. "wipe": what it takes away does not come back. */
export const DESTRUCTIONS = ['lock', 'wipe'] as const;
export type Destruction = (typeof DESTRUCTIONS)[number];

/**
 * Without these a host does not start, or lets in whoever likes; what lies here it runs as root, as it starts or by
 * itself later. On a volume of its own what lies in /usr or /var begins at the root. Matched by whole names, without regard to case.
 */
export const SYSTEM_PATHS: readonly string[] = [
  '/autoexec.bat',
  '/bin',
  '/boot',
  '/boot.ini',
  '/boot.scr',
  '/boot.scr.uimg',
  '/bootmgr',
  '/bootnxt',
  '/config.sys',
  '/efi',
  '/etc/acpi',
  '/etc/anacrontab',
  '/etc/apt/apt.conf',
  '/etc/apt/apt.conf.d',
  '/etc/bash.bashrc',
  '/etc/bashrc',
  '/etc/binfmt.d',
  '/etc/cron.d',
  '/etc/cron.daily',
  '/etc/cron.hourly',
  '/etc/cron.monthly',
  '/etc/cron.weekly',
  '/etc/crontab',
  '/etc/crypttab',
  '/etc/dbus-1',
  '/etc/default',
  '/etc/dhcp/dhclient-enter-hooks.d',
  '/etc/dhcp/dhclient-exit-hooks.d',
  '/etc/doas.conf',
  '/etc/dracut.conf',
  '/etc/dracut.conf.d',
  '/etc/environment',
  '/etc/fstab',
  '/etc/group',
  '/etc/grub.d',
  '/etc/gshadow',
  '/etc/hosts.equiv',
  '/etc/inetd.conf',
  '/etc/init',
  '/etc/init.d',
  '/etc/initramfs-tools',
  '/etc/inittab',
  '/etc/kernel',
  '/etc/ld.so.conf',
  '/etc/ld.so.conf.d',
  '/etc/ld.so.preload',
  '/etc/local.d',
  '/etc/logrotate.conf',
  '/etc/logrotate.d',
  '/etc/modprobe.conf',
  '/etc/modprobe.d',
  '/etc/modules',
  '/etc/modules-load.d',
  '/etc/network/if-down.d',
  '/etc/network/if-post-down.d',
  '/etc/network/if-pre-up.d',
  '/etc/network/if-up.d',
  '/etc/networkd-dispatcher',
  '/etc/networkmanager/dispatcher.d',
  '/etc/nsswitch.conf',
  '/etc/pam.d',
  '/etc/passwd',
  '/etc/pm',
  '/etc/polkit-1',
  '/etc/profile',
  '/etc/profile.d',
  '/etc/rc.conf',
  '/etc/rc.d',
  '/etc/rc.local',
  '/etc/rc0.d',
  '/etc/rc1.d',
  '/etc/rc2.d',
  '/etc/rc3.d',
  '/etc/rc4.d',
  '/etc/rc5.d',
  '/etc/rc6.d',
  '/etc/rcs.d',
  '/etc/runit',
  '/etc/runlevels',
  '/etc/security',
  '/etc/selinux',
  '/etc/shadow',
  '/etc/ssh',
  '/etc/sudo.conf',
  '/etc/sudoers',
  '/etc/sudoers.d',
  '/etc/sv',
  '/etc/sysctl.conf',
  '/etc/sysctl.d',
  '/etc/systemd',
  '/etc/sysusers.d',
  '/etc/tmpfiles.d',
  '/etc/udev',
  '/etc/update-motd.d',
  '/etc/x11/xinit',
  '/etc/x11/xsession.d',
  '/etc/xinetd.d',
  '/etc/zsh',
  '/extlinux',
  '/extlinux.conf',
  '/grub',
  '/grub.cfg',
  '/grub2',
  '/hiberfil.sys',
  '/init',
  '/lib',
  '/lib32',
  '/lib64',
  '/libexec',
  '/libx32',
  '/linuxrc',
  '/loader',
  '/local/bin',
  '/local/lib',
  '/local/sbin',
  '/menu.lst',
  '/ntdetect.com',
  '/ntldr',
  '/program files',
  '/program files (x86)',
  '/programdata/microsoft',
  '/recovery',
  '/root',
  '/sbin',
  '/spool/at',
  '/spool/cron',
  '/startup.nsh',
  '/syslinux',
  '/syslinux.cfg',
  '/system volume information',
  '/uenv.txt',
  '/usr',
  '/var/spool/at',
  '/var/spool/cron',
  '/windows',
];

/** Kernels and what they start with, beside each other at the root of a boot volume, or of a whole system. */
const KERNELS = /^\/(vmlinuz|initrd|initramfs)[^/]*$|^\/kernel[^/]*\.img$/;

/** Whether a path, as its names say, is one that a host needs to start, lies below one, or, where `above`, holds one. */
export function isSystemPath(path: string, above = false): boolean {
  // Both ways: volumes without case hold more letters alike than their small ones.
  const names = `/${path
    .toUpperCase()
    .toLowerCase()
    .split('/')
    .filter((part) => part !== '')
    .join('/')}`;
  if (KERNELS.test(names)) return true;
  return SYSTEM_PATHS.some(
    (system) =>
      names === system ||
      names.startsWith(`${system}/`) ||
      (above && (names === '/' || system.startsWith(`${names}/`))),
  );
}

/** Attributes that give rights to whoever runs the file, or that only a host's own administrator may set. */
const PRIVILEGED = /^(?:security|trusted)\./;

/** Whoever runs the file is its owner, or of its group. */
export const SET_IDS = 0o6000;

/** Those among a mode and the extended attributes of a file: names, and "set-id bits". */
export function privilegesIn(mode: number, xattrs: readonly { readonly name: string }[]): readonly string[] {
  const names = xattrs.map(({ name }) => name).filter((name) => PRIVILEGED.test(name));
  return (mode & SET_IDS) === 0 ? names : [...names, 'set-id bits'];
}

/** What an order gives to a file that gives rights on the host: extended attributes, and "set-id bits". */
export function privilegesOf({ args }: Pick<Order, 'args'>): readonly string[] {
  if ('privileged' in args && args.privileged === true) return ['security.*'];
  const xattrs = 'xattrs' in args && Array.isArray(args.xattrs) ? args.xattrs : [];
  return privilegesIn('mode' in args && typeof args.mode === 'number' ? args.mode : 0, xattrs);
}

/**
 * What an order destroys, as far as the order itself tells: where a path on the disk really leads is judged when the
 * task begins. What only says what would happen destroys nothing.
 */
export function destructionOf(order: Pick<Order, 'verb' | 'args'>): Destruction | undefined {
  const byName = destructionByName(order);
  if (byName !== undefined || isDryRun(order.args)) return byName;
  return privilegesOf(order).length === 0 ? undefined : 'wipe';
}

function isDryRun(args: Order['args']): boolean {
  return 'dryRun' in args && args.dryRun === true;
}

/** The same by what the order names alone, whatever it gives to a file. */
export function destructionByName({ verb, args }: Pick<Order, 'verb' | 'args'>): Destruction | undefined {
  if (isDryRun(args)) return undefined;
  switch (verb) {
    case 'machine.disable':
      return 'lock';
    case 'file.delete':
      return ('recursive' in args && args.recursive === true) || namesSystemPath(args, true)
        ? 'wipe'
        : undefined;
    case 'file.download':
      // New files too: what is put there the host runs when it starts next.
      return namesSystemPath(args, 'tree' in args && args.tree === true) ? 'wipe' : undefined;
    default:
      return undefined;
  }
}

function namesSystemPath(args: Order['args'], above: boolean): boolean {
  return 'path' in args && typeof args.path === 'string' && isSystemPath(args.path, above);
}
