import { allow, refuse, type Verdict } from '../../base/index.ts';
import type { FileAttributes, StagedFile, VolumeEdit, VolumeFacts } from '../../ports/index.ts';
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
}

const DIRECTORY_MODE = 0o755;
const FILE_MODE = 0o644;

/** May this file be put there, and what becomes of what is there? Judges names, kinds, protection and room. */
export function planPut(args: ArgsOf<'file.download'>, facts: PutFacts): Verdict<PutPlan> {
  const { path, missing, stat } = facts.place;
  if (path === '/')
    return refuse('IS_A_DIRECTORY', 'The root of the volume is a directory.', 'Name a file in it.');
  for (const name of [...missing.map(baseName), baseName(path)]) {
    const fit = checkWritableName(name);
    if (!fit.ok) return fit;
  }
  const free = checkProtected(path, facts.protectedPaths, false);
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
  const room = facts.volume.free ?? 0;
  if (args.size > room + (stat?.size ?? 0)) {
    return refuse('NO_SPACE', `The file takes ${args.size} bytes; ${room} are free on the volume.`);
  }
  const { earliestTime, latestTime } = facts.volume;
  const mtime = args.mtime ?? facts.now;
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
    changes: [
      ...missing.map((directory) => ({ change: 'make-directory' as const, path: directory })),
      { change: stat === undefined ? ('create' as const) : ('replace' as const), path },
    ],
  });
}

export function editsOfPut(plan: PutPlan, content: StagedFile): VolumeEdit[] {
  const directory = { ...plan.attributes, mode: DIRECTORY_MODE };
  return [
    ...plan.directories.map((path): VolumeEdit => ({ edit: 'make-directory', path, attributes: directory })),
    { edit: 'put-file', path: plan.path, content, attributes: plan.attributes, replace: plan.replace },
  ];
}
