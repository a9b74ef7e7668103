export type { BlockPort } from './block-port.ts';
