// Runs the page's upscale() on raw pixels, for compare_upscaling.py: RGBA on standard input, the
// enlarged RGBA on standard output. Usage: node enlarge.mjs WIDTH HEIGHT SCALE
import { readFileSync, writeSync } from "node:fs";
import { upscale } from "../../web/upscale.js";

const [width, height, scale] = process.argv.slice(2).map(Number);
const bytes = upscale(new Uint8ClampedArray(readFileSync(0)), width, height, scale);
for (let at = 0; at < bytes.length;) at += writeSync(1, bytes, at);
