import { toHex } from '../../base/index.ts';
import type { FileContent } from '../../ports/index.ts';
import type { NtfsStep } from '../../storage/index.ts';

/** Exit statuses of the script, apart from those of what it runs. */
export const STATUS = { notMounted: 97, stepFailed: 96, notUnmounted: 95 } as const;

/**
 * As its options say: what Windows could not name is refused, nothing is compressed, nothing is replayed that a Windows left behind, reading leaves
 * no time, named streams are out of reach, and nobody but this sandbox gets in.
 */
const OPTIONS = [
  'no_def_opts',
  'silent',
  'no_detach',
  'norecover',
  'noatime',
  'windows_names',
  'nocompression',
  'streams_interface=none',
  'big_writes',
];

/**
 * A shell script that mounts the volume ($1) by ntfs-3g at $2, does all steps, and waits until everything is on the volume.
 * Files that get their clusters first are made on a mount before that, and have neither content nor name then. It ends at the
 * first step that fails.
 */
export function mountScript(
  steps: readonly NtfsStep[],
  stagedPath: (content: FileContent) => string,
): string {
  const allocated = steps.flatMap((step) =>
    step.step === 'write' && step.aside?.allocated === true ? [{ ...step, aside: step.aside }] : [],
  );
  return [
    'set -u',
    ...(allocated.length === 0
      ? []
      : [
          ...mounted(allocated.map(({ aside }) => `: >${quoted(aside.path)}`)),
          ...allocated.map(
            ({ aside, content }) =>
              `${run(`ntfsfallocate -l ${content.size} "$1" ${literal(aside.path)} >/dev/null`)} || exit ${STATUS.stepFailed}`,
          ),
        ]),
    ...mounted(steps.flatMap((step) => commandsOf(step, stagedPath))),
    '',
  ].join('\n');
}

function mounted(commands: readonly string[]): string[] {
  return [
    `ntfs-3g -o ${OPTIONS.join(',')} "$1" "$2" >/dev/null </dev/null &`,
    'ntfs=$!',
    'until mountpoint -q "$2"; do',
    `  kill -0 "$ntfs" 2>/dev/null || exit ${STATUS.notMounted}`,
    '  sleep 0.01',
    'done',
    '(',
    'set -e',
    'cd "$2"',
    // Nobody writes into a root whose owner the kernel has not yet asked for, and only a stat makes it ask.
    '[ -d . ]',
    ...commands,
    ')',
    'status=$?',
    `fusermount3 -u "$2" </dev/null || exit ${STATUS.notUnmounted}`,
    `wait "$ntfs" || exit ${STATUS.notUnmounted}`,
    `[ "$status" -eq 0 ] || exit ${STATUS.stepFailed}`,
  ];
}

function commandsOf(step: NtfsStep, stagedPath: (content: FileContent) => string): string[] {
  const path = quoted(step.path);
  switch (step.step) {
    case 'write': {
      const { aside, replaces, content } = step;
      const to = aside === undefined ? path : quoted(aside.path);
      return [
        ...(aside?.allocated === true ? [] : [written(content, to, stagedPath)]),
        ...attribute('system.ntfs_acl', toHex(step.security), to),
        ...(replaces === undefined ? [] : [run(`rm -f -- ${path}`)]),
        ...(aside === undefined ? [] : [run(`mv -T -- ${to} ${path}`)]),
        ...(replaces?.shortName === undefined
          ? []
          : [run(`setfattr -n system.ntfs_dos_name -v ${literal(replaces.shortName)} -- ${path}`)]),
        ...attribute('system.ntfs_attrib', littleEndian(step.attributes), path),
      ];
    }
    case 'make-directory':
      return [run(`mkdir -- ${path}`), ...attribute('system.ntfs_acl', toHex(step.security), path)];
    case 'link':
      return [run(`ln -T -- ${quoted(step.to)} ${path}`)];
    case 'remove-file':
      return [run(`rm -f -- ${path}`)];
    case 'remove-directory':
      return [run(`rmdir -- ${path}`)];
  }
}

function written(content: FileContent, to: string, stagedPath: (content: FileContent) => string): string {
  return content.size === 0 ? `: >${to}` : run(`cat ${literal(stagedPath(content))} >${to}`);
}

function attribute(name: string, hex: string, path: string): string[] {
  return [run(`setfattr -h -n ${name} -v 0x${hex} -- ${path}`)];
}

/** The script itself comes by standard input. */
const run = (command: string): string => `${command} </dev/null`;

function littleEndian(value: number): string {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return toHex(bytes);
}

/** A path of the volume, for a shell that stands in its root. */
const quoted = (path: string): string => literal(`.${path}`);

function literal(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
