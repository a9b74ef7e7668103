import type { OrderOutcome } from './outcome.ts';

/** What the command's exit status means. Documented in docs/operator.md. */
export const EXIT = {
  done: 0,
  /** A fault of this machine: a file that cannot be read, a full disk, a bug. */
  local: 1,
  /** The command line or the configuration is wrong; nothing was sent. */
  usage: 2,
  /** Refused, by every host that did not do it. */
  refused: 3,
  /** Failed, cancelled, expired or unknown. */
  failed: 4,
  /** No host that did not do it gave an answer. */
  unreachable: 5,
  /** Hosts ended in different ways. */
  mixed: 6,
  /** Stopped by Ctrl-C. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export function exitOfOutcome(outcome: OrderOutcome): ExitCode {
  switch (outcome.is) {
    case 'receipt':
      if (outcome.receipt.outcome === 'succeeded') return EXIT.done;
      return outcome.receipt.outcome === 'refused' ? EXIT.refused : EXIT.failed;
    case 'staged':
      return EXIT.done;
    case 'rejected':
      return EXIT.refused;
    case 'conflict':
      return EXIT.failed;
    case 'unreachable':
    case 'no-answer':
      return EXIT.unreachable;
  }
}

/** One status for many hosts: the common one, or `mixed` where they differ. */
export function exitOfAll(codes: readonly ExitCode[]): ExitCode {
  const [first = EXIT.done] = codes;
  return codes.every((code) => code === first) ? first : EXIT.mixed;
}
