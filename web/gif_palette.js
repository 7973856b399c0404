// The 256 colors of a GIF frame, by median cut: the box of colors with the most spread is split at the
// median of its longest side until there are enough (Heckbert, "Color image quantization for frame
// buffer display", 1982). Colors are counted with 5 bits a channel.
const COLORS = 256;
const BITS = 5, CELLS = 1 << (3 * BITS), DROPPED = 8 - BITS;
const DITHER = 10;  // how far the ordered pattern moves a color, of 255
// Bayer's ordered pattern of 4 x 4, centered on 0.
const PATTERN = [0, 8, 2, 10, 12, 4, 14, 6, 3, 11, 1, 9, 15, 7, 13, 5]
  .map((rank) => ((rank + 0.5) / 16 - 0.5) * DITHER);

function cellOf(r, g, b) {
  return ((r >> DROPPED) << (2 * BITS)) | ((g >> DROPPED) << BITS) | (b >> DROPPED);
}

/** The cells in use: {r, g, b: mean color, count}. */
function countColors(rgba) {
  const sums = new Map();
  for (let i = 0; i < rgba.length; i += 4) {
    const cell = cellOf(rgba[i], rgba[i + 1], rgba[i + 2]);
    let sum = sums.get(cell);
    if (!sum) sums.set(cell, sum = { r: 0, g: 0, b: 0, count: 0 });
    sum.r += rgba[i];
    sum.g += rgba[i + 1];
    sum.b += rgba[i + 2];
    sum.count += 1;
  }
  return [...sums.values()].map(({ r, g, b, count }) =>
    ({ r: r / count, g: g / count, b: b / count, count }));
}

/** A box of colors with its longest side, and how much a split of it would gain. */
function makeBox(colors) {
  const count = colors.reduce((sum, color) => sum + color.count, 0);
  const extents = ["r", "g", "b"].map((channel) => {
    const values = colors.map((color) => color[channel]);
    return { channel, extent: Math.max(...values) - Math.min(...values) };
  });
  const longest = extents.reduce((a, b) => (b.extent > a.extent ? b : a));
  const gain = colors.length > 1 ? longest.extent ** 2 * count : 0;
  return { colors, count, channel: longest.channel, gain };
}

function split({ colors, count, channel }) {
  colors.sort((a, b) => a[channel] - b[channel]);
  let seen = 0, at = 0;
  while (at < colors.length - 1 && seen + colors[at].count <= count / 2) {
    seen += colors[at].count;
    at += 1;
  }
  at = Math.max(1, at);
  return [makeBox(colors.slice(0, at)), makeBox(colors.slice(at))];
}

/** 768 bytes: 256 colors of red, green and blue. Unused ones are black. */
export function choosePalette(rgba) {
  const boxes = [makeBox(countColors(rgba))];
  while (boxes.length < COLORS) {
    const best = boxes.reduce((a, b) => (b.gain > a.gain ? b : a));
    if (best.gain === 0) break;
    boxes.splice(boxes.indexOf(best), 1, ...split(best));
  }
  const palette = new Uint8Array(3 * COLORS);
  boxes.forEach(({ colors, count }, i) => {
    const mean = (channel) =>
      colors.reduce((sum, color) => sum + color[channel] * color.count, 0) / count;
    palette.set([mean("r"), mean("g"), mean("b")].map(Math.round), 3 * i);
  });
  return palette;
}

function nearest(palette, r, g, b) {
  let best = 0, least = Infinity;
  for (let i = 0; i < COLORS; i += 1) {
    const dr = palette[3 * i] - r, dg = palette[3 * i + 1] - g, db = palette[3 * i + 2] - b;
    const distance = 2 * dr * dr + 4 * dg * dg + 3 * db * db;  // green is seen best
    if (distance < least) {
      least = distance;
      best = i;
    }
  }
  return best;
}

/** The index of the palette's color for each pixel of an image that is `width` wide. */
export function paletteIndices(rgba, width, palette) {
  const found = new Int16Array(CELLS).fill(-1);
  const indices = new Uint8Array(rgba.length / 4);
  const dithered = new Uint8ClampedArray(3);
  for (let i = 0; i < indices.length; i += 1) {
    const x = i % width, y = (i - x) / width;
    const shift = PATTERN[(y & 3) * 4 + (x & 3)];
    for (let k = 0; k < 3; k += 1) dithered[k] = rgba[4 * i + k] + shift;
    const cell = cellOf(dithered[0], dithered[1], dithered[2]);
    if (found[cell] < 0) found[cell] = nearest(palette, ...dithered);
    indices[i] = found[cell];
  }
  return indices;
}
