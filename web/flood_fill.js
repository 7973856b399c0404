// Flood fill on pixels: all that touches the point and has nearly its color, a pixel beyond so that no seam stays at a
// stroke's soft edge.
const NEAR = 90;  // sum of the differences of red, green and blue

function alike(data, i, r, g, b) {
  return Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) <= NEAR;
}

/** One byte a pixel, 1 inside; and the box around it. */
function region(data, width, height, x, y) {
  const inside = new Uint8Array(width * height);
  const [r, g, b] = data.subarray((y * width + x) * 4);
  const stack = [[x, y]];
  const box = { left: x, top: y, right: x, bottom: y };
  const open = (px, py) => !inside[py * width + px] && alike(data, (py * width + px) * 4, r, g, b);
  while (stack.length) {
    const [sx, sy] = stack.pop();
    if (!open(sx, sy)) continue;
    let left = sx;
    while (left > 0 && open(left - 1, sy)) left -= 1;
    let above = false, below = false, px = left;
    for (; px < width && open(px, sy); px += 1) {
      inside[sy * width + px] = 1;
      const up = sy > 0 && open(px, sy - 1), down = sy + 1 < height && open(px, sy + 1);
      if (up && !above) stack.push([px, sy - 1]);
      if (down && !below) stack.push([px, sy + 1]);
      above = up;
      below = down;
    }
    box.left = Math.min(box.left, left);
    box.right = Math.max(box.right, px - 1);
    box.top = Math.min(box.top, sy);
    box.bottom = Math.max(box.bottom, sy);
  }
  return { inside, box };
}

/** Fills in place and returns the box {x, y, width, height} that changed, or null. */
export function floodFill(context, x, y, color) {
  const { width, height } = context.canvas;
  x = Math.min(width - 1, Math.max(0, Math.floor(x)));
  y = Math.min(height - 1, Math.max(0, Math.floor(y)));
  const image = context.getImageData(0, 0, width, height);
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  const here = (y * width + x) * 4;
  if (image.data[here] === r && image.data[here + 1] === g && image.data[here + 2] === b) return null;
  const { inside, box } = region(image.data, width, height, x, y);
  const x0 = Math.max(0, box.left - 1), x1 = Math.min(width - 1, box.right + 1);
  const y0 = Math.max(0, box.top - 1), y1 = Math.min(height - 1, box.bottom + 1);
  const pixels = new Uint32Array(image.data.buffer);
  const ink = (255 << 24) | (b << 16) | (g << 8) | r;
  for (let py = y0; py <= y1; py += 1) {
    for (let px = x0; px <= x1; px += 1) {
      const at = py * width + px;
      const touched = inside[at] || (px > 0 && inside[at - 1]) || (px + 1 < width && inside[at + 1]) ||
        (py > 0 && inside[at - width]) || (py + 1 < height && inside[at + width]);
      if (touched) pixels[at] = ink;
    }
  }
  context.putImageData(image, 0, 0, x0, y0, x1 - x0 + 1, y1 - y0 + 1);
  return { x: x0, y: y0, width: x1 - x0 + 1, height: y1 - y0 + 1 };
}
