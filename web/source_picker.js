// Which source is on and what its pane shows: starting and stopping sources, their errors and what
// the visitor can do about them, and files that are chosen, dropped or pasted.
import { $, element } from "./dom.js";
import { t } from "./language.js";
import { readSettings } from "./png_settings.js";
import {
  CameraSource, DrawSource, FileSource, PromptSource, ScreenSource, SourceError,
} from "./sources.js";

/**
 * Events: `source` {name, started}, `imageopen` (before an image replaces the drawing), `message`
 * (a text for the visitor), `imagesettings` (the settings inside an opened image).
 */
export class SourcePicker extends EventTarget {
  #onFile = (file) => this.open(file);  // what is done with the file that is asked for
  #choice = 0;  // grows with every choice, so that an older one that is still starting gives up

  constructor(drawing, settings) {
    super();
    this.drawing = drawing;
    this.settings = settings;
    const video = $("video");
    this.sources = {
      draw: new DrawSource(drawing),
      camera: new CameraSource(video, settings),
      screen: new ScreenSource(video, settings),
      video: new FileSource(video, settings),
      words: new PromptSource(),  // this name is in stored settings and links
    };
    this.name = "draw";
    for (const name of ["camera", "screen"]) {
      this.sources[name].onEnded = (message) => {
        if (this.name === name) this.#showError(name, message);
      };
    }
    this.#bindButtons();
    this.#bindDrop();
    this.#bindPaste();
  }

  get source() { return this.sources[this.name]; }

  async choose(wanted) {
    const choice = ++this.#choice;
    const name = Object.hasOwn(this.sources, wanted) ? wanted : "draw";
    if (name !== wanted) {
      const known = Object.keys(this.sources).join(", ");
      this.#dispatch("message", t('There is no source "{wanted}", only {known}.', { wanted, known }));
    }
    this.source.stop();
    this.name = name;
    this.settings.set({ source: name });
    this.#showNotice(null);
    this.#updateControls();
    this.#dispatch("source", { name, started: false });
    if (name === "video" && !this.sources.video.file) this.askForFile("video/*");
    try {
      await this.source.start();
    } catch (error) {
      if (choice !== this.#choice) return;
      this.source.stop();
      const expected = error instanceof SourceError;
      if (!expected) console.warn(error);
      this.#showError(name, expected ? error.message : t("This source could not be started."));
      return;
    }
    if (choice !== this.#choice) return;
    this.#updateControls();
    this.#dispatch("source", { name, started: true });
  }

  /** Opens a video as the source, or an image as the start of a drawing. */
  async open(file) {
    if (file.type.startsWith("video/")) {
      this.sources.video.file = file;
      return this.choose("video");
    }
    let bitmap;
    try {
      bitmap = await createImageBitmap(file);
    } catch {
      const name = file.name || t("This file");
      return this.#dispatch("message",
        t("{name} is not an image that this browser reads.", { name }));
    }
    if (this.name !== "draw") await this.choose("draw");
    this.#dispatch("imageopen");
    this.drawing.putImage(bitmap);
    this.drawing.edited = true;
    const settings = await readSettings(file);
    if (settings) this.#dispatch("imagesettings", settings);
  }

  #dispatch(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #bindButtons() {
    for (const button of document.querySelectorAll("[data-source]")) {
      button.addEventListener("click", () => this.choose(button.dataset.source));
    }
    $("mirror").addEventListener("click", () => {
      this.settings.set({ mirror: !(this.settings.get("mirror") ?? true) });
      this.#updateControls();
    });
    $("swap").addEventListener("click", () => {
      const { camera } = this.sources;
      camera.facing = camera.facing === "user" ? "environment" : "user";
      this.choose("camera");
    });
    $("choose").addEventListener("click", () => {
      if (this.name === "video") this.askForFile("video/*");
      else this.choose(this.name);
    });
    $("import").addEventListener("click", () => this.askForFile("image/*"));
    $("file").addEventListener("change", () => {
      const [file] = $("file").files;
      $("file").value = "";
      if (file) this.#onFile(file);
    });
  }

  /** Lets the visitor choose a file, which is opened, or given to `onFile`. */
  askForFile(types, onFile = (file) => this.open(file)) {
    this.#onFile = onFile;
    const input = $("file");
    input.accept = types;
    input.click();
  }

  #bindDrop() {
    const stage = $("stage");
    let depth = 0;  // dragenter and dragleave come for every nested element
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
    const setDepth = (value) => {
      depth = Math.max(0, value);
      stage.toggleAttribute("data-drop", depth > 0);
    };
    addEventListener("dragenter", (event) => { if (hasFiles(event)) setDepth(depth + 1); });
    addEventListener("dragleave", (event) => { if (hasFiles(event)) setDepth(depth - 1); });
    addEventListener("dragover", (event) => { if (hasFiles(event)) event.preventDefault(); });
    addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setDepth(0);
      const [file] = event.dataTransfer.files;
      if (file) this.open(file);
    });
  }

  #bindPaste() {
    addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      const image = files.find((file) => file.type.startsWith("image/"));
      if (!image) return;
      event.preventDefault();
      this.open(image);
    });
  }

  #showError(name, text) {
    const again = name === "video"
      ? [t("Choose a video"), () => this.askForFile("video/*")]
      : [t("Try again"), () => this.choose(name)];
    this.#showNotice(text, [again, [t("Draw instead"), () => this.choose("draw")]]);
  }

  /** `actions` are [label, callback] of buttons; the first is the main one. */
  #showNotice(text, actions = []) {
    const notice = $("in-notice");
    notice.hidden = !text;
    notice.setAttribute("role", "alert");
    notice.querySelector("p").textContent = text ?? "";
    const buttons = actions.map(([label, callback], i) => {
      const className = i ? "button" : "button button-main";
      const button = element("button", { type: "button", className, textContent: label });
      button.addEventListener("click", callback);
      return button;
    });
    notice.querySelector(".notice-actions").replaceChildren(...buttons);
  }

  /** Shows the controls of the present source and hides the others. */
  #updateControls() {
    const { name } = this;
    const isDraw = name === "draw", isCamera = name === "camera";
    for (const button of document.querySelectorAll("[data-source]")) {
      button.setAttribute("aria-pressed", String(button.dataset.source === name));
    }
    $("stage").toggleAttribute("data-alone", name === "words");
    $("drawing").hidden = $("traced").hidden = !isDraw;
    $("brush").hidden = true;
    $("video").hidden = isDraw;
    $("video").toggleAttribute("data-mirror", isCamera && this.sources.camera.mirrored);
    $("video").dataset.fit = this.settings.get("fit") ?? "cover";
    for (const id of ["draw-tools", "swatches", "pen-sliders"]) $(id).hidden = !isDraw;
    $("live-tools").hidden = isDraw;
    $("mirror").hidden = $("swap").hidden = !isCamera;
    $("mirror").setAttribute("aria-pressed", String(this.settings.get("mirror") ?? true));
    $("choose").hidden = isCamera;
  }
}
