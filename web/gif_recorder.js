// Records a canvas as an animated GIF, encoded in a worker while it is recorded.

export class GifRecorder {
  #started = performance.now();
  #stopped = false;

  /** `onFile` is called once, with a Blob, or with null if the encoder failed. */
  constructor(canvas, onFile) {
    this.canvas = canvas;
    const url = new URL("gif_worker.js", import.meta.url);
    this.worker = new Worker(url, { type: "module" });
    const finish = (file) => {
      this.worker.terminate();
      onFile(file);
    };
    this.worker.onmessage = ({ data }) => finish(data);
    this.worker.onerror = () => finish(null);
    this.worker.postMessage({ width: canvas.width, height: canvas.height });
  }

  get #time() {
    return performance.now() - this.#started;
  }

  addFrame() {
    const { width, height } = this.canvas;
    const { data: { buffer } } = this.canvas.getContext("2d").getImageData(0, 0, width, height);
    this.worker.postMessage({ rgba: buffer, startMs: this.#time }, [buffer]);
  }

  stop() {
    if (this.#stopped) return;
    this.#stopped = true;
    this.worker.postMessage({ endMs: this.#time });
  }
}
