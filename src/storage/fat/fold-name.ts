/** One letter for one: names that differ in more than case stay apart. */
export function foldName(name: string): string {
  return Array.from(name, (letter) => {
    const upper = letter.toUpperCase();
    return upper.length === letter.length ? upper : letter;
  }).join('');
}
