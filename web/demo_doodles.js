// Doodles that draw themselves, so that a picture moves before anybody has touched anything. Places are of 256; a stroke is a
// smooth curve through its points, a wash fills what its point touches.
import { COLORS } from "./palette.js";

const wash = (color, x, y) => ({ color, x, y });
const line = (color, size, ...points) => ({ color, size, points });

function round(x, y, rx, ry, color, size) {
  const points = Array.from({ length: 15 }, (_, i) => {
    const angle = -Math.PI / 2 + (i / 14) * 2 * Math.PI;
    return [x + rx * Math.cos(angle) * (1 + 0.012 * Math.sin(3 * i)), y + ry * Math.sin(angle)];
  });
  return [line(color, size, ...points), wash(color, x, y)];
}

const sharp = (points) => points.flatMap((p) => [p, p]);  // a corner: the curve goes through it twice

export const DOODLES = [
  { prompt: "orange cat face, 3d render", steps: [
    wash("light blue", 128, 128),
    ...round(128, 142, 74, 64, "orange", 10),
    line("orange", 10, ...sharp([[66, 112], [70, 42], [122, 84]])), wash("orange", 80, 82),
    line("orange", 10, ...sharp([[190, 112], [186, 42], [134, 84]])), wash("orange", 176, 82),
    line("black", 21, [100, 130], [100, 134]), line("black", 21, [156, 130], [156, 134]),
    line("pink", 17, [122, 160], [134, 160]),
  ] },
  { prompt: "red apple, 3d render", steps: [
    wash("yellow", 128, 128),
    line("red", 10, [128, 98], [100, 90], [66, 108], [56, 150], [76, 196], [106, 208], [128, 202], [150, 208], [182, 196], [202, 150],
      [190, 108], [156, 90], [128, 98]),
    wash("red", 128, 150),
    line("brown", 10, [128, 98], [132, 74], [144, 54]),
    line("green", 22, [152, 68], [168, 60], [186, 62]),
    line("white", 16, [92, 120], [86, 138]),
  ] },
  { prompt: "house, shaded cartoon", steps: [
    wash("light blue", 128, 128),
    line("green", 12, [0, 206], [128, 200], [256, 206]), wash("green", 128, 240),
    line("beige", 9, ...sharp([[74, 130], [74, 210], [184, 210], [184, 130], [74, 130]])), wash("beige", 128, 170), wash("beige", 100, 205),
    line("red", 10, ...sharp([[52, 130], [128, 60], [204, 130], [52, 130]])), wash("red", 128, 104),
    line("brown", 30, [129, 176], [129, 200]),
    ...round(212, 46, 22, 22, "yellow", 8),
  ] },
  { prompt: "mushroom, 3d render", steps: [
    wash("light green", 128, 128),
    line("beige", 9, ...sharp([[104, 134], [96, 214], [160, 214], [152, 134], [104, 134]])), wash("beige", 128, 180),
    line("red", 10, [54, 128], [58, 90], [92, 54], [128, 46], [164, 54], [198, 90], [202, 128], [202, 128], [128, 132], [54, 128]),
    wash("red", 128, 90),
    line("white", 25, [98, 92], [101, 93]), line("white", 28, [150, 78], [154, 79]), line("white", 18, [176, 112], [177, 112]),
  ] },
  { prompt: "tropical fish, 3d render", steps: [
    wash("blue", 128, 128),
    ...round(116, 130, 72, 48, "orange", 9),
    line("orange", 9, ...sharp([[180, 130], [230, 86], [222, 130], [230, 176], [180, 130]])), wash("orange", 206, 130),
    line("yellow", 16, [128, 96], [136, 130], [128, 164]),
    line("white", 20, [76, 116], [77, 117]), line("black", 11, [74, 117], [75, 117]),
  ] },
  { prompt: "rocket, 3d render", steps: [
    wash("blue", 128, 128),
    line("white", 9, [128, 42], [156, 80], [162, 130], [160, 176], [160, 176], [96, 176], [96, 176], [94, 130], [100, 80], [128, 42]),
    wash("white", 128, 120),
    line("red", 14, ...sharp([[112, 70], [128, 44], [144, 70], [112, 70]])), line("red", 14, [128, 54], [128, 64]),
    line("red", 16, [90, 146], [72, 182], [92, 172]), line("red", 16, [166, 146], [184, 182], [164, 172]),
    line("light blue", 28, [128, 112], [128, 113]),
    line("yellow", 20, [128, 190], [128, 222]),
  ] },
];

/** Points on a smooth curve (Catmull-Rom) through `points`, about `gap` apart. */
function* curve(points, gap) {
  const at = (i) => points[Math.min(points.length - 1, Math.max(0, i))];
  yield points[0];
  for (let i = 0; i + 1 < points.length; i += 1) {
    const [a, b, c, d] = [at(i - 1), at(i), at(i + 1), at(i + 2)];
    const count = Math.max(1, Math.ceil(Math.hypot(c[0] - b[0], c[1] - b[1]) / gap));
    for (let k = 1; k <= count; k += 1) {
      const t = k / count;
      yield [0, 1].map((n) => 0.5 * (2 * b[n] + (c[n] - a[n]) * t + (2 * a[n] - 5 * b[n] + 4 * c[n] - d[n]) * t * t +
        (3 * b[n] - a[n] - 3 * c[n] + d[n]) * t * t * t));
    }
  }
}

const nextFrame = () => new Promise((done) => requestAnimationFrame(done));
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Draws the doodle by itself, at a hand's pace, or at once where motion is not wanted. True if nothing stopped it. */
export async function drawDoodle(paper, doodle, signal) {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const { unit } = paper;
  const [shiftX, shiftY] = [paper.canvas.width, paper.canvas.height].map((side) => (side / unit - 256) / 2);
  const place = ([x, y]) => [(x + shiftX) * unit, (y + shiftY) * unit];
  const perFrame = 19;  // in 256ths of the paper
  for (const step of doodle.steps) {
    if (signal.aborted) return false;
    const color = COLORS[step.color];
    if (!step.points) {
      paper.fill(...place([step.x, step.y]), color);
      if (!still) await pause(90);
      continue;
    }
    let travelled = 0, last = performance.now();
    paper.begin(...place(step.points[0]), step.size * unit, color);
    for (const point of curve(step.points, 4)) {
      paper.to(...place(point), step.size * unit);
      travelled += 4;
      if (!still && travelled >= perFrame) {
        await nextFrame();
        const now = performance.now();
        travelled -= perFrame * Math.max(1, Math.min(4, (now - last) / 16.7));
        travelled = Math.min(0, travelled);
        last = now;
        if (signal.aborted) return false;  // who stopped it has ended the stroke
      }
    }
    paper.end();
    if (!still) await pause(40);
  }
  return !signal.aborted;
}
