// Enlarges generated images for saving. Bicubic interpolation (Catmull-Rom) overshoots beside an edge
// and is soft. So the result is bounded by what is near in the small image, and is then corrected until
// its own reduction is the small image again (iterative back-projection; Irani and Peleg, "Improving
// resolution by image registration", 1991). docs/page.md has how much that gains on flat art.
const ROUNDS = 4;

function catmullRom(x) {
  const d = Math.abs(x);
  if (d < 1) return (1.5 * d - 2.5) * d * d + 1;
  return d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0;
}

/** For each new sample of a row `size` long: the first old one of four, and their weights. */
function rowWeights(size, scale) {
  return Array.from({ length: size * scale }, (_, i) => {
    const position = (i + 0.5) / scale - 0.5, first = Math.floor(position) - 1;
    const taps = [0, 1, 2, 3].map((k) => ({
      at: Math.min(size - 1, Math.max(0, first + k)), weight: catmullRom(position - first - k),
    }));
    return taps;
  });
}

/** Enlarges one channel of width x height. */
function bicubic(plane, width, height, scale) {
  const wide = width * scale, rows = new Float32Array(wide * height);
  rowWeights(width, scale).forEach(([a, b, c, d], x) => {
    for (let y = 0; y < height; y += 1) {
      const from = y * width;
      rows[y * wide + x] = plane[from + a.at] * a.weight + plane[from + b.at] * b.weight +
        plane[from + c.at] * c.weight + plane[from + d.at] * d.weight;
    }
  });
  const result = new Float32Array(wide * height * scale);
  rowWeights(height, scale).forEach(([a, b, c, d], y) => {
    for (let x = 0; x < wide; x += 1) {
      result[y * wide + x] = rows[a.at * wide + x] * a.weight + rows[b.at * wide + x] * b.weight +
        rows[c.at * wide + x] * c.weight + rows[d.at * wide + x] * d.weight;
    }
  });
  return result;
}

/** The mean of each block of scale x scale. */
function reduce(plane, width, height, scale) {
  const result = new Float32Array(width * height), wide = width * scale;
  for (let y = 0; y < height * scale; y += 1) {
    const row = Math.floor(y / scale) * width;
    for (let x = 0; x < wide; x += 1) result[row + Math.floor(x / scale)] += plane[y * wide + x];
  }
  return result.map((sum) => sum / (scale * scale));
}

/** The least or greatest (by `choose`) of the 3 x 3 values around each. */
function around(plane, width, height, choose) {
  const rows = new Float32Array(plane.length), result = new Float32Array(plane.length);
  for (let i = 0; i < plane.length; i += 1) {
    const x = i % width;
    rows[i] = choose(plane[x ? i - 1 : i], plane[i], plane[x + 1 < width ? i + 1 : i]);
  }
  for (let i = 0; i < plane.length; i += 1) {
    const y = Math.floor(i / width);
    result[i] = choose(rows[y ? i - width : i], rows[i], rows[y + 1 < height ? i + width : i]);
  }
  return result;
}

function bound(large, width, scale, least, most) {
  const wide = width * scale;
  for (let i = 0; i < large.length; i += 1) {
    const x = i % wide, y = (i - x) / wide;
    const small = Math.floor(y / scale) * width + Math.floor(x / scale);
    large[i] = Math.min(most[small], Math.max(least[small], large[i]));
  }
}

function upscalePlane(plane, width, height, scale) {
  const least = around(plane, width, height, Math.min);
  const most = around(plane, width, height, Math.max);
  const large = bicubic(plane, width, height, scale);
  bound(large, width, scale, least, most);
  for (let round = 0; round < ROUNDS; round += 1) {
    const missing = reduce(large, width, height, scale).map((value, i) => plane[i] - value);
    const correction = bicubic(missing, width, height, scale);
    for (let i = 0; i < large.length; i += 1) large[i] += correction[i];
    bound(large, width, scale, least, most);
  }
  return large;
}

/**
 * `rgba`: 4 bytes a pixel, width x height. Returns the same, `scale` (a whole number) times as wide and
 * as high, and opaque.
 */
export function upscale(rgba, width, height, scale) {
  const result = new Uint8ClampedArray(rgba.length * scale * scale).fill(255);
  for (let channel = 0; channel < 3; channel += 1) {
    const plane = Float32Array.from({ length: width * height }, (_, i) => rgba[4 * i + channel]);
    upscalePlane(plane, width, height, scale).forEach((value, i) => {
      result[4 * i + channel] = value;
    });
  }
  return result;
}
