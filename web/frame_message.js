// The binary WebSocket message of docs/protocol.md: u32 length (little endian), that many bytes of
// JSON, then the bytes of the encoded image.
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** `images` are what follows the header, each null or bytes. */
export function packFrame(header, ...images) {
  const json = encoder.encode(JSON.stringify(header));
  const parts = images.filter((image) => image).map((image) => new Uint8Array(image));
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  const message = new Uint8Array(4 + json.length + bytes);
  new DataView(message.buffer).setUint32(0, json.length, true);
  message.set(json, 4);
  let end = 4 + json.length;
  for (const part of parts) {
    message.set(part, end);
    end += part.length;
  }
  return message;
}

export function unpackFrame(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  return {
    header: JSON.parse(decoder.decode(new Uint8Array(buffer, 4, length))),
    image: new Uint8Array(buffer, 4 + length),
  };
}
