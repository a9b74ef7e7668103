import { allow, refuse, type Verdict } from '../../base/index.ts';
import type { FileAttributes, StagedFile, VolumeEdit, VolumeFacts, VolumeLimits } from '../../ports/index.ts';
import type { ArgsOf, EffectNote } from '../../protocol/index.ts';
import { baseName, checkWritableName } from '../../storage/index.ts';
import { checkProtected } from './protect.ts';
import type { RealPlace } from './real-path.ts';

export interface PutFacts {
  readonly place: RealPlace;
  readonly volume: VolumeFacts;
  readonly protectedPaths: readonly string[];
  /** Whole seconds; for a file that came without a time. */
  readonly now: number;
}

export interface PutPlan {
  readonly path: string;
  readonly directories: readonly string[];
  readonly attributes: FileAttributes;
  readonly replace: boolean;
  readonly changes: EffectNote['changes'];
  /** What the order asks for and this filesystem does not keep. */
  readonly notes: readonly string[];
}

const DIRECTORY_MODE = 0o755;
const FILE_MODE = 0o644;
const READ_ONLY_MODE = 0o444;

/** May this file be put there, and what becomes of what is there? Judges names, kinds, protection and room. */
export function planPut(args: ArgsOf<'file.download'>, facts: PutFacts): Verdict<PutPlan> {
  const { path, missing, stat } = facts.place;
  if (path === '/')
    return refuse('IS_A_DIRECTORY', 'The root of the volume is a directory.', 'Name a file in it.');
  for (const name of [...missing.map(baseName), baseName(path)]) {
    const fit = checkWritableName(name);
    if (!fit.ok) return fit;
  }
  const { limits } = facts.volume;
  const free = checkProtected(path, facts.protectedPaths, false, limits?.caseless);
  if (!free.ok) return free;
  if (missing.length > 0 && args.parents !== true) {
    return refuse('NO_SUCH_FILE', `The directory ${missing[0]} does not exist.`, 'Say --parents to make it.');
  }
  if (stat?.kind === 'directory') {
    return refuse('IS_A_DIRECTORY', `${path} is a directory.`, 'Name the file itself, under that directory.');
  }
  if (stat?.kind === 'symlink') {
    return refuse('IS_A_SYMLINK', `${path} is a symbolic link to ${stat.target ?? '?'}.`);
  }
  if (stat !== undefined && stat.kind !== 'file') return refuse('NOT_A_FILE', `${path} is a ${stat.kind}.`);
  if (stat !== undefined && args.replace !== true) return refuse('FILE_EXISTS', `${path} exists.`);
  if (limits !== undefined && args.size > limits.largestFile) {
    return refuse('FILE_TOO_LARGE', `A file on this filesystem has ${limits.largestFile} bytes at most.`);
  }
  const room = facts.volume.free;
  if (room !== undefined && args.size > room + (stat?.size ?? 0)) {
    return refuse('NO_SPACE', `The file takes ${args.size} bytes; ${room} are free on the volume.`);
  }
  const { earliestTime, latestTime } = facts.volume;
  const wanted = args.mtime ?? facts.now;
  const mtime = wanted - (wanted % (limits?.timeStep ?? 1));
  if (mtime < earliestTime || mtime > latestTime) {
    return refuse(
      'TIME_UNSUPPORTED',
      `The file's time is ${mtime} s; this filesystem keeps ${earliestTime} to ${latestTime}.`,
    );
  }
  const attributes: FileAttributes = {
    mode: args.mode ?? stat?.mode ?? FILE_MODE,
    uid: args.uid ?? stat?.uid ?? 0,
    gid: args.gid ?? stat?.gid ?? 0,
    mtime,
  };
  return allow({
    path,
    directories: missing,
    attributes,
    replace: stat !== undefined,
    notes: limits === undefined ? [] : notKept(args, limits, attributes.mtime),
    changes: [
      ...missing.map((directory) => ({ change: 'make-directory' as const, path: directory })),
      { change: stat === undefined ? ('create' as const) : ('replace' as const), path },
    ],
  });
}

/** Of a mode, a filesystem without owners keeps whether anybody may write; nothing else would show from one put to the next. */
function notKept(args: ArgsOf<'file.download'>, { owners }: VolumeLimits, mtime: number): string[] {
  const shown = args.mode === undefined || args.mode === FILE_MODE || args.mode === READ_ONLY_MODE;
  return [
    ...(!owners && (args.uid !== undefined || args.gid !== undefined)
      ? ['this filesystem keeps no owner and no group; those of the order are not kept']
      : []),
    ...(!owners && !shown ? ['of the mode, this filesystem keeps only whether the file may be written'] : []),
    ...(args.mtime !== undefined && args.mtime !== mtime
      ? ['this filesystem keeps even seconds; the time of the file is the even second before the one ordered']
      : []),
  ];
}

export function editsOfPut(plan: PutPlan, content: StagedFile): VolumeEdit[] {
  const directory = { ...plan.attributes, mode: DIRECTORY_MODE };
  return [
    ...plan.directories.map((path): VolumeEdit => ({ edit: 'make-directory', path, attributes: directory })),
    { edit: 'put-file', path: plan.path, content, attributes: plan.attributes, replace: plan.replace },
  ];
}
