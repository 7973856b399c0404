// The settings panel, built from the JSON schema of the server: a field for each parameter with its
// explanation and a button that resets it. Parameters that this page does not know come last.
import { $, element, icon } from "./dom.js";

const GROUPS = [
  ["Steps", ["steps", "t_index_list", "num_inference_steps", "do_add_noise", "seed"]],
  ["Prompt", [
    "negative_prompt", "prompt2", "blend", "prompt_interpolation_method", "transition_ms",
  ]],
  ["Guidance", ["cfg_type", "guidance_scale", "delta"]],
  ["Image", ["width", "height", "fit", "jpeg_quality", "model"]],
  ["Similarity filter", [
    "enable_similar_image_filter", "similar_image_filter_threshold",
    "similar_image_filter_max_skip_frame",
  ]],
];
const SHOWN_ELSEWHERE = ["mode", "prompt", "prompt_list", "strength"];
const SECOND_PROMPT_FIELDS = {  // the page makes `prompt_list` of the prompt and these two
  prompt2: {
    type: "string", title: "Second prompt", default: "",
    description: "Blended with the first; leave it empty for one prompt.",
  },
  blend: {
    type: "number", minimum: 0, maximum: 1, title: "Blend", default: 0.5,
    description: "How much of the second prompt.",
  },
};
// Where sliders end, for parameters whose allowed maximum is far above useful values.
const SLIDER_MAX = {
  guidance_scale: 4, delta: 3, transition_ms: 3000, similar_image_filter_max_skip_frame: 60,
};
// The server plans anew for these: they are sent when the slider is let go, not while it moves.
const SLOW_TO_CHANGE = ["width", "height", "steps"];
const TYPING_PAUSE_MS = 250, LIST_TYPING_PAUSE_MS = 600;

function valueText(value) {
  return Array.isArray(value) ? value.join(", ") : String(value ?? "");
}

function parseNumbers(text) {
  return text.split(/[\s,]+/).filter(Boolean).map(Number);
}

function isSlider({ type, maximum }) {
  return (type === "number" || type === "integer") && maximum !== undefined;
}

/** Whether there is anything to choose. */
function hasChoice(schema) {
  return schema.enum?.length !== 1;
}

function describedBy(input, id) {
  input.id = id;
  input.setAttribute("aria-describedby", `${id}-hint`);
  return input;
}

export class SettingsPanel {
  #fields = new Map();

  constructor(settings) {
    this.settings = settings;
    $("settings-open").addEventListener("click", () => this.show(this.hidden));
    $("settings-close").addEventListener("click", () => this.show(false));
    $("settings-panel").addEventListener("keydown", ({ key }) => {
      if (key === "Escape") this.show(false);
    });
  }

  get hidden() { return $("settings-panel").hidden; }

  show(open) {
    $("settings-panel").hidden = !open;
    $("settings-open").setAttribute("aria-expanded", String(open));
    (open ? $("settings-close") : $("settings-open")).focus({ focusVisible: false });
  }

  build(schema) {
    const body = $("settings-body");
    this.#fields.clear();
    body.replaceChildren();
    const all = { ...schema, ...(schema.prompt_list ? SECOND_PROMPT_FIELDS : {}) };
    const placed = new Set([...SHOWN_ELSEWHERE, ...GROUPS.flatMap(([, names]) => names)]);
    const rest = Object.keys(all).filter((name) => !placed.has(name));
    for (const [title, names] of [...GROUPS, ["More", rest]]) {
      const shown = names.filter((name) => name in all && hasChoice(all[name]));
      if (!shown.length) continue;
      const fields = shown.map((name) => this.#field(name, all[name]));
      body.append(element("h3", { textContent: title }), ...fields);
    }
    this.refresh();
  }

  /** Shows the present values, except in fields that the visitor is editing. */
  refresh() {
    for (const [name, field] of this.#fields) {
      const changed = this.settings.isChanged(name);
      if (!field.isEdited()) field.setValue(this.settings.get(name) ?? field.schema.default);
      field.reset.toggleAttribute("data-idle", !changed);
      field.reset.tabIndex = changed ? 0 : -1;
    }
  }

  /** Shows an error at the parameter's field. False if there is no such field. */
  showError(name, message) {
    const field = this.#fields.get(name);
    if (!field) return false;
    field.error.textContent = message;
    return true;
  }

  #change(name, value) {
    this.showError(name, "");
    this.settings.set({ [name]: value });
  }

