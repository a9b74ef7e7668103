import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import {
  decodeInfoRequest,
  decodeMetaContextRequest,
  encodeInfoRequest,
  encodeMetaContextRequest,
} from '../../../../src/adapters/nbd/option-codec.ts';

const name = fc.string({ maxLength: 40, unit: 'grapheme' });

await t.test('what is asked about an export arrives as it was asked, whole or not at all', async () => {
  const wanted = fc.array(fc.nat(0xffff), { maxLength: 10 });
  fc.assert(
    fc.property(name, wanted, fc.nat(), (text, infos, cut) => {
      const bytes = encodeInfoRequest(text, infos);
      if (!isDeepStrictEqual(decodeInfoRequest(bytes), { name: text, wanted: infos })) return false;
      if (decodeInfoRequest(bytes.subarray(0, cut % bytes.byteLength)) !== undefined) return false;
      return decodeInfoRequest(Buffer.concat([bytes, Buffer.alloc(1)])) === undefined;
    }),
  );
});

await t.test('queries for contexts arrive as they were made, whole or not at all', async () => {
  const queries = fc.array(name, { maxLength: 10 });
  fc.assert(
    fc.property(name, queries, fc.nat(), (text, asked, cut) => {
      const bytes = encodeMetaContextRequest(text, asked);
      if (!isDeepStrictEqual(decodeMetaContextRequest(bytes), { name: text, queries: asked })) return false;
      if (decodeMetaContextRequest(bytes.subarray(0, cut % bytes.byteLength)) !== undefined) return false;
      return decodeMetaContextRequest(Buffer.concat([bytes, Buffer.alloc(1)])) === undefined;
    }),
  );
});

await t.test('any bytes are decoded or refused, and a name that is no UTF-8 is refused', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      decodeInfoRequest(bytes);
      decodeMetaContextRequest(bytes);
    }),
  );
  t.equal(decodeInfoRequest(Uint8Array.of(0, 0, 0, 1, 0xff, 0, 0)), undefined);
  t.equal(decodeMetaContextRequest(Uint8Array.of(0, 0, 0, 1, 0xff, 0, 0, 0, 0)), undefined);
});
