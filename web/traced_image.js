// An image to trace: it lies faintly over the drawing, as if below it on a light table, and is never
// sent. Another click takes it away.
import { $ } from "./dom.js";
import { t } from "./language.js";
import { toast } from "./toasts.js";

export class TracedImage {
  #address = "";

  constructor(drawing, sourcePicker) {
    Object.assign(this, { drawing, sourcePicker });
    $("trace").addEventListener("click", () => {
      if (this.#address) this.#remove();
      else sourcePicker.askForFile("image/*", (file) => this.#show(file));
    });
  }

  async #show(file) {
    const image = $("traced"), address = URL.createObjectURL(file);
    image.src = address;
    try {
      await image.decode();
    } catch {
      URL.revokeObjectURL(address);
      image.removeAttribute("src");
      return toast(t("{name} is not an image that this browser reads.", { name: file.name }));
    }
    this.#address = address;
    this.#update();
    toast(t("The image is only for you to trace: the model does not see it."));
  }

  #remove() {
    URL.revokeObjectURL(this.#address);
    $("traced").removeAttribute("src");
    this.#address = "";
    this.#update();
  }

  #update() {
    const shown = this.#address !== "", button = $("trace");
    const label = shown ? t("Remove the traced image") : t("Trace an image");
    $("traced").toggleAttribute("data-shown", shown);
    button.setAttribute("aria-pressed", String(shown));
    button.setAttribute("aria-label", label);
    button.dataset.tip = label;
  }
}