  #field(name, schema) {
    const id = `setting-${name}`, title = schema.title ?? name;
    const label = element("label", { htmlFor: id, textContent: title });
    const head = element("div", { className: "field-head" }, label);
    const control = this.#control(name, schema, id, head);
    const reset = this.#resetButton(name, title);
    head.append(reset);
    const hint = element("p", { className: "field-hint", textContent: schema.description ?? "" });
    hint.id = `${id}-hint`;
    const error = element("p", { className: "field-error" });
    error.setAttribute("role", "alert");
    const className = control.isSwitch ? "field field-switch" : "field";
    const body = control.body ? [control.body] : [];
    this.#fields.set(name, {
      schema, reset, error, setValue: control.setValue,
      isEdited: control.isEdited ?? (() => false),
    });
    return element("div", { className }, head, ...body, hint, error);
  }

  #resetButton(name, title) {
    const properties = { type: "button", className: "tool field-reset", title: "Reset to default" };
    const button = element("button", properties, icon("reset"));
    button.setAttribute("aria-label", `Reset ${title}`);
    button.addEventListener("click", () => {
      this.showError(name, "");
      this.settings.reset([name]);
      this.refresh();
    });
    return button;
  }

  #control(name, schema, id, head) {
    if (schema.enum) {
      const few = schema.enum.length <= 4;
      return few ? this.#segments(name, schema, id) : this.#select(name, schema, id);
    }
    if (schema.type === "boolean") return this.#switch(name, id, head);
    if (name === "seed") return this.#textField(name, schema, id, "number");
    if (isSlider(schema)) return this.#slider(name, schema, id, head);
    return this.#textField(name, schema, id, "text");
  }

  #slider(name, schema, id, head) {
    const min = schema.minimum ?? 0;
    const max = Math.min(schema.maximum, SLIDER_MAX[name] ?? Infinity);
    const step = schema.multipleOf ?? schema.step ?? (schema.type === "integer" ? 1 : 0.01);
    const digits = (String(step).split(".")[1] ?? "").length;
    const unit = name.endsWith("_ms") ? " ms" : "";
    const input = describedBy(element("input", { type: "range" }), id);
    Object.assign(input, { min, max, step });
    const output = element("output", { htmlFor: id });
    head.append(output);
    const show = () => {
      output.textContent = Number(input.value).toFixed(digits) + unit;
      input.style.setProperty("--at", `${((input.value - min) / (max - min)) * 100}%`);
    };
    input.addEventListener("input", show);
    const sentOn = SLOW_TO_CHANGE.includes(name) ? "change" : "input";
    input.addEventListener(sentOn, () => this.#change(name, Number(input.value)));
    const setValue = (value) => {
      input.value = value;
      show();
    };
    return { body: input, isEdited: () => input.matches(":active"), setValue };
  }

  #segments(name, schema, id) {
    const group = element("div", { className: "segments" });
    group.setAttribute("role", "radiogroup");
    group.setAttribute("aria-label", schema.title ?? name);
    const inputs = schema.enum.map((choice, i) => {
      const input = element("input", { type: "radio", name: id, value: choice });
      if (i === 0) input.id = id;
      input.addEventListener("change", () => this.#change(name, choice));
      group.append(element("label", {}, input, element("span", { textContent: choice })));
      return input;
    });
    const setValue = (value) => {
      for (const input of inputs) input.checked = input.value === value;
    };
    return { body: group, setValue };
  }

  #select(name, schema, id) {
    const options = schema.enum.map((choice) =>
      element("option", { value: choice, textContent: choice }));
    const input = describedBy(element("select", {}, ...options), id);
    input.addEventListener("change", () => this.#change(name, input.value));
    return { body: input, setValue: (value) => { input.value = value; } };
  }

  #switch(name, id, head) {
    const input = describedBy(element("input", { type: "checkbox" }), id);
    input.addEventListener("change", () => this.#change(name, input.checked));
    head.append(element("span", { className: "switch" }, input, element("span")));
    return { isSwitch: true, setValue: (value) => { input.checked = Boolean(value); } };
  }

  #textField(name, schema, id, type) {
    const properties = { type, autocomplete: "off", spellcheck: false };
    const input = describedBy(element("input", properties), id);
    if (type === "number") {
      Object.assign(input, { min: schema.minimum ?? "", max: schema.maximum ?? "", step: 1 });
    }
    const send = () => this.#sendText(name, schema, input);
    const pause = schema.type === "array" ? LIST_TYPING_PAUSE_MS : TYPING_PAUSE_MS;
    let timer = 0;
    input.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(send, pause);
    });
    input.addEventListener("change", () => {
      clearTimeout(timer);
      send();
    });
    const isEdited = () => document.activeElement === input;
    return { body: input, isEdited, setValue: (value) => { input.value = valueText(value); } };
  }

  #sendText(name, schema, input) {
    const isList = schema.type === "array";
    let value = input.value.trim();
    if (isList) value = parseNumbers(value);
    else if (input.type === "number") value = Math.max(schema.minimum ?? 0, Math.floor(value));
    if (isList && (!value.length || !value.every(Number.isInteger))) {
      this.showError(name, "Whole numbers with commas between, such as 18, 32");
    } else if (valueText(value) !== valueText(this.settings.get(name))) {
      this.#change(name, value);
    }
  }
}
