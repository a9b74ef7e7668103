import type { FileAttributes, FileContent, VolumeEdit } from '../../ports/index.ts';
import { baseName, parentPath } from '../../storage/index.ts';

/** One run of a program of mtools; the image comes first among its arguments. */
export interface MtoolsStep {
  readonly program: 'mcopy' | 'mmd' | 'mdel' | 'mrd' | 'mren' | 'mattrib';
  readonly args: readonly string[];
  /** Whole seconds since 1970: the only time that it may write. */
  readonly time: number;
  /** What is made; its path is the last of the arguments, which are without it. */
  readonly makes?: string;
  /** What the file that is made, empty, is to hold. */
  readonly content?: FileContent;
}

export interface StepFacts {
  /** Whole seconds since 1970, for what brings no time of its own. */
  readonly time: number;
  /** There is room for all new content beside the old. */
  readonly beside: boolean;
  /** A file that is empty. */
  readonly empty: string;
  /** The attribute bits of a file that is to be replaced. */
  readonly attributesOf: (path: string) => number;
  /** A short name that nothing in the directory has. */
  readonly spareName: (directory: string) => string;
}

/** Of one run, so that no command line becomes too long. */
const MOST_PATHS = 64;
const HIDDEN = 0x02;
const SYSTEM = 0x04;
/** A name that is taken is no question to be asked but a failure; a short name that is taken is another one. */
const NO_QUESTIONS = ['-D', 's', '-D', 'A'];

/** What to run, in order, for edits whose paths are as the volume has them. */
export function mtoolsSteps(edits: readonly VolumeEdit[], facts: StepFacts): MtoolsStep[] {
  const steps: MtoolsStep[] = [];
  const removals: VolumeEdit[] = [];
  const flush = (): void => {
    steps.push(...removalSteps(removals, facts.time));
    removals.length = 0;
  };
  for (const edit of edits) {
    switch (edit.edit) {
      case 'remove-file':
      case 'remove-directory':
        removals.push(edit);
        continue;
      case 'make-directory':
        flush();
        steps.push(step('mmd', NO_QUESTIONS, facts.time, edit.path));
        continue;
      case 'put-file':
        flush();
        steps.push(...putSteps(edit, facts));
        continue;
      case 'make-symlink':
      case 'make-link':
        // Refused before; see storedEdits.
        continue;
    }
  }
  flush();
  return steps;
}

/** Files first and then directories, each in the order given, which has what is inside before what holds it. */
function removalSteps(removals: readonly VolumeEdit[], time: number): MtoolsStep[] {
  const steps: MtoolsStep[] = [];
  for (const [kind, program] of [
    ['remove-file', 'mdel'],
    ['remove-directory', 'mrd'],
  ] as const) {
    const paths = removals.filter(({ edit }) => edit === kind).map(({ path }) => pattern(path));
    for (let at = 0; at < paths.length; at += MOST_PATHS) {
      steps.push(step(program, paths.slice(at, at + MOST_PATHS), time));
    }
  }
  return steps;
}

/**
 * A file that replaces another is written under a name of its own first, so that its content goes to clusters that are
 * free now and not to those of the old file: such content can be brought to the disk ahead of the commit.
 */
function putSteps(edit: Extract<VolumeEdit, { edit: 'put-file' }>, facts: StepFacts): MtoolsStep[] {
  const { path, content, replace, attributes } = edit;
  const time = attributes.mtime;
  const copy = (to: string) => ({ ...step('mcopy', [...NO_QUESTIONS, facts.empty], time, to), content });
  const marks = attributeStep(path, attributes, replace ? facts.attributesOf(path) : 0);
  if (!replace) return [copy(path), ...marks];
  const removal = step('mdel', [pattern(path)], facts.time);
  if (!facts.beside) return [removal, copy(path), ...marks];
  const parent = parentPath(path);
  const aside = `${parent === '/' ? '' : parent}/${facts.spareName(parent)}`;
  const rename = step('mren', [...NO_QUESTIONS, pattern(aside)], time, path);
  return [copy(aside), removal, rename, ...marks];
}

/** Read-only as ordered; hidden and system as the file was that it replaces. */
function attributeStep(path: string, { mode, mtime }: FileAttributes, former: number): MtoolsStep[] {
  const marks = [
    ...((mode & 0o222) === 0 ? ['+r'] : []),
    ...((former & HIDDEN) === 0 ? [] : ['+h']),
    ...((former & SYSTEM) === 0 ? [] : ['+s']),
  ];
  return marks.length === 0 ? [] : [step('mattrib', [...marks, pattern(path)], mtime)];
}

function step(
  program: MtoolsStep['program'],
  args: readonly string[],
  time: number,
  makes?: string,
): MtoolsStep {
  return { program, args, time, ...(makes === undefined ? {} : { makes }) };
}

/** A path of something that is there, matched as a pattern: a bracket stands for itself within brackets alone. */
function pattern(path: string): string {
  return `::${path.replaceAll('[', '[[]')}`;
}

/** A path of something that is to be: its last name is taken as it is. */
export function newName(path: string): string {
  const parent = parentPath(path);
  return `${pattern(parent === '/' ? '' : parent)}/${baseName(path)}`;
}
