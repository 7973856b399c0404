// Runs upscale() apart from the page: it takes up to a second. In: its arguments; out: its result.
import { upscale } from "./upscale.js";

onmessage = ({ data: { rgba, width, height, scale } }) => {
  const large = upscale(rgba, width, height, scale);
  postMessage(large, [large.buffer]);
};
