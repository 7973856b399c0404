// The binary WebSocket message of docs/protocol.md: u32 length (little endian), that many bytes of
// JSON, then the bytes of the encoded image.
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function packFrame(header, image) {
  const json = encoder.encode(JSON.stringify(header));
  const message = new Uint8Array(4 + json.length + (image ? image.byteLength : 0));
  new DataView(message.buffer).setUint32(0, json.length, true);
  message.set(json, 4);
  if (image) message.set(new Uint8Array(image), 4 + json.length);
  return message;
}

export function unpackFrame(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  return {
    header: JSON.parse(decoder.decode(new Uint8Array(buffer, 4, length))),
    image: new Uint8Array(buffer, 4 + length),
  };
}
