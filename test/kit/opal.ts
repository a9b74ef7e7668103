/** What an Opal 2 drive answers to Level 0 Discovery; `locking`: the byte of flags of its locking feature. */
export function discoveryAnswer(locking: number): Buffer {
  const feature = (code: number, length: number, first = 0): Buffer => {
    const bytes = Buffer.alloc(4 + length);
    bytes.writeUInt16BE(code, 0);
    bytes.writeUInt8(0x10, 2);
    bytes.writeUInt8(length, 3);
    bytes.writeUInt8(first, 4);
    return bytes;
  };
  const features = [
    feature(0x0001, 12, 0x11),
    feature(0x0002, 12, locking),
    feature(0x0003, 28),
    feature(0x0203, 16),
  ];
  const answer = Buffer.concat([Buffer.alloc(48), ...features]);
  answer.writeUInt32BE(answer.byteLength - 4, 0);
  answer.writeUInt32BE(1, 4);
  return answer;
}
