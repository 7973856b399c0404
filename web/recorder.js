// A recording of the output: draws what is recorded at a steady rate, because at rest a canvas gives no
// frames by itself, and hands it to the encoder of the wanted format.
import { download, fileName } from "./download.js";
import { GifRecorder } from "./gif_recorder.js";
import { t } from "./language.js";
import { VideoRecorder, videoFormat } from "./video_recorder.js";

const VIDEO_FRAME_MS = 33, GIF_FRAME_MS = 100;
const MAX_GIF_MS = 20000;
const REST_MS = 100;  // without a change, after which an unchanged frame is drawn again

/** Events: `time` (text for the badge), `encoding`, `saved` (the file's name, null for no file). */
export class Recorder extends EventTarget {
  #encoder = null;
  #timers = [];
  #version = -1;
  #drawnAt = 0;

  constructor(picture) {
    super();
    this.picture = picture;
  }

  get recording() { return this.#encoder !== null; }

  /** `kind` is "video" or "gif". */
  start(kind) {
    const isGif = kind === "gif", format = videoFormat();
    if (!isGif && !format) throw new Error(t("This browser cannot record videos, only GIFs."));
    const canvas = this.picture.makeCanvas(), started = performance.now();
    this.picture.draw(canvas);
    const onFile = (file) => this.#save(file);
    this.#encoder = isGif ? new GifRecorder(canvas, onFile)
      : new VideoRecorder(canvas, format, onFile);
    this.#version = -1;
    const addFrame = () => this.#addFrame(canvas, isGif);
    addFrame();
    this.#timers = [setInterval(addFrame, isGif ? GIF_FRAME_MS : VIDEO_FRAME_MS),
      setInterval(() => this.#showTime(started), 500)];
    if (isGif) this.#timers.push(setTimeout(() => this.stop(), MAX_GIF_MS));
    this.#showTime(started);
  }

  stop() {
    this.#timers.forEach(clearTimeout);
    this.#encoder?.stop();
    this.dispatchEvent(new Event("encoding"));
  }

  #addFrame(canvas, isGif) {
    const now = performance.now(), { version } = this.picture;
    const atRest = version === this.#version;
    if (atRest && (isGif || now - this.#drawnAt < REST_MS)) return;
    this.#version = version;
    this.#drawnAt = now;
    this.picture.draw(canvas);
    this.#encoder.addFrame();
  }

  #save(file) {
    this.#timers.forEach(clearTimeout);
    this.#encoder = null;
    const name = file && fileName(file.type.split("/")[1]);
    if (file) download(file, name);
    this.dispatchEvent(new CustomEvent("saved", { detail: name }));
  }

  #showTime(started) {
    const seconds = Math.floor((performance.now() - started) / 1000);
    const text = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    this.dispatchEvent(new CustomEvent("time", { detail: text }));
  }
}
