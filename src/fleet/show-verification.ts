import { formatDuration, milliseconds, toHex } from '../base/index.ts';
import { parseMessage, type Receipt, VERBS } from '../protocol/index.ts';
import { absentLine, counted, readBackLines, timeText } from '../show/index.ts';
import type { Finding } from './finding.ts';
import { jsonLine } from './show-json.ts';
import { powerTrace } from './show-outcome.ts';
import type { DeviceReport, VerificationReport } from './verification.ts';
import { samplesOf } from './verify-contents.ts';
import type { CheckedFile, CheckedReceipt } from './verify-receipt.ts';

const FINDING = { wrong: 'WRONG', unchecked: 'not checked', note: 'note' } as const;
const MOST_GAPS_SHOWN = 20;

function findingLine({ is, code, sentence }: Finding): string {
  return `${FINDING[is]} ${code}: ${sentence}`;
}

/** Whether a file has something that must be seen even where receipts are not listed. */
export function isClean(file: CheckedFile): boolean {
  if (file.is === 'bad') return false;
  return file.is === 'event' || file.checked.findings.every(({ is }) => is === 'note');
}

/** The key that signed, and those that its right was passed on through. */
function keysText({ keyId, through = [] }: CheckedReceipt['signers'][number]): string {
  const givers = through.toReversed().map((giver) => ` by grant of key ${toHex(giver.keyId)}`);
  return `key ${toHex(keyId)}${givers.join('')}`;
}

function askersText({ receipt, signers }: CheckedReceipt): string {
  if (signers.length > 0) {
    const who = signers.map((signer) => `${signer.name} (${signer.role}, ${keysText(signer)})`).join(' and ');
    return `${who}; ${signers.length === 1 ? 'the signature holds' : 'the signatures hold'}`;
  }
  const says = (receipt.askers ?? []).map(({ name, role }) => `${name} (${role})`).join(' and ');
  return `key ${toHex(receipt.issuer)}${says === '' ? '' : `, whom the device knew as ${says}`}; not checked`;
}

/** When, and by which clock: the device's wall clock may be wrong, so what stands beside it is said too. */
function whenText({ receivedAt, tookMs, clock }: Receipt): string {
  const beside =
    clock === undefined
      ? ''
      : `, surely after ${timeText(clock.floor)}, signed ${formatDuration(milliseconds(clock.upMs))} after the device's start`;
  return `received ${timeText(receivedAt)} by the device's wall clock${beside}; took ${tookMs} ms`;
}

/** Hashes that the receipt gives: what was there before, and what is there now. */
function hashLines({ receipt, order }: CheckedReceipt): string[] {
  const lines: string[] = [];
  const contents = order?.verb === 'file.download' ? order.args.sha256 : undefined;
  if (contents !== undefined) lines.push(`contents ordered: sha256 ${toHex(contents)}`);
  const put = parseMessage(VERBS['file.download'].result, receipt.result);
  const removed = parseMessage(VERBS['file.delete'].result, receipt.result);
  const effect = put.ok ? put.value.effect : removed.ok ? removed.value.effect : undefined;
  if (effect !== undefined) {
    const before = effect.before === undefined ? '' : `before ${toHex(effect.before)}, `;
    lines.push(`changed blocks: ${before}after ${toHex(effect.hash)}`);
  }
  if (put.ok) lines.push(...readBackLines(put.value));
  if (removed.ok && removed.value.absent !== undefined) lines.push(absentLine(removed.value.absent));
  const got = parseMessage(VERBS['file.upload'].result, receipt.result);
  if (got.ok) lines.push(`contents sent: sha256 ${toHex(got.value.sha256)}`);
  return lines;
}

/** For whoever has the file and no program of ours: the bytes from here to there have this hash. */
function sampleLines(receipt: Receipt): string[] {
  return (samplesOf(receipt) ?? []).map(
    ({ offset, length, sha256 }) => `bytes ${offset}-${offset + length - 1}: sha256 ${toHex(sha256)}`,
  );
}

