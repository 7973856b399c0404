// Flood fill: recolors the connected area whose color is close to that of the start pixel. The area
// is grown by one pixel, so that no seam remains along the soft edge of a stroke.
const TOLERANCE = 90;  // sum of the differences of red, green and blue

function isClose(data, i, r, g, b) {
  const difference = Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b);
  return difference <= TOLERANCE;
}

/** Scanline fill. Returns the area (one byte per pixel, 1 inside) and its bounding box. */
function connectedArea({ data, width, height }, x, y) {
  const inside = new Uint8Array(width * height);
  const [r, g, b] = data.subarray((y * width + x) * 4);
  const stack = [[x, y]];
  const box = { left: x, top: y, right: x, bottom: y };
  const open = (px, py) =>
    !inside[py * width + px] && isClose(data, (py * width + px) * 4, r, g, b);
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

/** Paints every pixel of `box` that is inside the area or beside a pixel of it. */
function paintGrown({ data, width, height }, inside, box, [r, g, b]) {
  const pixels = new Uint32Array(data.buffer);
  const value = (255 << 24) | (b << 16) | (g << 8) | r;
  for (let y = box.y; y < box.y + box.height; y += 1) {
    for (let x = box.x; x < box.x + box.width; x += 1) {
      const i = y * width + x;
      const reached = inside[i] || (x > 0 && inside[i - 1]) || (x + 1 < width && inside[i + 1]) ||
        (y > 0 && inside[i - width]) || (y + 1 < height && inside[i + width]);
      if (reached) pixels[i] = value;
    }
  }
}

/** Fills in place. Returns the box {x, y, width, height} that changed, or null if none did. */
export function floodFill(context, x, y, color) {
  const { width, height } = context.canvas;
  x = Math.min(width - 1, Math.max(0, Math.floor(x)));
  y = Math.min(height - 1, Math.max(0, Math.floor(y)));
  const image = context.getImageData(0, 0, width, height);
  const rgb = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  const start = (y * width + x) * 4;
  if (rgb.every((value, channel) => image.data[start + channel] === value)) return null;
  const { inside, box } = connectedArea(image, x, y);
  const left = Math.max(0, box.left - 1), right = Math.min(width - 1, box.right + 1);
  const top = Math.max(0, box.top - 1), bottom = Math.min(height - 1, box.bottom + 1);
  const changed = { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
  paintGrown(image, inside, changed, rgb);
  context.putImageData(image, 0, 0, changed.x, changed.y, changed.width, changed.height);
  return changed;
}
