import type { Command } from 'commander';
import { readOwner, readXattrs } from '../../adapters/local-xattrs.ts';
import { NsError } from '../../base/index.ts';
import { type ArgsOf, isXattrName, MOST_XATTRS, XATTR_ORDER_BYTES, xattrSize } from '../../protocol/index.ts';

export interface PreserveOptions {
  readonly preserve?: true;
  readonly privileges?: true;
  readonly lossy?: true;
}

type Preserved = Pick<
  ArgsOf<'file.download'>,
  'mode' | 'uid' | 'gid' | 'mtimeNanoseconds' | 'xattrs' | 'lossy'
>;

const RIGHTS = /^(?:security|trusted)\./;

export function withPreserveOptions(command: Command): Command {
  return command
    .option(
      '-p, --preserve',
      "give it the local file's owner, mode, time to the nanosecond, ACL and user.* attributes",
    )
    .option(
      '--privileges',
      'with -p: also set-id bits, security.* and trusted.*: needs two people and a token',
    )
    .option('--lossy', 'leave out what the filesystem there cannot keep, and say so');
}

/** What a put says of the local file beside its contents. NS_USAGE where it has more than an order can hold. */
export async function preservedArgs(path: string, o: PreserveOptions): Promise<Preserved> {
  const lossy = o.lossy === true ? { lossy: true } : {};
  if (o.preserve !== true) {
    if (o.privileges === true) throw usage('--privileges goes with --preserve');
    return lossy;
  }
  const owner = await readOwner(path);
  const read = await readXattrs(path);
  if (!read.ok) throw usage(`the extended attributes of ${path} cannot be read: ${read.why}`);
  const rights = o.privileges === true;
  const xattrs = read.xattrs.filter(({ name }) => isXattrName(name) && (rights || !RIGHTS.test(name)));
  const bytes = xattrs.reduce((sum, each) => sum + xattrSize(each), 0);
  if (xattrs.length > MOST_XATTRS || bytes > XATTR_ORDER_BYTES) {
    throw usage(
      `${path} has ${xattrs.length} extended attributes of ${bytes} bytes together; an order holds ${MOST_XATTRS} of ${XATTR_ORDER_BYTES} bytes`,
    );
  }
  return {
    ...lossy,
    ...owner,
    mode: owner.mode & (rights ? 0o7777 : 0o777),
    ...(xattrs.length === 0 ? {} : { xattrs: [...xattrs] }),
  };
}

function usage(sentence: string): NsError {
  return new NsError('NS_USAGE', sentence, { family: 'caller' });
}
