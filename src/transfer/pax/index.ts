export { type ArchiveEntry, heldBytes, type Segment } from './archive-entry.ts';
export { ArchivePlan, type ReadContents } from './archive-plan.ts';
export { isLinkTarget } from './plain-path.ts';
export { type ArchiveLimits, type HeldEntry, type ReadArchive, readArchive } from './read-archive.ts';
export { MOST_SEGMENTS } from './sparse-map.ts';
