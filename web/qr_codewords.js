// The codewords of a QR code: the bytes of the text, and the Reed-Solomon codewords of each block.
// Level L; the two tables are those of ISO/IEC 18004, by version from 1.
const CORRECTION_PER_BLOCK = [7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28];
const BLOCKS = [1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8];
const BYTE_MODE = 4;
const PADDING = [0xec, 0x11];
const FIELD = 0x11d;  // the polynomial of GF(256)

/** What remains of `value`, shifted by `degree` bits, after division by the generator (BCH codes). */
export function remainder(value, degree, generator) {
  let rest = value << degree;
  for (let bit = 31 - Math.clz32(rest); bit >= degree; bit -= 1) {
    if ((rest >> bit) & 1) rest ^= generator << (bit - degree);
  }
  return rest;
}

function multiply(a, b) {
  let product = 0;
  for (; b; b >>= 1) {
    if (b & 1) product ^= a;
    a = (a << 1) ^ (a & 0x80 ? FIELD : 0);
  }
  return product;
}

/** The generator polynomial (x - 1)(x - 2)(x - 4)..., without its first coefficient, which is 1. */
function generatorOf(degree) {
  let generator = [1];
  for (let i = 0, root = 1; i < degree; i += 1, root = multiply(root, 2)) {
    const shifted = [...generator, 0];
    generator = shifted.map((value, k) => value ^ (k ? multiply(generator[k - 1], root) : 0));
  }
  return generator.slice(1);
}

function correctionOf(block, generator) {
  const rest = new Uint8Array(generator.length);
  for (const byte of block) {
    const factor = byte ^ rest[0];
    rest.copyWithin(0, 1);
    rest[rest.length - 1] = 0;
    generator.forEach((value, i) => { rest[i] ^= multiply(value, factor); });
  }
  return rest;
}

/** All codewords that fit into the modules of a version. */
function capacity(version) {
  let modules = (16 * version + 128) * version + 64;
  if (version >= 2) {
    const alignment = Math.floor(version / 7) + 2;
    modules -= (25 * alignment - 10) * alignment - 55;
    if (version >= 7) modules -= 36;
  }
  return modules >> 3;
}

/** Mode, length, bytes, end and padding; null if they are too many for the version. */
function dataOf(bytes, version, length) {
  const lengthBits = version < 10 ? 8 : 16;
  if (4 + lengthBits + 8 * bytes.length > 8 * length) return null;
  let bits = BYTE_MODE.toString(2).padStart(4, "0") + bytes.length.toString(2).padStart(lengthBits, "0");
  for (const byte of bytes) bits += byte.toString(2).padStart(8, "0");
  bits += "0".repeat(Math.min(4, 8 * length - bits.length));
  bits = bits.padEnd(8 * Math.ceil(bits.length / 8), "0");
  const data = bits.match(/.{8}/g).map((byte) => parseInt(byte, 2));
  for (let i = 0; data.length < length; i += 1) data.push(PADDING[i % 2]);
  return data;
}

/** All codewords of the text in the order in which they are drawn; null if it is too long. */
export function dataCodewords(bytes, version) {
  const perBlock = CORRECTION_PER_BLOCK[version - 1], count = BLOCKS[version - 1];
  const total = capacity(version), data = dataOf(bytes, version, total - perBlock * count);
  if (!data) return null;
  const short = Math.floor(data.length / count), longer = data.length % count;
  const generator = generatorOf(perBlock);
  const blocks = [];
  for (let i = 0, from = 0; i < count; i += 1) {
    const to = from + short + (i >= count - longer ? 1 : 0);
    blocks.push(data.slice(from, to));
    from = to;
  }
  const corrections = blocks.map((block) => correctionOf(block, generator));
  const interleaved = (lists, length) => Array.from({ length }, (_, i) => lists.map((list) => list[i]))
    .flat().filter((value) => value !== undefined);
  return [...interleaved(blocks, short + 1), ...interleaved(corrections, perBlock)];
}
