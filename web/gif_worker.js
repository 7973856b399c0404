// Encodes a GIF apart from the page. Messages in: {width, height} to begin, {rgba, startMs} for each
// frame, {endMs} to finish. The answer is the file, a Blob.
import { GifEncoder } from "./gif_encoder.js";

let encoder = null;

onmessage = ({ data }) => {
  if ("width" in data) encoder = new GifEncoder(data.width, data.height);
  else if ("rgba" in data) encoder.addFrame(new Uint8ClampedArray(data.rgba), data.startMs);
  else postMessage(new Blob(encoder.finish(data.endMs), { type: "image/gif" }));
};
