import type { ConfinementPlan } from './confinement.ts';
import type { VisiblePath } from './visible-path.ts';

/** What a tool may use up at most. */
export interface ToolLimits {
  /** Bytes; no limit where absent. */
  readonly addressSpace?: number;
  readonly cpuSeconds: number;
  /** The longest that a file may become, bytes; no limit where absent. */
  readonly fileSize?: number;
}

export interface SandboxedTool {
  readonly tool: string;
  readonly args: readonly string[];
  readonly visible: readonly VisiblePath[];
  readonly limits: ToolLimits;
  /** Beside reading and writing files where a root has no sandbox: 'sys_rawio'. */
  readonly capability?: string;
  /** May mount by FUSE on MOUNT_POINT. */
  readonly mounts?: boolean;
}

export interface SandboxHost {
  readonly root: boolean;
  /** User and group that the tool gets, or has already. */
  readonly uid: number;
  readonly gid: number;
  /** Top directories that hold programs and libraries: where they lead, undefined where they are directories. */
  readonly system: readonly { readonly path: string; readonly target?: string }[];
}

/** Where a tool that may mount mounts. */
export const MOUNT_POINT = '/mnt/volume';
/** Descriptors of the sandbox: what it says of the tool's end, and the user list that it shows. */
export const STATUS_FD = 3;
export const USERS_FD = 4;

/** Stands on the command line of each sandbox. */
export const SANDBOX_MARK: readonly string[] = ['--setenv', 'SANDBOX_OF', 'nightshift'];

const OPEN_FILES = 64;
const PROCESSES = 32;
/** No process whose root is below the root of its mounts can make a user namespace. */
const INNER_ROOT = '/tool';

const NAMESPACES = [
  ['processes', '--unshare-pid'],
  ['network', '--unshare-net'],
  ['ipc', '--unshare-ipc'],
  ['host-name', '--unshare-uts'],
] as const;

/** The command line that runs a tool as the plan says. */
export function confinedCommand(
  plan: ConfinementPlan,
  host: SandboxHost,
  run: SandboxedTool,
): readonly [command: string, ...args: string[]] {
  const inner = plan.has('files') ? sandboxed(plan, host, run) : unsandboxed(plan, host, run);
  return inner as readonly [string, ...string[]];
}

function unsandboxed(plan: ConfinementPlan, host: SandboxHost, run: SandboxedTool): readonly string[] {
  const rights = `-all,+dac_override,+dac_read_search${run.capability === undefined ? '' : `,+${run.capability}`}`;
  const flags = [
    ...(plan.has('dies-with-agent') ? ['--pdeathsig', 'KILL'] : []),
    ...(plan.has('no-new-privileges') ? ['--no-new-privs'] : []),
    ...(plan.has('capabilities') && host.root ? [`--bounding-set=${rights}`, '--inh-caps=-all'] : []),
  ];
  return [...(flags.length === 0 ? [] : ['setpriv', ...flags]), ...limited(plan, run), run.tool, ...run.args];
}

function sandboxed(plan: ConfinementPlan, host: SandboxHost, run: SandboxedTool): readonly string[] {
  const changesUser = host.root && plan.has('user');
  const closed = plan.has('namespaces') && run.mounts !== true;
  const inner = changesUser && closed ? INNER_ROOT : '';
  return [
    'bwrap',
    ...['--die-with-parent', '--new-session', '--json-status-fd', `${STATUS_FD}`],
    ...SANDBOX_MARK,
    ...(host.root ? [] : ['--unshare-user', ...(closed ? ['--disable-userns'] : [])]),
    ...NAMESPACES.flatMap(([part, flag]) => (plan.has(part) ? [flag] : [])),
    ...(plan.has('host-name') ? ['--hostname', 'tool'] : []),
    '--unshare-cgroup-try',
    ...(inner === '' ? [] : [...directory(inner), ...linksInto(host, inner)]),
    ...systemView(host, inner),
    ...toolView(host, run, inner),
    ...['--remount-ro', '/', '--chdir', '/'],
    ...(changesUser ? ['SETUID', 'SETGID', 'SETPCAP', 'SYS_CHROOT'] : []).flatMap((name) => [
      '--cap-add',
      `CAP_${name}`,
    ]),
    '--',
    ...limited(plan, run),
    ...(changesUser ? asUser(host, inner) : []),
    ...(run.mounts === true ? ownMounts(host) : []),
    run.tool,
    ...run.args,
  ];
}

