// What the rows of ControlNets and of IP-Adapters in the settings share: a switch, a scale and a
// choice for each network, under its name.
import { element } from "./dom.js";
import { t } from "./language.js";

export class NetworkRow {
  /** `keys` are the names of the scale and of the choice among the network's settings, `change`
   * sets members of them, and `choiceLabel` says what is chosen. */
  constructor({ name, id, schemas, keys, choiceLabel, change }) {
    this.keys = keys;
    this.on = element("input", { type: "checkbox", id: `${id}-on` });
    this.on.setAttribute("aria-label", t("{name} acts", { name }));
    this.on.addEventListener("change", () => change({ enabled: this.on.checked }));
    this.scale = this.#slider(id, schemas[keys.scale], change);
    this.choice = this.#select(schemas[keys.choice], choiceLabel, change);
    const label = element("label", { htmlFor: id, textContent: name });
    this.output = element("output", { htmlFor: id });
    const head = element("div", { className: "field-head" }, label, this.output,
      element("span", { className: "switch" }, this.on, element("span")));
    this.body = element("div", { className: "network-row" }, head, this.scale, this.choice);
  }

  get edited() { return this.scale.matches(":active"); }

  set value(value) {
    this.on.checked = value.enabled;
    this.scale.value = value[this.keys.scale];
    this.choice.value = value[this.keys.choice];
    this.#showScale();
    this.showMore(value);
  }

  /** What a row has beside these. */
  showMore() {}

  #slider(id, { maximum, sliderMaximum = maximum, minimum, step }, change) {
    const input = element("input", { type: "range", id, min: minimum, max: sliderMaximum, step });
    input.addEventListener("input", () => {
      this.#showScale();
      change({ [this.keys.scale]: Number(input.value) });
    });
    return input;
  }

  #showScale() {
    const { value, min, max } = this.scale;
    this.output.textContent = Number(value).toFixed(2);
    this.scale.style.setProperty("--at", `${((value - min) / (max - min)) * 100}%`);
  }

  #select({ enum: words }, label, change) {
    const options = words.map((word) => element("option", { value: word, textContent: word }));
    const select = element("select", { lang: "en" }, ...options);
    select.setAttribute("aria-label", label);
    select.addEventListener("change", () => change({ [this.keys.choice]: select.value }));
    return select;
  }
}

/** The body of the panel's field. `makeRow` makes the row of a network, and `change(list)` sets the
 * settings of all. */
export function networkRows({ schema, id, change, makeRow }) {
  const schemas = schema.items.properties;
  let values = [];
  const rows = schema.labels.map((name, i) => makeRow({
    name, schemas, id: i === 0 ? id : `${id}-${i}`, number: i,
    change: (members) => {
      values = values.map((value, k) => (k === i ? { ...value, ...members } : value));
      change(values);
    },
  }));
  const body = element("div", { className: "network-rows" }, ...rows.map((row) => row.body));
  body.setAttribute("role", "group");
  body.setAttribute("aria-label", schema.title);
  const setValue = (list) => {
    if (list?.length !== rows.length) return;
    values = list;
    rows.forEach((row, i) => { row.value = list[i]; });
  };
  return { body, setValue, isEdited: () => rows.some((row) => row.edited) };
}
