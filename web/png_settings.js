// Text inside PNG files: the settings travel with a snapshot, and come back when it is dropped on the page.
const KEYWORD = "streamdiffusion";
const SIGNATURE = 8;

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k += 1) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n >>> 0;
});

function crc(bytes) {
  let c = 0xffffffff;
  for (const byte of bytes) c = table[(c ^ byte) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

function* chunks(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = SIGNATURE; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    yield { kind, start: at, data: bytes.subarray(at + 8, at + 8 + length), end: at + 12 + length };
    at += 12 + length;
  }
}

/** The PNG with an iTXt chunk (UTF-8, not compressed) after its header. */
export async function withSettings(blob, settings) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const text = new TextEncoder().encode(`${KEYWORD}\0\0\0\0\0${JSON.stringify(settings)}`);
  const chunk = new Uint8Array(12 + text.length);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, text.length);
  chunk.set(new TextEncoder().encode("iTXt"), 4);
  chunk.set(text, 8);
  view.setUint32(8 + text.length, crc(chunk.subarray(4, 8 + text.length)));
  const { end } = chunks(bytes).next().value;
  return new Blob([bytes.subarray(0, end), chunk, bytes.subarray(end)], { type: "image/png" });
}

/** The settings inside a PNG, or null. */
export async function settingsOf(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  if (bytes[1] !== 0x50 || bytes[2] !== 0x4e || bytes[3] !== 0x47) return null;
  try {
    for (const { kind, data } of chunks(bytes)) {
      if (kind !== "iTXt") continue;
      const text = new TextDecoder().decode(data);
      if (text.startsWith(`${KEYWORD}\0`)) return JSON.parse(text.slice(KEYWORD.length + 5));
    }
  } catch { /* not one of ours */ }
  return null;
}
