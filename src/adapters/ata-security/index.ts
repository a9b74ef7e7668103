export { type SgRawOptions, SgRawSecurity } from './sg-raw-security.ts';
