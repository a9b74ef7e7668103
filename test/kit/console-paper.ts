/** Rows of what a device has printed, as a terminal of paper shows them: backspaces go back, bells are heard and not seen. */
export function paperOf(raw: string): readonly string[] {
  const rows: string[][] = [[]];
  let at = 0;
  for (const c of withoutTransfers(raw)) {
    const row = rows.at(-1)!;
    if (c === '\n') rows.push([]);
    else if (c === '\r') at = 0;
    else if (c === '\b') at = Math.max(0, at - 1);
    else if (c !== '\x07') {
      while (row.length < at) row.push(' ');
      row[at] = c;
      at += 1;
    }
  }
  return rows.map((row) => row.join('').trimEnd());
}

const [CAN, BS, XON, LF_MARKED] = ['\x18', '\b', '\x11', '\x8a'];
const ZMODEM = new RegExp(
  `(?:rz\r)?\\*\\*${CAN}B[0-9a-f]{14}\r[\n${LF_MARKED}]${XON}?|\\*?${CAN}{5,}${BS}*`,
  'g',
);

/** Without the bytes by which programs for ZMODEM find each other, or are told that it is over. */
export const withoutTransfers = (raw: string): string => raw.replaceAll(ZMODEM, '');

/** Bytes that no plain terminal of seven bits should be sent. */
export const notPlain = (raw: string): readonly string[] =>
  Array.from(new Set(withoutTransfers(raw))).filter(
    (c) => !((c >= ' ' && c <= '~') || '\r\n\x07\b'.includes(c)),
  );

/** Rows up to the next prompt, or the empty row before the next menu. */
const ANSWER = String.raw`(?:(?!\w*@host1>|\n).*\n)+`;

/** Where something stands that differs from run to run, or from machine to machine. */
const PLACES: readonly (readonly [RegExp, string])[] = [
  [/(?:^[# ]{60,}$\n?){29,}/gm, '<QR code>\n'],
  [/^( {4}(?:\d [a-z]+ *){3}$\n?){3}/gm, '    <nine words>\n'],
  [/NS1:host1:[0-9A-Z]{15}/g, 'NS1:host1:<challenge>'],
  [/\b[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}-[0-9A-Z]\b/g, '<code>'],
  [/\bed25519:[\w-]{43}/g, 'ed25519:<key>'],
  [/\b[0-9a-f]{4}(?: [0-9a-f]{4}){3}\b/g, '<digits>'],
  [new RegExp(`(?<=> logs(?: \\d+)?\n)${ANSWER}`, 'g'), '<lines of the log>\n'],
  [new RegExp(`(?<=> host log\n)${ANSWER}`, 'g'), '<lines of the host>\n'],
  [/(?<=> network\n)(?:(?!broker:).*\n)+/g, '<interfaces, gateway, name servers>\n'],
  [/\b(?!2026-01-02 03:04:05Z)\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/g, '<time>'],
  [/\b[0-9a-f]{16,}(?:\n {4}[0-9a-f]+)?\b/g, '<digits>'],
  [/(cancel |> cancel |digits will do: )[0-9a-f]{8}\b/g, '$1<id>'],
  // What is simulated is never quite the same.
  [/(a picture|sentences) of \d+ B/g, '$1 of <some> B'],
  [/\b\d{5}(?= +m deg C)/g, '<noise>'],
  [/\b3[23]\d\d(?= +mV)/g, '3<noise>'],
  [/\b0x[0-9a-f]{8}\b/g, '<register>'],
  [/\bepoch \d+\b/g, 'epoch <n>'],
  [/^( \|? {2,}last) .*(?:\n \|? {7,}.*)*$/gm, '$1  <what, and when>'],
  [/, up \d.*$/gm, ', up <so long>'],
  // What this machine has to confine them by.
  [/^disk tools: .*(?:\n {4}.*)*/gm, 'disk tools: <how confined>'],
  [/\bNightshift \d+\.\d+\.\S+/g, 'Nightshift <version>'],
  [/\bversion \d+\.\d+\.\S+,/g, 'version <version>,'],
  [/\/\S*ns-cable-\w+\/device\b/g, '<line>'],
  // Work that takes long says so.
  [/^ {2}[a-z -]+: (?:\d+ % )?\d.*\n/gm, ''],
];
const ENTRY = /^ {1,2}(\d{1,2}) {2}(.+)$/;
const CHOSEN = /^Number: (\d+)$/;

/** What is kept of rows: the same in each run. In place of the menu, and of the number that was chosen, is what the entry says. */
export function keptText(rows: readonly string[], { menu = false } = {}): string {
  const kept: string[] = [];
  let entries = new Map<string, string>();
  let inMenu = false;
  for (const row of rows) {
    const entry = ENTRY.exec(row);
    if (entry !== null) {
      if (!inMenu) entries = new Map();
      entries.set(entry[1]!, entry[2]!);
      if (!inMenu && !menu) kept.push('<the menu>');
      if (menu) kept.push(row);
      inMenu = true;
      continue;
    }
    inMenu = false;
    const said = entries.get(CHOSEN.exec(row)?.[1] ?? '');
    kept.push(said === undefined ? row : `Number: <${said}>`);
  }
  let text = kept.join('\n');
  for (const [pattern, place] of PLACES) text = text.replaceAll(pattern, place);
  return `${text.trimEnd()}\n`;
}
