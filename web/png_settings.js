// Settings inside PNG files: a snapshot carries the settings that made it (an iTXt chunk), and they
// are offered again when the file is dropped on the page.
const KEYWORD = "streamdiffusion";
const SIGNATURE_BYTES = 8;
const CRC_POLYNOMIAL = 0xedb88320;

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k += 1) n = n & 1 ? CRC_POLYNOMIAL ^ (n >>> 1) : n >>> 1;
  return n >>> 0;
});

function crc(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = crcTable[(value ^ byte) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

function isPng(bytes) {
  return bytes[1] === 0x50 && bytes[2] === 0x4e && bytes[3] === 0x47;
}

function* chunks(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = SIGNATURE_BYTES; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const end = at + 12 + length;
    yield { type, data: bytes.subarray(at + 8, at + 8 + length), end };
    at = end;
  }
}

/** The PNG with an iTXt chunk (UTF-8, not compressed) after its header. */
export async function embedSettings(blob, settings) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const text = new TextEncoder().encode(`${KEYWORD}\0\0\0\0\0${JSON.stringify(settings)}`);
  const chunk = new Uint8Array(12 + text.length);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, text.length);
  chunk.set(new TextEncoder().encode("iTXt"), 4);
  chunk.set(text, 8);
  view.setUint32(8 + text.length, crc(chunk.subarray(4, 8 + text.length)));
  const { end } = chunks(bytes).next().value;
  const parts = [bytes.subarray(0, end), chunk, bytes.subarray(end)];
  return new Blob(parts, { type: "image/png" });
}

/** The settings inside a PNG; null if there are none or the file is no PNG. */
export async function readSettings(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  if (!isPng(bytes)) return null;
  try {
    for (const { type, data } of chunks(bytes)) {
      if (type !== "iTXt") continue;
      const text = new TextDecoder().decode(data);
      if (text.startsWith(`${KEYWORD}\0`)) return JSON.parse(text.slice(KEYWORD.length + 5));
    }
  } catch { /* a damaged file, or another program's chunk */ }
  return null;
}
