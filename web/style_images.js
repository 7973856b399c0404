// The images that the server's IP-Adapters follow: for each adapter a switch, its scale, what is
// taken from the image, and the image itself, which is chosen, dropped, or copied from the input.
import { element } from "./dom.js";
import { t } from "./language.js";
import { NetworkRow, networkRows } from "./network_row.js";
import { toast } from "./toasts.js";

const SIDE = 512;  // of the square that is sent; more than an adapter sees
const QUALITY = 0.92;
const KEYS = { scale: "scale", choice: "layers" };

/** The central square of a picture, as a JPEG. */
function squareOf(source, width, height) {
  const side = Math.min(width, height), canvas = document.createElement("canvas");
  canvas.width = canvas.height = Math.min(side, SIDE);
  const context = canvas.getContext("2d", { alpha: false });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, (width - side) / 2, (height - side) / 2, side, side,
    0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
}

/** Sends images to the session, and again to one that takes its place. */
export class StyleImages {
  #chosen = new Map();  // by adapter: what the visitor chose, null for none
  #session = "";
  #sent = 0;

  /** `input()` is the canvas with the last frame of the input, and `ask(accept, take)` asks for a
   * file. */
  constructor({ connection, input, ask }) {
    this.connection = connection;
    this.input = input;
    this.ask = ask;
    connection.addEventListener("state", ({ detail: { state } }) => {
      if (state !== "live" || connection.id === this.#session) return;
      this.#session = connection.id;
      for (const adapter of this.#chosen.keys()) this.#send(adapter);
    });
  }

  /** Called when the server has taken an image. */
  onSent() {}

  /** Those of another model are of no use. */
  forget() { this.#chosen.clear(); }

  /** What changes with each image of this page and with each session. */
  get version() { return `${this.connection.id}/${this.#sent}`; }

  /** The address of an adapter's first image. */
  addressOf(adapter) {
    const at = Math.round(performance.now());  // an address of its own, or nothing is loaded
    return this.connection.routeOf(`api/style_image/${this.connection.id}`, { adapter, at });
  }

  async chooseFile(adapter, file) {
    let picture;
    try {
      picture = await createImageBitmap(file);
    } catch {
      return toast(t("{name} is not an image that this browser reads.", { name: file.name }));
    }
    this.#choose(adapter, await squareOf(picture, picture.width, picture.height));
    picture.close();
  }

  async chooseInput(adapter) {
    const { canvas, isEmpty } = this.input();
    if (isEmpty) return toast(t("There is no input image yet."));
    this.#choose(adapter, await squareOf(canvas, canvas.width, canvas.height));
  }

  remove(adapter) { this.#choose(adapter, null); }

  #choose(adapter, image) {
    this.#chosen.set(adapter, image);
    return this.#send(adapter);
  }

  async #send(adapter) {
    const image = this.#chosen.get(adapter);
    const request = image
      ? { method: "PUT", body: image, headers: { "Content-Type": "image/jpeg" } }
      : { method: "DELETE" };
    const address = this.connection.routeOf(`api/style_image/${this.connection.id}`, { adapter });
    const answer = await fetch(address, request).catch(() => null);
    if (answer?.ok) {
      if (!image) return;
      this.#sent += 1;
      return this.onSent();
    }
    this.#chosen.delete(adapter);
    const { error } = (await answer?.json().catch(() => null)) ?? {};
    toast(error?.message ?? t("The image could not be sent."));
  }
}

class IpAdapter extends NetworkRow {
  constructor({ images, number, ...row }) {
    const { name } = row;
    super({ ...row, keys: KEYS, choiceLabel: t("What {name} takes from the image", { name }) });
    this.thumbnail = element("img", { alt: t("The image that {name} follows", { name }) });
    this.thumbnail.hidden = true;
    this.load = (count) => {
      const version = `${count}/${images.version}`;
      if (version === this.loaded) return;
      this.loaded = version;
      this.thumbnail.src = images.addressOf(number);
    };
    const take = (file) => images.chooseFile(number, file);
    const buttons = [
      [t("Choose an image"), () => images.ask("image/*", take)],
      [t("Use the input"), () => images.chooseInput(number)],
      [t("Remove"), () => images.remove(number)],
    ].map(([textContent, act]) => {
      const button = element("button", { type: "button", className: "button", textContent });
      button.setAttribute("aria-label", `${textContent} (${name})`);
      button.addEventListener("click", act);
      return button;
    });
    this.buttons = element("div", { className: "network-buttons" }, ...buttons);
    this.removal = buttons.at(-1);
    this.note = element("p", { className: "field-hint" });
    this.follow = element("input", { type: "checkbox" });
    this.follow.addEventListener("change", () => row.change({ follow_input: this.follow.checked }));
    this.body.append(this.thumbnail, this.note, this.buttons, element("label",
      { className: "network-follow" }, this.follow, t("Follow the input")));
    this.#takeDrops(take);
  }

  showMore({ images = 0, follow_input: follow = false }) {
    const shown = images > 0 && !follow;
    this.follow.checked = follow;
    this.buttons.hidden = follow;
    this.thumbnail.hidden = !shown;
    this.note.hidden = shown;
    this.note.textContent =
      follow ? t("The input itself.") : t("It follows no image yet: drop one here.");
    this.removal.hidden = images === 0;
    if (shown) this.load(images);
  }

  #takeDrops(take) {
    const { body } = this;
    const over = (on) => (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      event.stopPropagation();
      body.classList.toggle("dropping", on);
      return event.dataTransfer.files;
    };
    body.addEventListener("dragenter", over(true));
    body.addEventListener("dragover", over(true));
    body.addEventListener("dragleave", over(false));
    body.addEventListener("drop", (event) => {
      const [file] = over(false)(event) ?? [];
      if (file) take(file);
    });
  }
}

/** The body of the panel's field. `change(list)` sets what all adapters are told. */
export function ipAdapters({ images, ...field }) {
  return networkRows({ ...field, makeRow: (row) => new IpAdapter({ ...row, images }) });
}
