import { isMap, parseDocument } from 'yaml';
import { NsError, sentenceOf } from '../base/index.ts';

const invalid = (sentence: string, cause?: unknown): NsError =>
  new NsError('NS_CONFIG_INVALID', sentence, { family: 'caller', cause });

/**
 * A configuration with these devices in it, and what else stands there as it was, remarks too. NS_CONFIG_INVALID where the
 * file is not as it should be; NS_USAGE where a name has another key there, which is not to be replaced.
 */
export function withDevices(
  source: string,
  text: string,
  devices: ReadonlyMap<string, string>,
  replace: boolean,
): { readonly text: string; readonly added: readonly string[] } {
  const document = parseDocument(text, { logLevel: 'error' });
  const [broken] = document.errors;
  if (broken !== undefined) throw invalid(`${source}: ${sentenceOf(broken).split('\n')[0]}`, broken);
  if (document.contents !== null && !isMap(document.contents)) throw invalid(`${source}: is no map of keys`);
  const there = document.get('devices');
  if (there !== undefined && !isMap(there)) throw invalid(`${source}: "devices" is no map of keys`);
  const added: string[] = [];
  for (const [device, key] of devices) {
    const known = document.getIn(['devices', device]);
    if (known === key) continue;
    if (known !== undefined && !replace) {
      throw new NsError(
        'NS_USAGE',
        `${source}: "${device}" has another key there; say --replace if it is a new device under that name. Nothing was changed`,
        { family: 'caller' },
      );
    }
    document.setIn(['devices', device], key);
    added.push(device);
  }
  return { text: document.toString({ lineWidth: 0 }), added };
}
