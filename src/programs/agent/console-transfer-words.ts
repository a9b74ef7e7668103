import { usage } from './console-hands.ts';

export const ONE_FILE =
  'One file at a time goes over the line. Directories, images of disks and staged puts go over the network alone: "nightshift get -r", "get --image" and "put --stage" of the operator.';

const OTHERS = [
  '-r',
  '--recursive',
  '--tar',
  '--image',
  '--used-only',
  '-p',
  '--preserve',
  '--stage',
  '--until',
  '--dry-run',
];

/** NS_USAGE for what the operator's command can and a line cannot. */
export function refuseOthers(words: readonly string[]): void {
  const other = words.find((word) => OTHERS.includes(word));
  if (other !== undefined) throw usage(`there is no ${other} here. ${ONE_FILE.slice(0, -1)}`);
}
