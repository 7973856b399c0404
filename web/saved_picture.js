// What is saved and recorded: the generated image, enlarged if wanted, and the input beside it if
// wanted.
import { download, fileName } from "./download.js";
import { embedSettings } from "./png_settings.js";

const BACKGROUND = "#fff";  // around an image of another shape than the canvas

function makeCanvas(width, height) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  return canvas;
}

/** Draws all of `image` as large as it fits between `left` and `left + width`, in the middle. */
function drawWhole(canvas, image, left, width) {
  const scale = Math.min(width / image.width, canvas.height / image.height);
  const imageWidth = Math.round(image.width * scale), imageHeight = Math.round(image.height * scale);
  const x = left + Math.round((width - imageWidth) / 2);
  const y = Math.round((canvas.height - imageHeight) / 2);
  canvas.getContext("2d").drawImage(image, x, y, imageWidth, imageHeight);
}

/** A canvas `scale` times as large. The work is done apart from the page. */
function enlarged(canvas, scale) {
  const { width, height } = canvas;
  const { data: rgba } = canvas.getContext("2d").getImageData(0, 0, width, height);
  const worker = new Worker(new URL("upscale_worker.js", import.meta.url), { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onerror = reject;
    worker.onmessage = ({ data }) => {
      const large = makeCanvas(width * scale, height * scale);
      large.getContext("2d").putImageData(new ImageData(data, large.width, large.height), 0, 0);
      resolve(large);
    };
    worker.postMessage({ rgba, width, height, scale });
  }).finally(() => worker.terminate());
}

export class SavedPicture {
  #canvasesWithInput = new WeakSet();

  constructor({ display, settings, sourcePicker, frameSender, statusBar }) {
    Object.assign(this, { display, settings, sourcePicker, frameSender, statusBar });
  }

  /** The canvas with the present input; null for the prompt alone. */
  get #input() {
    const { source } = this.sourcePicker;
    if (source.mode === "txt2img") return null;
    return source.drawing?.canvas ?? this.frameSender.frame;
  }

  get #beside() {
    return this.settings.get("save_beside") === true && this.#input !== null;
  }

  /** Grows with every change of what would be saved. */
  get version() {
    const { drawing } = this.sourcePicker.source;
    return this.display.count + (drawing?.version ?? 0);
  }

  /** An empty canvas as large as a recording. Whether it has room for the input stays as it is now. */
  makeCanvas() {
    const { width, height } = this.display.canvas, beside = this.#beside;
    const canvas = makeCanvas(beside ? 2 * width : width, height);
    if (beside) this.#canvasesWithInput.add(canvas);
    return canvas;
  }

  /**
   * Draws `image` on the canvas, whose size may be that of an earlier image: all of it, in the middle.
   * Where the canvas has room for the input, that is the left half, and the image is in the right one.
   */
  draw(canvas, image = this.display.canvas) {
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.fillStyle = BACKGROUND;
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (!this.#canvasesWithInput.has(canvas)) return drawWhole(canvas, image, 0, canvas.width);
    const half = canvas.width / 2, input = this.#input;
    if (input) drawWhole(canvas, input, 0, half);
    drawWhole(canvas, image, half, half);
  }

  /** Saves the present image as a PNG that holds the settings. Returns the file's name. */
  async save() {
    const scale = Number(this.settings.get("save_scale") ?? 1);
    const settings = { ...this.settings.current, version: this.statusBar.info.version };
    const canvas = this.makeCanvas();
    this.draw(canvas);
    let image = this.display.canvas;
    if (scale > 1) {
      const copy = makeCanvas(image.width, image.height);
      copy.getContext("2d").drawImage(image, 0, 0);
      canvas.width *= scale;
      canvas.height *= scale;
      image = await enlarged(copy, scale);
      this.draw(canvas, image);
    }
    return saveImage(canvas, settings);
  }
}

/** Saves a canvas as a PNG that holds the settings. Returns the file's name. */
export async function saveImage(canvas, settings) {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  const name = fileName("png");
  download(await embedSettings(blob, settings), name);
  return name;
}
