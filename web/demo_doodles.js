// Doodles that draw themselves, so that images move before the visitor has touched anything.
// Coordinates are those of a 256 x 256 image. A stroke is a smooth curve through its points.
import { COLORS } from "./palette.js";

const SIDE = 256;
const POINT_GAP = 4;  // between the points that a curve is drawn by
const SPEED = 19;  // how far the pen moves in a display frame at 60 Hz
const FRAME_MS = 16.7;
const PAUSE_AFTER_STROKE_MS = 40, PAUSE_AFTER_FILL_MS = 90;

const fill = (color, x, y) => ({ color, x, y });
const stroke = (color, size, ...points) => ({ color, size, points });
// A curve turns sharply where a point is repeated.
const corners = (points) => points.flatMap((p) => [p, p]);

/** The doodle's prompt for a model that knows these styles. */
export function promptOf({ subject, style }, styles) {
  return styles.includes(style) ? `${subject}, ${style}` : subject;
}

/** Whether a prompt is the doodle's, for whatever model. */
export function isPromptOf({ subject, style }, prompt) {
  return prompt === subject || prompt === `${subject}, ${style}`;
}

/** The outline of an ellipse, slightly uneven as if drawn by hand, and its fill. */
function ellipse(x, y, radiusX, radiusY, color, size) {
  const points = Array.from({ length: 15 }, (_, i) => {
    const angle = -Math.PI / 2 + (i / 14) * 2 * Math.PI;
    const wobble = 1 + 0.012 * Math.sin(3 * i);
    return [x + radiusX * Math.cos(angle) * wobble, y + radiusY * Math.sin(angle)];
  });
  return [stroke(color, size, ...points), fill(color, x, y)];
}

/** What each shows is said in plain words; the style is for models that know it by this name. */
export const DEMO_DOODLES = [
  { subject: "cat face", style: "3d render", steps: [  // one black line: the model gives it everything else
    stroke("black", 7, [60, 124], [54, 90], [58, 36], [58, 36], [86, 60], [106, 78], [128, 74],
      [150, 78], [170, 60], [198, 36], [198, 36], [202, 90], [196, 124], [204, 152], [190, 190],
      [162, 211], [128, 217], [94, 211], [66, 190], [52, 152], [60, 124]),
    stroke("black", 7, [98, 126], [104, 130], [107, 138], [104, 146], [98, 150], [92, 146],
      [89, 138], [92, 130], [98, 126]),
    stroke("black", 7, [158, 126], [164, 130], [167, 138], [164, 146], [158, 150], [152, 146],
      [149, 138], [152, 130], [158, 126]),
    stroke("black", 7, [118, 164], [118, 164], [138, 164], [138, 164], [128, 174], [128, 174],
      [118, 164]),
    stroke("black", 7, [102, 182], [110, 191], [121, 190], [128, 178], [128, 178], [135, 190],
      [146, 191], [154, 182]),
  ] },
  { subject: "orange cat face", style: "3d render", steps: [
    fill("light blue", 128, 128),
    ...ellipse(128, 142, 74, 64, "orange", 10),
    stroke("orange", 10, ...corners([[66, 112], [70, 42], [122, 84]])),
    fill("orange", 80, 82),
    stroke("orange", 10, ...corners([[190, 112], [186, 42], [134, 84]])),
    fill("orange", 176, 82),
    stroke("black", 21, [100, 130], [100, 134]),
    stroke("black", 21, [156, 130], [156, 134]),
    stroke("pink", 17, [122, 160], [134, 160]),
  ] },
  { subject: "red apple", style: "3d render", steps: [
    fill("yellow", 128, 128),
    stroke("red", 10, [128, 98], [100, 90], [66, 108], [56, 150], [76, 196], [106, 208],
      [128, 202], [150, 208], [182, 196], [202, 150], [190, 108], [156, 90], [128, 98]),
    fill("red", 128, 150),
    stroke("brown", 10, [128, 98], [132, 74], [144, 54]),
    stroke("green", 22, [152, 68], [168, 60], [186, 62]),
    stroke("white", 16, [92, 120], [86, 138]),
  ] },
  { subject: "house", style: "shaded cartoon", steps: [
    fill("light blue", 128, 128),
    stroke("green", 12, [0, 206], [128, 200], [256, 206]),
    fill("green", 128, 240),
    stroke("beige", 9, ...corners([[74, 130], [74, 210], [184, 210], [184, 130], [74, 130]])),
    fill("beige", 128, 170),
    fill("beige", 100, 205),
    stroke("red", 10, ...corners([[52, 130], [128, 60], [204, 130], [52, 130]])),
    fill("red", 128, 104),
    stroke("brown", 30, [129, 176], [129, 200]),
    ...ellipse(212, 46, 22, 22, "yellow", 8),
  ] },
  { subject: "mushroom", style: "3d render", steps: [
    fill("light green", 128, 128),
    stroke("beige", 9, ...corners([[104, 134], [96, 214], [160, 214], [152, 134], [104, 134]])),
    fill("beige", 128, 180),
    stroke("red", 10, [54, 128], [58, 90], [92, 54], [128, 46], [164, 54], [198, 90],
      [202, 128], [202, 128], [128, 132], [54, 128]),
    fill("red", 128, 90),
    stroke("white", 25, [98, 92], [101, 93]),
    stroke("white", 28, [150, 78], [154, 79]),
    stroke("white", 18, [176, 112], [177, 112]),
  ] },
  { subject: "tropical fish", style: "3d render", steps: [
    fill("blue", 128, 128),
    ...ellipse(116, 130, 72, 48, "orange", 9),
    stroke("orange", 9, ...corners([[180, 130], [230, 86], [222, 130], [230, 176], [180, 130]])),
    fill("orange", 206, 130),
    stroke("yellow", 16, [128, 96], [136, 130], [128, 164]),
    stroke("white", 20, [76, 116], [77, 117]),
    stroke("black", 11, [74, 117], [75, 117]),
  ] },
  { subject: "rocket", style: "3d render", steps: [
    fill("blue", 128, 128),
    stroke("white", 9, [128, 42], [156, 80], [162, 130], [160, 176], [160, 176],
      [96, 176], [96, 176], [94, 130], [100, 80], [128, 42]),
    fill("white", 128, 120),
    stroke("red", 14, ...corners([[112, 70], [128, 44], [144, 70], [112, 70]])),
    stroke("red", 14, [128, 54], [128, 64]),
    stroke("red", 16, [90, 146], [72, 182], [92, 172]),
    stroke("red", 16, [166, 146], [184, 182], [164, 172]),
    stroke("light blue", 28, [128, 112], [128, 113]),
    stroke("yellow", 20, [128, 190], [128, 222]),
  ] },
];

