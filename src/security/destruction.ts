import type { Order } from '../protocol/index.ts';

/** Kinds of destructive order; each has a budget of its own. "wipe": what it takes away does not come back. */
export const DESTRUCTIONS = ['lock', 'wipe'] as const;
export type Destruction = (typeof DESTRUCTIONS)[number];

const ETC = `
  acpi anacrontab apt/apt.conf apt/apt.conf.d bash.bashrc bashrc binfmt.d cron.d cron.daily cron.hourly
  cron.monthly cron.weekly crontab crypttab dbus-1 default dhcp/dhclient-enter-hooks.d
  dhcp/dhclient-exit-hooks.d doas.conf dracut.conf dracut.conf.d environment fstab group grub.d gshadow
  hosts.equiv inetd.conf init init.d initramfs-tools inittab kernel ld.so.conf ld.so.conf.d ld.so.preload
  local.d logrotate.conf logrotate.d modprobe.conf modprobe.d modules modules-load.d network/if-down.d
  network/if-post-down.d network/if-pre-up.d network/if-up.d networkd-dispatcher networkmanager/dispatcher.d
  nsswitch.conf pam.d passwd pm polkit-1 profile profile.d rc.conf rc.d rc.local rc0.d rc1.d rc2.d rc3.d rc4.d
  rc5.d rc6.d rcs.d runit runlevels security selinux shadow ssh sudo.conf sudoers sudoers.d sv sysctl.conf
  sysctl.d systemd sysusers.d tmpfiles.d udev update-motd.d x11/xinit x11/xsession.d xinetd.d zsh`;
const REST = `
  autoexec.bat bin boot boot.ini boot.scr boot.scr.uimg bootmgr bootnxt config.sys efi extlinux extlinux.conf
  grub grub.cfg grub2 hiberfil.sys init lib lib32 lib64 libexec libx32 linuxrc loader local/bin local/lib
  local/sbin menu.lst ntdetect.com ntldr programdata/microsoft recovery root sbin spool/at spool/cron
  startup.nsh syslinux syslinux.cfg uenv.txt usr var/spool/at var/spool/cron windows`;

function below(directory: string, names: string): string[] {
  return names
    .trim()
    .split(/\s+/)
    .map((name) => directory + name);
}

/**
 * Without these a host does not start, or lets in whoever likes; what lies here it runs as root, as it starts or by
 * itself later. On a volume of its own what lies in /usr or /var begins at the root. Matched by whole names, without regard to case.
 */
export const SYSTEM_PATHS: readonly string[] = [
  ...below('/etc/', ETC),
  ...below('/', REST),
  '/program files',
  '/program files (x86)',
  '/system volume information',
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
    case 'media.offer':
      // What the host starts from there reaches all of its disks.
      return 'wipe';
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
