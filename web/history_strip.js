// The last images that came to rest, as thumbnails: a click brings drawing, words and strength back.
// While images stream, from a camera for example, nothing comes to rest until the page is paused.
import { $, element } from "./dom.js";
import { t } from "./language.js";
import { saveImage } from "./saved_picture.js";
import { toast } from "./toasts.js";

const REST_MS = 900;  // without a new image after which the last one is kept, if none is being made
const MAKING_MS = 15000;  // that one may take
const MOST = 12;
const KEPT_SETTINGS = ["prompt", "seed", "strength", "t_index_list"];

function copyOf(canvas) {
  const copy = element("canvas", { width: canvas.width, height: canvas.height });
  copy.getContext("2d").drawImage(canvas, 0, 0);
  return copy;
}

export class HistoryStrip {
  #moments = [];  // {image, drawing: an image of it or null, settings}, the newest first
  #timer = 0;

  constructor(page) {
    this.page = page;
    page.display.addEventListener("shown", () => this.#wait());
    $("history-open").addEventListener("click", () => this.#open($("history").hidden));
    $("history-close").addEventListener("click", () => this.#close());
    $("history-save").addEventListener("click", () => this.#saveAll());
    addEventListener("keydown", (event) => {
      const isElsewhere = event.defaultPrevented || document.querySelector("dialog[open]");
      if (event.key === "Escape" && !isElsewhere && !$("history").hidden) this.#close();
    });
  }

  #wait() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#rest(), REST_MS);
  }

  #rest() {
    if (this.page.connection.waitsForAnswer(MAKING_MS)) this.#wait();
    else this.#keep();
  }

  #keep() {
    const { display, drawing, settings, sourcePicker } = this.page;
    const kept = {};
    for (const name of KEPT_SETTINGS) if (settings.isChanged(name)) kept[name] = settings.get(name);
    kept.prompt = settings.get("prompt");
    this.#moments.unshift({
      image: copyOf(display.canvas), settings: kept,
      drawing: sourcePicker.name === "draw" ? drawing.image : null,
    });
    this.#moments.length = Math.min(MOST, this.#moments.length);
    $("history-open").disabled = false;
    this.#show();
  }

  #open(open) {
    $("history").hidden = !open;
    $("history-open").setAttribute("aria-expanded", String(open));
  }

  /** The focus goes back to where the strip was opened, if it was inside. */
  #close() {
    const hadFocus = $("history").contains(document.activeElement);
    this.#open(false);
    if (hadFocus) $("history-open").focus({ focusVisible: false });
  }

  #show() {
    const buttons = this.#moments.map((moment) => {
      const button = element("button", { type: "button", className: "moment" }, moment.image);
      button.title = moment.settings.prompt;
      button.setAttribute("aria-label", t("Bring back: {prompt}", moment.settings));
      button.addEventListener("click", () => this.#restore(moment));
      return button;
    });
    $("history-list").replaceChildren(...buttons);
  }

  async #restore({ drawing: canvas, settings: kept }) {
    const { drawing, settings, promptEditor, sourcePicker, onboarding } = this.page;
    this.#close();
    settings.reset(KEPT_SETTINGS.filter((name) => !(name in kept)));
    const { prompt, ...others } = kept;
    settings.set(others);
    promptEditor.setText(prompt);
    if (canvas && sourcePicker.name !== "draw") await sourcePicker.choose("draw");
    onboarding.stop();  // also the doodle that the first choice to draw begins
    if (!canvas) return;
    drawing.open(canvas);
    drawing.edited = true;
  }

  async #saveAll() {
    for (const { image, settings } of this.#moments) await saveImage(image, settings);
    toast(t("Saved {count} images", { count: this.#moments.length }));
  }
}