/** One file in words; the first line names it. */
export function fileLines(file: CheckedFile): string[] {
  if (file.is === 'bad') return [file.source, `  ${findingLine(file.finding)}`];
  if (file.is === 'event') {
    const { device, event } = file.event;
    return [`${file.source}`, `  ${device}: a signed ${event}; the signature holds`];
  }
  const { checked } = file;
  const { receipt, source, device, findings } = checked;
  const { refusal, failure, audit } = receipt;
  const why = refusal ?? failure;
  return [
    source,
    `  ${device}, receipt ${receipt.seq}: ${receipt.verb} ${receipt.outcome}${why === undefined ? '' : ` (${why.code})`}; the device's signature holds`,
    `  asked by ${askersText(checked)}`,
    `  order ${toHex(receipt.id)}, packet sha256 ${toHex(receipt.order)}`,
    `  ${whenText(receipt)}`,
    ...hashLines(checked).map((line) => `  ${line}`),
    ...sampleLines(receipt).map((line) => `    ${line}`),
    `  power: ${powerTrace(receipt.power)}`,
    ...(audit === undefined
      ? []
      : [`  audit log: ${audit.seq === 1 ? '1 entry' : `${audit.seq} entries`}, head ${toHex(audit.hash)}`]),
    ...findings.map((finding) => `  ${findingLine(finding)}`),
  ];
}

const span = ([from, to]: readonly [number, number]): string => (from === to ? `${from}` : `${from}-${to}`);

/** Whether the log that was read is the log of which heads were seen. */
export function auditLines({ audit }: DeviceReport): string[] {
  const { heads, found, read, findings } = audit;
  if (heads === 0 && read.length === 0) return [];
  const entries = read.length === 0 ? 'no entries were read' : `entries read: ${read.map(span).join(', ')}`;
  const rest =
    found === heads
      ? 'all lie in them'
      : `${found} lie in them, ${heads - found} beside them and are not checked`;
  const those = read.length === 0 ? '' : heads === 0 ? '' : `; ${counted(heads, 'head')} seen, ${rest}`;
  const only = read.length === 0 ? `; ${counted(heads, 'head')} seen` : those;
  return [`audit log: ${entries}${only}`, ...findings.map(findingLine)];
}

/** What all receipts of one device come to. */
export function deviceLines(report: DeviceReport): string[] {
  const { device, key, chain } = report;
  const shown = chain.gaps.slice(0, MOST_GAPS_SHOWN).map(span).join(', ');
  const more = chain.gaps.length > MOST_GAPS_SHOWN ? ', …' : '';
  const gaps = chain.gaps.length === 0 ? '' : `; not here: ${shown}${more}`;
  const range = chain.receipts === 0 ? '' : `, numbers ${chain.first} to ${chain.last}${gaps}`;
  return [
    `${device} (key ${key}): ${counted(chain.receipts, 'receipt')}${range}`,
    ...[...chain.findings.map(findingLine), ...auditLines(report)].map((line) => `  ${line}`),
  ];
}

export function sumLine({ files, counts }: VerificationReport): string {
  const { wrong, unchecked } = counts;
  const of = `${counted(files, 'file')} checked`;
  if (wrong > 0)
    return `${of}: ${counted(wrong, 'thing')} WRONG${unchecked > 0 ? `, ${unchecked} not checked` : ''}`;
  return unchecked > 0
    ? `${of}: nothing wrong, ${counted(unchecked, 'thing')} not checked`
    : `${of}: all holds`;
}

export function fileJson(file: CheckedFile): string {
  if (file.is === 'bad') return jsonLine('verified-file', { file: file.source, findings: [file.finding] });
  if (file.is === 'event')
    return jsonLine('verified-file', {
      file: file.source,
      host: file.event.device,
      key: file.key,
      event: file.event.event,
      findings: [],
    });
  const { source, device, key, receipt, signers, hash, findings } = file.checked;
  const { event: _event, v: _v, device: _device, ...body } = receipt;
  const by = signers.map(({ name, person, role, keyId }) => ({ name, person, role, key: keyId }));
  return jsonLine('verified-file', {
    file: source,
    host: device,
    key,
    signers: by,
    hash,
    receipt: body,
    findings,
  });
}

export function deviceJson({ device, key, chain, audit }: DeviceReport): string {
  return jsonLine('verified-device', { host: device, key, chain, audit });
}

export function sumJson({ files, counts }: VerificationReport): string {
  return jsonLine('verified', { files, ...counts, holds: counts.wrong === 0 && counts.unchecked === 0 });
}
