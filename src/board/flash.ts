import * as v from 'valibot';

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const MiB = 1024 * 1024;

const partition = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9-]{0,30}$/)),
  /** Bytes from the medium's start, and bytes. */
  offset: whole,
  size: v.pipe(whole, v.minValue(1)),
  /** A 'root' is a whole system; a 'base' is what an 'app', which is the agent alone, stands on. */
  holds: v.picklist(['boot-loader', 'environment', 'kernel', 'root', 'base', 'app', 'state']),
  /** Which of the firmware's slots it belongs to: "recovery" is the one that no update writes. */
  slot: v.optional(v.picklist(['a', 'b', 'recovery'])),
});

export type FlashPartition = v.InferOutput<typeof partition>;

/** Its shape alone, without what one part says of another: for a JSON Schema. */
export const flashLayoutFields = v.strictObject({
  /** Where its JSON Schema is, for editors. */
  $schema: v.optional(v.pipe(v.string(), v.maxLength(200))),
  name: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9-]{0,30}$/)),
  title: v.pipe(v.string(), v.maxLength(120)),
  kind: v.picklist(['nor', 'emmc']),
  /** Bytes that the medium must have at least. */
  size: v.pipe(whole, v.minValue(MiB), v.maxValue(256 * 1024 * MiB)),
  /** Bytes that are erased at a time; on eMMC the sector. */
  eraseSize: v.pipe(whole, v.minValue(512), v.maxValue(MiB)),
  partitions: v.pipe(v.array(partition), v.minLength(1), v.maxLength(32)),
});

/** How a medium that holds the firmware is parted: flash/layouts/<name>.json. */
export const flashLayout = v.pipe(
  flashLayoutFields,
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    for (const message of partitionFaults(dataset.value)) addIssue({ message });
  }),
);

export type FlashLayout = v.InferOutput<typeof flashLayout>;

/** The medium that a board's firmware lives on. */
export const flash = v.strictObject({
  kind: v.picklist(['nor', 'emmc']),
  size: v.pipe(whole, v.minValue(MiB), v.maxValue(256 * 1024 * MiB)),
  /** How it is parted, by the layout's name. */
  layout: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9-]{0,30}$/)),
});

/** What is wrong with how a medium is parted, a sentence each: nothing where it fits. */
export function partitionFaults(
  medium: Pick<FlashLayout, 'size' | 'eraseSize'> & {
    readonly partitions: readonly Pick<FlashPartition, 'name' | 'offset' | 'size'>[];
  },
): string[] {
  const { size, eraseSize, partitions } = medium;
  const faults: string[] = [];
  if (size % eraseSize !== 0)
    faults.push(`the size ${size} is not a multiple of the erase size ${eraseSize}`);
  for (const { name, offset, size: length } of partitions) {
    if (offset % eraseSize !== 0)
      faults.push(`${name} begins at ${offset}, not at a multiple of the erase size ${eraseSize}`);
    if (length % eraseSize !== 0)
      faults.push(`${name} has ${length} bytes, not a multiple of the erase size ${eraseSize}`);
    if (offset + length > size)
      faults.push(`${name} ends at ${offset + length}, behind the end of ${size} bytes`);
  }
  const names = partitions.map(({ name }) => name);
  for (const name of new Set(names.filter((one, index) => names.indexOf(one) !== index)))
    faults.push(`two partitions are called ${name}`);
  const sorted = [...partitions].sort((a, b) => a.offset - b.offset);
  sorted.forEach((part, index) => {
    const next = sorted[index + 1];
    if (next !== undefined && next.offset < part.offset + part.size)
      faults.push(
        `${next.name} begins at ${next.offset}, before ${part.name} has ended at ${part.offset + part.size}`,
      );
  });
  return faults;
}
