/**
 * Something to say about the evidence. `wrong`: it does not hold. `unchecked`: a key is missing, so that nobody can
 * tell here. `note`: true, and worth knowing.
 */
export interface Finding {
  readonly is: 'wrong' | 'unchecked' | 'note';
  /** Stable, for scripts. */
  readonly code: string;
  readonly sentence: string;
}

export function wrong(code: string, sentence: string): Finding {
  return { is: 'wrong', code, sentence };
}

export function note(code: string, sentence: string): Finding {
  return { is: 'note', code, sentence };
}

export function unchecked(code: string, sentence: string): Finding {
  return { is: 'unchecked', code, sentence };
}
