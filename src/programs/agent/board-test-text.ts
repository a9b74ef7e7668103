import {
  type BoardDescription,
  type BoardStep,
  type Finding,
  findingCounts,
  outcomeOf,
} from '../../board/index.ts';
import { fold } from '../../console/index.ts';

/** What is told of a test, as it goes on. */
export interface Say {
  begin(board: BoardDescription): void;
  step(step: BoardStep, finding: Finding): void;
  end(findings: readonly Finding[]): void;
}

/** The line of a step, as it is shown to people at both doors. */
export const stepText = ({ name }: BoardStep, { is, says }: Finding): string =>
  `${(is === 'failed' ? 'FAILED' : is).padEnd(10)}${name}: ${says}`;

export const titleText = ({ name, title, evidence }: BoardDescription): string =>
  `${name}: ${title} (${evidence})`;

export const sentences = (print: (line: string) => void): Say => {
  const folded = (text: string): void => {
    for (const line of fold(text)) print(line);
  };
  return {
    begin: (board) => folded(titleText(board)),
    step: (step, finding) => folded(stepText(step, finding)),
    end: (findings) => folded(findingCounts(findings)),
  };
};

/** A JSON object a line, as the operator's command prints them. */
export const jsonLines = (print: (line: string) => void): Say => ({
  begin: ({ name, evidence }) => print(JSON.stringify({ v: 1, line: 'board', board: name, evidence })),
  step: ({ name, look }, { is, says }) =>
    print(JSON.stringify({ v: 1, line: 'step', name, of: look.at, is, says })),
  end: (findings) =>
    print(
      JSON.stringify({
        v: 1,
        line: 'end',
        outcome: outcomeOf(findings),
        ...Object.fromEntries(
          (['proven', 'failed', 'absent', 'not tried'] as const).map((is) => [
            is,
            findings.filter((each) => each.is === is).length,
          ]),
        ),
      }),
    ),
});