/** No capability outlives the change of the user. */
function asUser({ uid, gid }: SandboxHost, root: string): string[] {
  return root === ''
    ? [
        ...['setpriv', '--reuid', `${uid}`, '--regid', `${gid}`, '--clear-groups'],
        ...['--bounding-set=-all', '--inh-caps=-all', '--no-new-privs'],
      ]
    : ['chroot', `--userspec=${uid}:${gid}`, '--groups=', root];
}

/** The mounts around it are locked to what makes a user namespace below theirs. */
function ownMounts({ uid, gid }: SandboxHost): string[] {
  return ['unshare', '--user', `--map-user=${uid}`, `--map-group=${gid}`, '--keep-caps', '--mount', '--'];
}

function limited(plan: ConfinementPlan, { limits }: SandboxedTool): string[] {
  const { addressSpace, cpuSeconds, fileSize } = limits;
  const flags = plan.has('limits')
    ? [
        ...['--core=0', `--nofile=${OPEN_FILES}`, `--cpu=${cpuSeconds}:${cpuSeconds + 1}`],
        ...(addressSpace === undefined ? [] : [`--as=${addressSpace}`]),
        ...(fileSize === undefined ? [] : [`--fsize=${fileSize}`]),
      ]
    : [];
  if (plan.has('process-limit')) flags.push(`--nproc=${PROCESSES}`);
  return flags.length === 0 ? [] : ['prlimit', ...flags];
}

function systemView({ system }: SandboxHost, root: string): string[] {
  return [
    ...system.flatMap(({ path, target }) =>
      target === undefined ? ['--ro-bind', path, root + path] : ['--symlink', target, root + path],
    ),
    ...directory(`${root}/etc`),
    ...['--ro-bind-try', '/etc/ld.so.cache', `${root}/etc/ld.so.cache`],
  ];
}

/** What changes the root is found through it: a link costs less than a mount. */
function linksInto({ system }: SandboxHost, root: string): string[] {
  return [...system.map(({ path }) => path), '/etc'].flatMap((path) => ['--symlink', root + path, path]);
}

function toolView(host: SandboxHost, run: SandboxedTool, root: string): string[] {
  const own = isSystem(host, run.tool) ? [] : [{ path: run.tool }];
  const shown = [...own, ...run.visible];
  const parents = new Set(
    shown.flatMap(({ path }) => parentsOf(path)).filter((path) => !isSystem(host, path)),
  );
  return [
    ...directory(`${root}/dev`),
    ...['--dev-bind', '/dev/null', `${root}/dev/null`],
    ...(run.mounts === true ? mountsView(root) : ['--symlink', '/dev/null', `${root}/etc/mtab`]),
    ...[...parents]
      .filter((path) => path !== '/dev' && path !== '/mnt')
      .flatMap((path) => directory(root + path)),
    ...shown.flatMap(({ path, writable }: VisiblePath) => [
      writable === true ? '--bind' : '--ro-bind',
      path,
      root + path,
    ]),
  ];
}

/** What a program that mounts by FUSE looks at. */
function mountsView(root: string): string[] {
  return [
    ...['--proc', `${root}/proc`, '--symlink', '/proc/mounts', `${root}/etc/mtab`],
    ...['--perms', '0444', '--ro-bind-data', `${USERS_FD}`, `${root}/etc/passwd`],
    ...['--dev-bind', '/dev/fuse', `${root}/dev/fuse`],
    ...['--size', '65536', '--perms', '1777', '--tmpfs', `${root}/mnt`],
    ...['--perms', '0777', '--dir', root + MOUNT_POINT],
  ];
}

const directory = (path: string): string[] => ['--perms', '0755', '--dir', path];

/** Without a slash it is looked for where programs are. */
function isSystem({ system }: SandboxHost, path: string): boolean {
  return !path.includes('/') || system.some((top) => path === top.path || path.startsWith(`${top.path}/`));
}

/** "/a", "/a/b" of "/a/b/c". */
function parentsOf(path: string): string[] {
  const parts = path.split('/').slice(1, -1);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}
