/** What a script shows of an emulated board, step by step, with the seconds since it began. */
export class ToldSteps {
  readonly #began = performance.now();

  say(text: string): void {
    process.stdout.write(`${String(this.secondsSince(this.#began)).padStart(4)} s  ${text}\n`);
  }

  /** Throws where it does not hold. */
  check(holds: boolean, what: string, seen = ''): void {
    if (!holds) throw new Error(`not so: ${what}${seen === '' ? '' : `; seen: ${seen}`}`);
    this.say(`ok: ${what}`);
  }

  secondsSince(moment: number): number {
    return Math.round((performance.now() - moment) / 1000);
  }
}
