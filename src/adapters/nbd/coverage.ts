interface Piece {
  start: number;
  end: number;
}

/** More separate pieces than this are no honest answer to one read. */
const MOST_PIECES = 1024;

/** Keeps count of which bytes of a read have come, so that none is left out and none comes twice. */
export class Coverage {
  /** In order, none touching the next. */
  readonly #pieces: Piece[] = [];

  /** False where it overlaps what came before, is empty, or there are too many pieces. */
  add(start: number, end: number): boolean {
    if (end <= start) return false;
    const pieces = this.#pieces;
    let at = pieces.length;
    while (at > 0 && pieces[at - 1]!.start >= start) at -= 1;
    const before = pieces[at - 1];
    const after = pieces[at];
    if ((before !== undefined && before.end > start) || (after !== undefined && after.start < end))
      return false;
    const joinsBefore = before !== undefined && before.end === start;
    const joinsAfter = after !== undefined && after.start === end;
    if (joinsBefore && joinsAfter) {
      before.end = after.end;
      pieces.splice(at, 1);
    } else if (joinsBefore) before.end = end;
    else if (joinsAfter) after.start = start;
    else pieces.splice(at, 0, { start, end });
    return pieces.length <= MOST_PIECES;
  }

  isWhole(length: number): boolean {
    const [first] = this.#pieces;
    return length === 0 || (this.#pieces.length === 1 && first?.start === 0 && first.end === length);
  }
}
