import type { ResultOf } from '../protocol/index.ts';
import { table } from './text.ts';

/** What the bytes of a channel say, where its board tells how they are laid out. */
export function contentsLines(contents: ResultOf<'io.read'>['contents']): string[] {
  if (contents === undefined) return [];
  const { fields, problems } = contents;
  return [
    ...table(fields.map(({ name, value }) => [`  ${name}`, value])),
    ...problems.map((problem) => `  PROBLEM: ${problem}`),
  ];
}
