export type { AdmittedOrder, Issuer, Submission, TaskDesk, TaskEvent } from './desk.ts';