/** A point of the Catmull-Rom spline between b and c, whose neighbors are a and d; t is 0..1. */
function catmullRom(a, b, c, d, t) {
  return [0, 1].map((n) => 0.5 * (2 * b[n] + (c[n] - a[n]) * t +
    (2 * a[n] - 5 * b[n] + 4 * c[n] - d[n]) * t * t +
    (3 * b[n] - a[n] - 3 * c[n] + d[n]) * t * t * t));
}

/** Points on the spline through `points`, about POINT_GAP apart. */
function* curve(points) {
  const at = (i) => points[Math.min(points.length - 1, Math.max(0, i))];
  yield points[0];
  for (let i = 0; i + 1 < points.length; i += 1) {
    const [a, b, c, d] = [at(i - 1), at(i), at(i + 1), at(i + 2)];
    const count = Math.max(1, Math.ceil(Math.hypot(c[0] - b[0], c[1] - b[1]) / POINT_GAP));
    for (let k = 1; k <= count; k += 1) yield catmullRom(a, b, c, d, k / count);
  }
}

const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for display frames so that the pen keeps its speed at any frame rate. */
class Pace {
  #distance = 0;
  #last = performance.now();

  async move() {
    this.#distance += POINT_GAP;
    if (this.#distance < SPEED) return;
    await nextFrame();
    const now = performance.now();
    const frames = Math.max(1, Math.min(4, (now - this.#last) / FRAME_MS));
    this.#distance = Math.min(0, this.#distance - SPEED * frames);
    this.#last = now;
  }
}

/** How large a doodle's pixel is in the drawing, where it is shown whole. */
function scaleIn({ canvas }) {
  return Math.min(canvas.width, canvas.height) / SIDE;
}

/** Maps doodle coordinates to the drawing: the doodle is centered in it. */
function mapping(drawing) {
  const { canvas } = drawing, scale = scaleIn(drawing);
  const left = (canvas.width - SIDE * scale) / 2, top = (canvas.height - SIDE * scale) / 2;
  return ([x, y]) => [left + x * scale, top + y * scale];
}

/** False if the signal ended it; whoever gave the signal ends the stroke. */
async function drawStroke(drawing, { points, size, color }, toDrawing, signal, animated) {
  const width = size * scaleIn(drawing);
  const pace = new Pace();
  drawing.beginStroke(...toDrawing(points[0]), width, { color: COLORS[color] });
  for (const point of curve(points)) {
    drawing.continueStroke(...toDrawing(point), width);
    if (!animated) continue;
    await pace.move();
    if (signal.aborted) return false;
  }
  drawing.endStroke();
  return true;
}

/**
 * Draws the doodle at the pace of a hand, or at once where reduced motion is preferred. Returns
 * whether it was completed.
 */
export async function drawDoodle(drawing, doodle, signal) {
  const animated = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  const toDrawing = mapping(drawing);
  for (const step of doodle.steps) {
    if (signal.aborted) return false;
    if (step.points) {
      if (!await drawStroke(drawing, step, toDrawing, signal, animated)) return false;
    } else {
      drawing.fill(...toDrawing([step.x, step.y]), { color: COLORS[step.color] });
    }
    if (animated) await pause(step.points ? PAUSE_AFTER_STROKE_MS : PAUSE_AFTER_FILL_MS);
  }
  return !signal.aborted;
}
