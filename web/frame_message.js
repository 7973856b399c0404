// The binary message: u32 length (little endian), that many bytes of JSON, then the picture's bytes.
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function pack(header, picture) {
  const json = encoder.encode(JSON.stringify(header));
  const message = new Uint8Array(4 + json.length + (picture ? picture.byteLength : 0));
  new DataView(message.buffer).setUint32(0, json.length, true);
  message.set(json, 4);
  if (picture) message.set(new Uint8Array(picture), 4 + json.length);
  return message;
}

export function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  return {
    header: JSON.parse(decoder.decode(new Uint8Array(buffer, 4, length))),
    picture: new Uint8Array(buffer, 4 + length),
  };
}
