// QR codes (ISO/IEC 18004) of addresses: bytes, error correction level L, versions 1 to 20 (up to 858
// bytes). The result is a matrix of modules; the page draws it as an SVG path.
import { dataCodewords, remainder } from "./qr_codewords.js";

const MAX_VERSION = 20;
const FINDER_REACH = 4;  // from the center of a finder to the end of its white border
const LEVEL_L = 1;  // as the format bits write it
const FORMAT_GENERATOR = 0x537, FORMAT_MASK = 0x5412, VERSION_GENERATOR = 0x1f25;
const MASKS = [
  (x, y) => (x + y) % 2 === 0, (x, y) => y % 2 === 0, (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0, (x, y) => (Math.floor(y / 2) + Math.floor(x / 3)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0, (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

/** Rows and columns of the alignment patterns' centers. */
function alignmentCenters(version) {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2, last = 4 * version + 10;
  const step = 2 * Math.ceil((last - 6) / (count - 1) / 2);
  const centers = Array.from({ length: count - 1 }, (_, i) => last - i * step);
  return [6, ...centers.reverse()];
}

class Matrix {
  constructor(version) {
    this.version = version;
    this.size = 4 * version + 17;
    this.dark = Array.from({ length: this.size }, () => new Uint8Array(this.size));
    this.fixed = Array.from({ length: this.size }, () => new Uint8Array(this.size));
    this.#drawPatterns();
  }

  /** Sets a module that carries no data. */
  set(x, y, dark) {
    if (x < 0 || y < 0 || x >= this.size || y >= this.size) return;
    this.dark[y][x] = Number(dark);
    this.fixed[y][x] = 1;
  }

  #drawPatterns() {
    for (let i = 0; i < this.size; i += 1) {
      this.set(i, 6, i % 2 === 0);
      this.set(6, i, i % 2 === 0);
    }
    const far = this.size - 4;
    for (const [x, y] of [[3, 3], [far, 3], [3, far]]) this.#square(x, y, FINDER_REACH, [2, 4]);
    const centers = alignmentCenters(this.version), last = centers.at(-1);
    for (const x of centers) {
      for (const y of centers) {
        const atFinder = (x === 6 && (y === 6 || y === last)) || (x === last && y === 6);
        if (!atFinder) this.#square(x, y, 2, [1]);
      }
    }
    this.drawFormat(0);
    if (this.version >= 7) this.#drawVersion();
  }

  /** Rings around a center: dark but for those at the distances in `light`. */
  #square(centerX, centerY, reach, light) {
    for (let dy = -reach; dy <= reach; dy += 1) {
      for (let dx = -reach; dx <= reach; dx += 1) {
        const distance = Math.max(Math.abs(dx), Math.abs(dy));
        this.set(centerX + dx, centerY + dy, !light.includes(distance));
      }
    }
  }

  drawFormat(mask) {
    const data = (LEVEL_L << 3) | mask;
    const bits = ((data << 10) | remainder(data, 10, FORMAT_GENERATOR)) ^ FORMAT_MASK;
    const bit = (i) => (bits >> i) & 1;
    for (let i = 0; i < 15; i += 1) {
      const along = i < 6 ? i : i + (i < 8 ? 1 : this.size - 15);  // down the column beside a finder
      this.set(8, along, bit(i));
      const across = i < 8 ? this.size - 1 - i : i === 8 ? 7 : 14 - i;
      this.set(across, 8, bit(i));
    }
    this.set(8, this.size - 8, true);
  }

  #drawVersion() {
    const bits = (this.version << 12) | remainder(this.version, 12, VERSION_GENERATOR);
    for (let i = 0; i < 18; i += 1) {
      const far = this.size - 11 + (i % 3), near = Math.floor(i / 3);
      this.set(far, near, (bits >> i) & 1);
      this.set(near, far, (bits >> i) & 1);
    }
  }

  /** Writes the codewords in pairs of columns from the right, upwards and downwards in turns. */
  drawData(codewords) {
    let at = 0;
    for (let right = this.size - 1; right >= 1; right -= 2) {
      if (right === 6) right = 5;  // the column of the timing pattern
      const upwards = ((right + 1) & 2) === 0;
      for (let step = 0; step < this.size; step += 1) {
        const y = upwards ? this.size - 1 - step : step;
        for (const x of [right, right - 1]) {
          if (this.fixed[y][x]) continue;
          this.dark[y][x] = at < 8 * codewords.length
            ? (codewords[at >> 3] >> (7 - (at & 7))) & 1 : 0;
          at += 1;
        }
      }
    }
  }

  applyMask(mask) {
    for (let y = 0; y < this.size; y += 1) {
      for (let x = 0; x < this.size; x += 1) {
        if (!this.fixed[y][x] && MASKS[mask](x, y)) this.dark[y][x] ^= 1;
      }
    }
  }
}

/** How hard the matrix is to read: long runs, blocks, patterns like a finder, too much of one color. */
function penalty({ dark, size }) {
  let sum = 0, count = 0;
  const lines = [...dark, ...dark.map((_, x) => Uint8Array.from(dark, (row) => row[x]))];
  for (const line of lines) {
    const text = line.join("");
    for (const run of text.match(/0{5,}|1{5,}/g) ?? []) sum += run.length - 2;
    sum += 40 * [...text.matchAll(/(?=10111010000|00001011101)/g)].length;
  }
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      count += dark[y][x];
      const same = x > 0 && y > 0 && dark[y][x] === dark[y][x - 1] &&
        dark[y][x] === dark[y - 1][x] && dark[y][x] === dark[y - 1][x - 1];
      if (same) sum += 3;
    }
  }
  return sum + 10 * Math.floor(Math.abs((20 * count) / (size * size) - 10));
}

/** The QR code of a text: rows of 0 and 1 (dark), or null if it is too long. */
export function qrCode(text) {
  const bytes = new TextEncoder().encode(text);
  for (let version = 1; version <= MAX_VERSION; version += 1) {
    const codewords = dataCodewords(bytes, version);
    if (!codewords) continue;
    const matrix = new Matrix(version);
    matrix.drawData(codewords);
    const penalties = MASKS.map((_, mask) => {
      matrix.applyMask(mask);
      matrix.drawFormat(mask);
      const found = penalty(matrix);
      matrix.applyMask(mask);  // twice is as if never
      return found;
    });
    const best = penalties.indexOf(Math.min(...penalties));
    matrix.applyMask(best);
    matrix.drawFormat(best);
    return matrix.dark;
  }
  return null;
}

/** The same as an SVG path of unit squares, with the white border that readers need. */
export function qrPath(rows) {
  const border = 4;
  const path = rows.flatMap((row, y) => [...row].map((dark, x) =>
    (dark ? `M${x + border} ${y + border}h1v1h-1z` : ""))).join("");
  return { path, side: rows.length + 2 * border };
}
