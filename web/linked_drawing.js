// A drawing as text for the fragment of a link: a small WebP image (PNG where the browser has no WebP
// encoder), a few kilobytes.
const SIDE = 256, QUALITY = 0.6;
const MOST_PIXELS = 2 * SIDE * SIDE;
const TYPES = { w: "image/webp", p: "image/png" };

/** The letter of the type, then base64url. The short side becomes SIDE, or less where all is very long. */
export function drawingToText(canvas) {
  const small = document.createElement("canvas");
  const { width, height } = canvas;
  const scale = Math.min(SIDE / Math.min(width, height), Math.sqrt(MOST_PIXELS / (width * height)));
  small.width = Math.round(width * scale);
  small.height = Math.round(height * scale);
  const context = small.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(canvas, 0, 0, small.width, small.height);
  const [head, data] = small.toDataURL(TYPES.w, QUALITY).split(",");
  const letter = head.includes(TYPES.w) ? "w" : "p";
  return letter + data.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** An address of the image, or null for a text that is none. */
export function textToAddress(text) {
  const type = TYPES[text[0]];
  if (!type || !/^[\w-]+$/.test(text)) return null;
  const data = text.slice(1).replaceAll("-", "+").replaceAll("_", "/");
  return `data:${type};base64,${data}`;
}
