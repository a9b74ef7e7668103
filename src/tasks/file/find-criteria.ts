import type { DirectoryEntry, FileKind, FileStat } from '../../ports/index.ts';
import type { ArgsOf } from '../../protocol/index.ts';
import { compileGlob } from '../../storage/index.ts';

/** What an order looks for, as a judge of one file after another. */
export interface FindCriteria {
  /** By its name, and its kind as the directory has it: may it be one? Most files end here. */
  readonly byName: (entry: DirectoryEntry) => boolean;
  /** By what is known of it without its contents. */
  readonly byFacts: (stat: FileStat) => boolean;
  /** Do its contents decide? */
  readonly wantsContents: boolean;
}

export function criteriaOf(args: ArgsOf<'file.find'>): FindCriteria {
  const { kind, newer, older, size, sha256, contains } = args;
  const names = [
    ...(args.name === undefined ? [] : [nameGlob(args.name, false)]),
    ...(args.iname === undefined ? [] : [nameGlob(args.iname, true)]),
  ];
  const wantsContents = sha256 !== undefined || contains !== undefined;
  const filesOnly = wantsContents || size !== undefined;
  const fits = (is: FileKind | 'unknown'): boolean =>
    is === 'unknown' || ((kind === undefined || is === kind) && (!filesOnly || is === 'file'));
  const least = Math.max(size?.min ?? 0, contains?.byteLength ?? 0);
  const most = size?.max ?? Number.MAX_SAFE_INTEGER;
  return {
    byName: (entry) => fits(entry.kind) && names.every((glob) => glob(entry)),
    byFacts: (stat) =>
      fits(stat.kind) &&
      (!filesOnly || (stat.size >= least && stat.size <= most)) &&
      (newer === undefined || stat.mtime > newer) &&
      (older === undefined || stat.mtime < older),
    wantsContents,
  };
}

/** A name that is not UTF-8 fits byte by byte. A leading dot is a letter as any other. */
function nameGlob(pattern: string, caseless: boolean): (entry: DirectoryEntry) => boolean {
  const byText = compileGlob(pattern, { caseless, dots: true });
  const folded = (text: string): string =>
    caseless ? text.replace(/[A-Z]+/g, (a) => a.toLowerCase()) : text;
  const byBytes = compileGlob(folded(Buffer.from(pattern).toString('latin1')), { dots: true });
  return ({ name, rawName }) =>
    name === undefined ? byBytes(folded(Buffer.from(rawName).toString('latin1'))) : byText(name);
}
