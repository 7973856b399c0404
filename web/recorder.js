// Snapshot (PNG with the settings inside) and recording (WebM of the output canvas).
import { withSettings } from "./png_settings.js";

const KINDS = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm", "video/mp4"];

function stamp() {
  return new Date().toISOString().slice(0, 19).replace(/[T:]/g, "-");
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

export async function snapshot(canvas, settings) {
  const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
  const file = await withSettings(blob, settings);
  const name = `streamdiffusion-${stamp()}.png`;
  save(file, name);
  return name;
}

export class Recorder extends EventTarget {
  #recorder = null;
  #timer = 0;

  constructor(canvas) {
    super();
    this.canvas = canvas;
  }

  get on() { return this.#recorder !== null; }

  start() {
    const kind = globalThis.MediaRecorder && KINDS.find((k) => MediaRecorder.isTypeSupported(k));
    if (!kind) throw new Error("This browser cannot record.");
    const parts = [];
    const started = performance.now();
    const stream = this.canvas.captureStream(30);
    const recorder = new MediaRecorder(stream, { mimeType: kind, videoBitsPerSecond: 8e6 });
    recorder.ondataavailable = ({ data }) => { if (data.size) parts.push(data); };
    recorder.onstop = () => {
      clearInterval(this.#timer);
      stream.getTracks().forEach((track) => track.stop());
      this.#recorder = null;
      const name = `streamdiffusion-${stamp()}.${kind.includes("mp4") ? "mp4" : "webm"}`;
      if (parts.length) save(new Blob(parts, { type: kind.split(";")[0] }), name);
      this.dispatchEvent(new CustomEvent("saved", { detail: parts.length ? name : null }));
    };
    recorder.start(1000);
    this.#recorder = recorder;
    this.#timer = setInterval(() => this.#tell(started), 500);
    this.#tell(started);
  }

  stop() {
    this.#recorder?.stop();
  }

  #tell(started) {
    const seconds = Math.floor((performance.now() - started) / 1000);
    const text = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    this.dispatchEvent(new CustomEvent("time", { detail: text }));
  }
}
