interface Numbered {
  readonly frame: string;
  readonly width: number;
  readonly value: number;
}

/** Splits at the last run of digits; the frame is what is around it. */
function numbered(name: string): Numbered | undefined {
  const match = /^(.*?)(\d{1,9})(\D*)$/.exec(name);
  if (match === null) return undefined;
  const [, before = '', digits = '', after = ''] = match;
  const width = digits.startsWith('0') && digits.length > 1 ? digits.length : 0;
  return { frame: `${before}[]${after}`, width, value: Number(digits) };
}

function spansOf(values: readonly number[], width: number): string {
  const shown = (value: number): string => String(value).padStart(width, '0');
  const spans: string[] = [];
  for (let i = 0; i < values.length; ) {
    let end = i;
    while (end + 1 < values.length && values[end + 1] === values[end]! + 1) end += 1;
    spans.push(end === i ? shown(values[i]!) : `${shown(values[i]!)}-${shown(values[end]!)}`);
    i = end + 1;
  }
  return spans.join(',');
}

/** Names as a range that expandHosts reads back: rack1, rack2, rack3, db → "rack[1-3],db". */
export function foldHosts(names: readonly string[]): string {
  const groups = new Map<
    string,
    { readonly frame: string; readonly width: number; readonly values: number[] }
  >();
  const parts: (string | { readonly key: string })[] = [];
  for (const name of names) {
    const split = numbered(name);
    if (split === undefined) {
      parts.push(name);
      continue;
    }
    // Padded and unpadded numbers do not mix in one range: "09,10" keeps its width because 10 fills it.
    const key = `${split.frame}/${split.width === 0 ? String(split.value).length : split.width}`;
    const plainKey = `${split.frame}/plain`;
    const chosen = split.width === 0 && !groups.has(key) ? plainKey : key;
    const group = groups.get(chosen);
    if (group === undefined) {
      groups.set(chosen, { frame: split.frame, width: split.width, values: [split.value] });
      parts.push({ key: chosen });
    } else group.values.push(split.value);
  }
  return parts
    .map((part) => {
      if (typeof part === 'string') return part;
      const { frame, width, values } = groups.get(part.key)!;
      const spans = spansOf(
        values.sort((a, b) => a - b),
        width,
      );
      return frame.replace('[]', /[-,]/.test(spans) ? `[${spans}]` : spans);
    })
    .join(',');
}

/** Hosts that gave the same answer, together, in the order in which each answer first came. */
export function groupEqual(answers: readonly { readonly host: string; readonly text: string }[]): {
  readonly hosts: readonly string[];
  readonly text: string;
}[] {
  const byText = new Map<string, string[]>();
  for (const { host, text } of answers) {
    const hosts = byText.get(text);
    if (hosts === undefined) byText.set(text, [host]);
    else hosts.push(host);
  }
  return [...byText].map(([text, hosts]) => ({ hosts, text }));
}
