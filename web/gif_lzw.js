// The compression of GIF images: LZW with codes of growing width, in blocks of up to 255 bytes.
const MIN_CODE_BITS = 8, MAX_CODE_BITS = 12;
const CLEAR = 1 << MIN_CODE_BITS, END = CLEAR + 1;
const MAX_BLOCK = 255;

/** Collects codes of any width as bytes, the lowest bits first. */
class BitWriter {
  bytes = [];
  #bits = 0;
  #count = 0;

  write(code, width) {
    this.#bits |= code << this.#count;
    this.#count += width;
    while (this.#count >= 8) {
      this.bytes.push(this.#bits & 255);
      this.#bits >>>= 8;
      this.#count -= 8;
    }
  }

  finish() {
    if (this.#count) this.bytes.push(this.#bits & 255);
    return this.bytes;
  }
}

/** The data of an image: code size, blocks, and the empty block that ends them. */
function inBlocks(bytes) {
  const data = new Uint8Array(2 + bytes.length + Math.ceil(bytes.length / MAX_BLOCK));
  data[0] = MIN_CODE_BITS;
  let at = 1;
  for (let from = 0; from < bytes.length; from += MAX_BLOCK) {
    const block = bytes.slice(from, from + MAX_BLOCK);
    data[at] = block.length;
    data.set(block, at + 1);
    at += 1 + block.length;
  }
  return data;
}

/** Compresses palette indices (0..255), one a pixel. */
export function compressLzw(indices) {
  const out = new BitWriter();
  let codes = new Map();  // of the known strings, by the code of all but the last index, and that
  let next = END + 1, width = MIN_CODE_BITS + 1;
  out.write(CLEAR, width);
  let current = indices[0];
  for (let i = 1; i < indices.length; i += 1) {
    const key = (current << 8) | indices[i];
    const known = codes.get(key);
    if (known !== undefined) {
      current = known;
      continue;
    }
    out.write(current, width);
    if (next === 1 << MAX_CODE_BITS) {
      out.write(CLEAR, width);
      codes = new Map();
      next = END + 1;
      width = MIN_CODE_BITS + 1;
    } else {
      if (next === 1 << width) width += 1;
      codes.set(key, next);
      next += 1;
    }
    current = indices[i];
  }
  out.write(current, width);
  // A reader learns its last string from this code, too, and may widen its codes by that.
  if (next === 1 << width && width < MAX_CODE_BITS) width += 1;
  out.write(END, width);
  return inBlocks(out.finish());
}
