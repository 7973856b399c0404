// Which source is on, and what its pane shows: starting and stopping, refusals and what to do about them, files that are chosen,
// dropped or pasted.
import { CameraSource, DrawSource, FileSource, ScreenSource, SourceProblem, PromptSource } from "./sources.js";
import { settingsOf } from "./png_settings.js";

const $ = (id) => document.getElementById(id);

export class SourcePicker extends EventTarget {
  #turn = 0;

  constructor(paper, settings) {
    super();
    this.paper = paper;
    this.settings = settings;
    const video = $("video");
    this.sources = {
      draw: new DrawSource(paper),
      camera: new CameraSource(video, settings),
      screen: new ScreenSource(video, settings),
      video: new FileSource(video, settings),
      words: new PromptSource(),
    };
    this.name = "draw";
    for (const name of ["camera", "screen"]) this.sources[name].ended = (why) => { if (this.name === name) this.#problem(name, why); };
    for (const button of document.querySelectorAll("[data-source]")) {
      button.addEventListener("click", () => this.choose(button.dataset.source));
    }
    $("mirror").addEventListener("click", () => {
      settings.set({ mirror: !(settings.get("mirror") ?? true) });
      this.#dress();
    });
    $("swap").addEventListener("click", () => {
      const { camera } = this.sources;
      camera.facing = camera.facing === "user" ? "environment" : "user";
      this.choose("camera");
    });
    $("choose").addEventListener("click", () => (this.name === "video" ? this.#askFor("video/*") : this.choose(this.name)));
    $("import").addEventListener("click", () => this.#askFor("image/*"));
    $("file").addEventListener("change", () => {
      const [file] = $("file").files;
      $("file").value = "";
      if (file) this.open(file);
    });
    this.#drops();
  }

  get source() { return this.sources[this.name]; }

  async choose(name) {
    const turn = ++this.#turn;
    this.source.stop();
    this.name = name;
    this.settings.set({ source: name });
    this.#notice(null);
    this.#dress();
    this.dispatchEvent(new CustomEvent("chosen", { detail: { name, started: false } }));
    if (name === "video" && !this.sources.video.file) {
      this.#askFor("video/*");
    }
    try {
      await this.source.start();
    } catch (error) {
      if (turn !== this.#turn) return;
      this.source.stop();
      if (!(error instanceof SourceProblem)) console.warn(error);
      return this.#problem(name, error instanceof SourceProblem ? error.message : "This source could not be started.");
    }
    if (turn !== this.#turn) return;
    this.#dress();
    this.dispatchEvent(new CustomEvent("chosen", { detail: { name, started: true } }));
  }

  async open(file) {
    if (file.type.startsWith("video/")) {
      this.sources.video.file = file;
      return this.choose("video");
    }
    let bitmap;
    try {
      bitmap = await createImageBitmap(file);
    } catch {
      return this.dispatchEvent(new CustomEvent("said", { detail: { text: `${file.name || "This"} is not a picture this browser reads.` } }));
    }
    if (this.name !== "draw") await this.choose("draw");
    this.dispatchEvent(new Event("opening"));
    this.paper.put(bitmap);
    this.paper.touched = true;
    const carried = await settingsOf(file);
    if (carried) this.dispatchEvent(new CustomEvent("carried", { detail: carried }));
  }

  #askFor(kinds) {
    const file = $("file");
    file.accept = kinds;
    file.click();
  }

  #drops() {
    const stage = $("stage");
    let depth = 0;
    const files = (event) => event.dataTransfer?.types.includes("Files");
    addEventListener("dragenter", (event) => { if (files(event)) { depth += 1; stage.setAttribute("data-drop", ""); } });
    addEventListener("dragleave", (event) => { if (files(event) && --depth <= 0) { depth = 0; stage.removeAttribute("data-drop"); } });
    addEventListener("dragover", (event) => { if (files(event)) event.preventDefault(); });
    addEventListener("drop", (event) => {
      if (!files(event)) return;
      event.preventDefault();
      depth = 0;
      stage.removeAttribute("data-drop");
      const [file] = event.dataTransfer.files;
      if (file) this.open(file);
    });
    addEventListener("paste", (event) => {
      const file = [...(event.clipboardData?.files ?? [])].find((f) => f.type.startsWith("image/"));
      if (file) { event.preventDefault(); this.open(file); }
    });
  }

  #problem(name, text) {
    const again = name === "video"
      ? ["Choose a video", () => this.#askFor("video/*")]
      : ["Try again", () => this.choose(name)];
    this.#notice(text, [again, ["Draw instead", () => this.choose("draw")]]);
  }

  #notice(text, actions = []) {
    const notice = $("in-notice");
    notice.hidden = !text;
    notice.setAttribute("role", "alert");
    notice.querySelector("p").textContent = text ?? "";
    notice.querySelector(".notice-actions").replaceChildren(...actions.map(([label, press], i) => {
      const button = Object.assign(document.createElement("button"), { type: "button", className: i ? "button" : "button button-main", textContent: label });
      button.addEventListener("click", press);
      return button;
    }));
  }

  /** What belongs to the source is shown, the rest is not. */
  #dress() {
    const { name } = this;
    const drawing = name === "draw";
    for (const button of document.querySelectorAll("[data-source]")) {
      button.setAttribute("aria-pressed", String(button.dataset.source === name));
    }
    $("stage").toggleAttribute("data-alone", name === "words");
    $("paper").hidden = !drawing;
    $("brush").hidden = true;
    $("video").hidden = drawing;
    $("video").toggleAttribute("data-mirror", name === "camera" && this.sources.camera.mirrored);
    $("video").dataset.fit = this.settings.get("fit") ?? "cover";
    for (const id of ["draw-tools", "swatches"]) $(id).hidden = !drawing;
    $("size").parentElement.hidden = !drawing;
    $("live-tools").hidden = drawing;
    $("mirror").hidden = $("swap").hidden = name !== "camera";
    $("mirror").setAttribute("aria-pressed", String(this.settings.get("mirror") ?? true));
    $("choose").hidden = name === "camera";
    $("keep").hidden = false;
  }
}
