// A drawing as text for the fragment of a link: a small WebP image (PNG where the browser has no WebP
// encoder), a few kilobytes.
const SIDE = 256, QUALITY = 0.6;
const TYPES = { w: "image/webp", p: "image/png" };

/** The letter of the type, then base64url. */
export function drawingToText(canvas) {
  const small = document.createElement("canvas");
  const scale = SIDE / Math.max(canvas.width, canvas.height);
  small.width = Math.round(canvas.width * scale);
  small.height = Math.round(canvas.height * scale);
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
