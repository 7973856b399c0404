// Boxes of whole pixels: {x, y, width, height}.
const MARGIN = 2;  // for what smoothing adds around a line

export const Box = {
  /** Around points that are drawn with a pen of this width. */
  around(points, penWidth) {
    const reach = penWidth / 2 + MARGIN;
    const xs = points.map(([x]) => x), ys = points.map(([, y]) => y);
    const x = Math.floor(Math.min(...xs) - reach), y = Math.floor(Math.min(...ys) - reach);
    return {
      x, y, width: Math.ceil(Math.max(...xs) + reach) - x,
      height: Math.ceil(Math.max(...ys) + reach) - y,
    };
  },

  union(a, b) {
    const x = Math.min(a.x, b.x), y = Math.min(a.y, b.y);
    return {
      x, y, width: Math.max(a.x + a.width, b.x + b.width) - x,
      height: Math.max(a.y + a.height, b.y + b.height) - y,
    };
  },

  /** The box on the other half of something that is `width` wide. */
  mirrored(box, width) {
    return { ...box, x: width - box.x - box.width };
  },

  /** The part that is inside of the canvas, or null. */
  clipped(box, canvas) {
    const x = Math.max(0, box.x), y = Math.max(0, box.y);
    const width = Math.min(canvas.width, box.x + box.width) - x;
    const height = Math.min(canvas.height, box.y + box.height) - y;
    return width > 0 && height > 0 ? { x, y, width, height } : null;
  },
};
