// The settings of the server's ControlNets: for each a switch, its scale, what its control images
// show of the input, and, on request, the image that it sees.
import { element } from "./dom.js";
import { t } from "./language.js";
import { NetworkRow, networkRows } from "./network_row.js";

const PREVIEW_MS = 250;  // between the answer to one request and the next
const ITSELF = ["auto", "passthrough"];  // the input itself is the image
const KEYS = { scale: "conditioning_scale", choice: "preprocessor" };

class ControlNet extends NetworkRow {
  /** `image()` is the address of what it sees. */
  constructor({ image, ...row }) {
    const { name } = row;
    super({ ...row, keys: KEYS, choiceLabel: t("What {name} is shown of the input", { name }) });
    this.image = image;
    this.body.append(this.#preview(name));
  }

  showMore({ enabled, preprocessor }) {
    const hidden = !enabled || ITSELF.includes(preprocessor);
    this.note.textContent = enabled ? t("The input itself.") : t("Nothing: it is off.");
    this.note.hidden = !hidden;
    this.preview.hidden = hidden;
    if (!hidden) this.#load();
  }

  /** Asks for one image after another while it is open and seen. */
  #preview(name) {
    this.preview = element("img", { alt: t("What {name} sees", { name }) });
    this.note = element("p", { className: "field-hint" });
    this.timer = 0;
    const again = () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.#load(), PREVIEW_MS);
    };
    this.preview.addEventListener("load", again);
    this.preview.addEventListener("error", again);  // no frame has come yet
    this.details = element("details", {},
      element("summary", { textContent: t("What it sees") }), this.note, this.preview);
    this.details.addEventListener("toggle", () => this.#load());
    return this.details;
  }

  #load() {
    clearTimeout(this.timer);
    const seen = this.details.open && !this.preview.hidden && this.details.offsetParent !== null;
    if (seen) this.preview.src = this.image();
    else if (this.details.open) this.timer = setTimeout(() => this.#load(), PREVIEW_MS);
  }
}

/** Whether the nets follow the drawing, whatever the source of the frames. */
function drawingSwitch(drawing, id) {
  const on = element("input", { type: "checkbox", id: `${id}-drawing`, checked: drawing.on });
  on.addEventListener("change", () => { drawing.on = on.checked; });
  return element("label", { className: "field-head" },
    t("Follow the drawing, also beside a camera"),
    element("span", { className: "switch" }, on, element("span")));
}

/** The body of the panel's field. `change(list)` sets the settings of all nets, and `imageOf(net)`
 * gives the address of what a net sees. `drawing` is what they may follow. */
export function controlNets({ imageOf, drawing, ...field }) {
  const makeRow = ({ number, ...row }) => new ControlNet({ ...row, image: () => imageOf(number) });
  const rows = networkRows({ ...field, makeRow });
  rows.body.prepend(drawingSwitch(drawing, field.id));
  return rows;
}
