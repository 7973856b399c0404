// The settings panel, built from the JSON schema of the server: a field for each parameter with its
// explanation and a button that resets it. The schema says where a slider ends and which group of
// the panel a parameter belongs to. What most visitors need comes first, under everyday names; the
// rest is behind "Expert".
import { controlNets } from "./control_nets.js";
import { $, element, icon } from "./dom.js";
import { t } from "./language.js";
import { PROMPT_NAMES } from "./prompt_meanings.js";
import { ipAdapters } from "./style_images.js";

const SHOWN_ELSEWHERE = ["mode", "prompt", "prompt_list", "strength"];
const FOR_PROGRAMS = ["seed_list", "seed_interpolation_method"];
const NOT_HERE = [...SHOWN_ELSEWHERE, ...FOR_PROGRAMS];
const SECOND_PROMPT_FIELDS = {  // the page makes `prompt_list` of the prompt and these two
  prompt2: { type: "string", default: "" },
  blend: { type: "number", minimum: 0, maximum: 1, default: 0.5 },
};
const EVERYDAY = {  // title and explanation
  steps: ["Detail", "More steps are slower and cleaner."],
  guidance_scale: ["Boldness", "How strongly the words act; 1 or less: not at all."],
  seed: ["Variation", "The same number gives the same image; -1 draws one."],
  prompt2: ["Morph into", "Blended with the prompt; leave it empty for one prompt."],
  blend: ["How far", "How much of the second prompt."],
  transition_ms: ["Time of a change", "How long a change of the prompt takes."],
  lora_scales: ["LoRA scales", "How strongly each LoRA acts."],
  control_settings: ["ControlNets", "How strongly images follow each, and what it sees."],
  image_prompts: ["Style images", "Images that the pictures should look like."],
};
/** What is the page's own, and no parameter of the server. */
function pageFields() {
  const description = t("WebSocket: each image whole. WebRTC: as video, which is faster where the " +
    "network is slow or loses packets. auto: the page measures.");
  return { transport: {
    type: "string", enum: ["auto", "WebSocket", "WebRTC"], default: "auto", order: Infinity,
    group: t("This page"), title: t("How images travel"), description,
  } };
}

const TYPING_PAUSE_MS = 250, LIST_TYPING_PAUSE_MS = 600;

function valueText(value) {
  return Array.isArray(value) ? value.join(", ") : String(value ?? "");
}

function parseNumbers(text) {
  return text.split(/[\s,]+/).filter(Boolean).map(Number);
}

/** Whether the list is one that the server takes: whole numbers in range that ascend. */
function isIndexList(values, { items: { minimum, maximum }, maxItems }) {
  return values.length > 0 && values.length <= maxItems && values.every((value, i) =>
    Number.isInteger(value) && value >= minimum && value <= maximum &&
    (i === 0 || value > values[i - 1]));
}

function isSlider({ type, maximum }) {
  return (type === "number" || type === "integer") && maximum !== undefined;
}

/** Whether there is anything to choose. */
function hasChoice(schema) {
  return schema.enum?.length !== 1;
}

/** The names of the parameters that the panel shows, by group, in the schema's order. */
function groupsOf(schemas) {
  const groups = new Map();
  const order = ([, schema]) => schema.order ?? schemas.prompt_list?.order ?? Infinity;
  const rows = Object.entries(schemas).sort((a, b) => order(a) - order(b) || 0);
  for (const [name, schema] of rows) {
    const elsewhere = NOT_HERE.includes(name) || name in EVERYDAY;
    if (elsewhere || !hasChoice(schema)) continue;
    groups.set(schema.group, [...(groups.get(schema.group) ?? []), name]);
  }
  return groups;
}

/** With title and explanation in the visitor's language, and titles for names of other parameters. */
function inLanguage({ title, description, ...rest }, schemas) {
  const titled = (name) => (schemas[name] ? `"${t(schemas[name].title)}"` : name);
  const explained = t(description).replace(/\b[a-z]+(?:_[a-z]+)+\b/g, titled);
  return { ...rest, title: t(title), description: explained };
}

function describedBy(input, id) {
  input.id = id;
  input.setAttribute("aria-describedby", `${id}-hint`);
  return input;
}

export class SettingsPanel {
  #fields = new Map();
  hasWebRtc = false;  // whether the page can choose
  /** Called when the panel is closed. */
  onHidden = () => {};

  /** `imageOf(net)`: the address of what a ControlNet of the session sees. `styleImages` sends
   * those of IP-Adapters. */
  constructor(settings, { imageOf, styleImages, controlDrawing, meanings }) {
    Object.assign(this, { settings, imageOf, styleImages, controlDrawing, meanings });
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
    if (!open) this.onHidden();
    (open ? $("settings-close") : $("settings-open")).focus({ focusVisible: false });
  }

  build(schema) {
    const body = $("settings-body");
    this.#fields.clear();
    const all = { ...schema, ...(schema.prompt_list ? SECOND_PROMPT_FIELDS : {}),
      ...(this.hasWebRtc ? pageFields() : {}) };
    const everyday = Object.entries(EVERYDAY)
      .filter(([name]) => name in all && hasChoice(all[name]))
      .map(([name, texts]) => {
        const [title, description] = texts.map((text) => t(text));
        return this.#field(name, { ...all[name], title, description });
      });
    const expert = this.#expertFields(all);
    expert.open = Object.keys(this.settings.changed).some((name) => !(name in EVERYDAY) &&
      name in all && !NOT_HERE.includes(name));
    body.replaceChildren(...everyday, expert);
    this.refresh();
  }

  /** The parameters as the server names and explains them. */
  #expertFields(schemas) {
    const fields = element("div");
    for (const [group, names] of groupsOf(schemas)) {
      fields.append(element("h3", { textContent: t(group) }),
        ...names.map((name) => this.#field(name, inLanguage(schemas[name], schemas))));
    }
    const summary = element("summary", { textContent: t("Expert") });
    return element("details", { id: "settings-expert" }, summary, fields);
  }

  /** Shows the present values, except in fields that the visitor is editing. */
  refresh() {
    for (const [name, field] of this.#fields) {
      const changed = this.settings.isChanged(name);
      if (!field.isEdited()) {
        field.setValue(this.settings.get(name) ?? field.schema.default);
        if (field.errorIsAboutText) this.showError(name, "");
      }
      if (field.note) field.note.textContent = this.meanings.note(name);
      field.reset.toggleAttribute("data-idle", !changed);
      field.reset.tabIndex = changed ? 0 : -1;
    }
  }

  /**
   * Shows an error at the parameter's field. False if there is no such field. `aboutText`: about the
   * field's text, which was not sent; the error goes with it.
   */
  showError(name, message, aboutText = false) {
    const field = this.#fields.get(name);
    if (!field) return false;
    field.error.textContent = message;
    field.errorIsAboutText = aboutText;
    if (message) field.error.closest("details")?.setAttribute("open", "");
    return true;
  }

  clearErrors() {
    for (const name of this.#fields.keys()) this.showError(name, "");
  }

  /** A message of the server, whose first words are a path such as "params"."seed"[0], for people. */
  inWords(name, message) {
    const title = this.#fields.get(name)?.schema.title ?? name;
    return message.replace(/^(?:message: )?(?:"\w+"\.)?"\w+"(?:\[\d+\])*/, title);
  }

  /** Shows the server's warnings about parameters in place of their explanations. */
  showWarnings(warnings) {
    for (const [name, { hint, schema }] of this.#fields) {
      const found = warnings.filter(({ param }) => param === name).map(({ message }) => message);
      hint.textContent = found.join(" ") || (schema.description ?? "");
      hint.classList.toggle("field-warning", found.length > 0);
    }
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
    const note = PROMPT_NAMES.includes(name) ? this.#noteField() : null;
    const className = control.isSwitch ? "field field-switch" : "field";
    const body = control.body ? [control.body] : [];
    this.#fields.set(name, {
      schema, reset, error, hint, note, setValue: control.setValue,
      isEdited: control.isEdited ?? (() => false),
    });
    return element("div", { className }, head, ...body, hint, ...(note ? [note] : []), error);
  }

  /** What the model makes of a field's text. */
  #noteField() {
    const note = element("p", { className: "field-hint field-words" });
    note.setAttribute("role", "status");
    return note;
  }

  #resetButton(name, title) {
    const properties = { type: "button", className: "tool field-reset", title: t("Reset to default") };
    const button = element("button", properties, icon("reset"));
    button.setAttribute("aria-label", t("Reset {name}", { name: title }));
    button.addEventListener("click", () => {
      this.showError(name, "");
      this.settings.reset([name]);
      this.refresh();
    });
    return button;
  }

  #control(name, schema, id, head) {
    if (schema.enum) {
      const few = schema.enum.length <= 4 && name !== "model";  // names of models are long
      return few ? this.#segments(name, schema, id) : this.#select(name, schema, id);
    }
    if (schema.type === "boolean") return this.#switch(name, id, head);
    if (schema.field === "control_settings") {
      const change = (list) => this.#change(name, list);
      return controlNets({
        schema, id, change, imageOf: this.imageOf, drawing: this.controlDrawing,
      });
    }
    if (schema.field === "image_prompts") {
      const change = (list) => this.#change(name, list);
      return ipAdapters({ schema, id, change, images: this.styleImages });
    }
    if (schema.labels) return this.#sliderList(name, schema, id);
    if (name === "seed") return this.#textField(name, schema, id, "number");
    if (isSlider(schema)) return this.#slider(name, schema, id, head);
    return this.#textField(name, schema, id, "text");
  }

  #slider(name, schema, id, head) {
    const min = schema.minimum ?? 0;
    const max = Math.min(schema.maximum, schema.sliderMaximum ?? Infinity);
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
    // What needs another session is sent when the slider is let go, not while it moves.
    const sentOn = schema.needsSession ? "change" : "input";
    input.addEventListener(sentOn, () => this.#change(name, Number(input.value)));
    const setValue = (value) => {
      input.value = value;
      show();
    };
    return { body: input, isEdited: () => input.matches(":active"), setValue };
  }

  /** A list of numbers, a slider for each of the labels: the scales of the LoRAs. */
  #sliderList(name, schema, id) {
    const max = Math.min(schema.items.maximum, schema.sliderMaximum ?? Infinity);
    const min = Math.max(schema.items.minimum, -max / 2);
    const digits = (String(schema.step).split(".")[1] ?? "").length;
    const group = element("div", { className: "slider-list" });
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", schema.title ?? name);
    const inputs = [];
    const show = (input) => {
      const { value, previousElementSibling: head } = input;
      head.lastElementChild.textContent = Number(value).toFixed(digits);
      input.style.setProperty("--at", `${((value - min) / (max - min)) * 100}%`);
    };
    schema.labels.forEach((title, i) => {
      const input = describedBy(element("input", { type: "range", min, max, step: schema.step }),
        i === 0 ? id : `${id}-${i}`);
      input.setAttribute("aria-describedby", `${id}-hint`);
      const label = element("label", { htmlFor: input.id, textContent: title });
      const output = element("output", { htmlFor: input.id });
      group.append(element("div", { className: "field-head" }, label, output), input);
      input.addEventListener("input", () => {
        show(input);
        this.#change(name, inputs.map(({ value }) => Number(value)));
      });
      inputs.push(input);
    });
    const setValue = (values) => inputs.forEach((input, i) => {
      input.value = values?.[i] ?? 0;
      show(input);
    });
    const isEdited = () => inputs.some((input) => input.matches(":active"));
    return { body: group, isEdited, setValue };
  }

  #segments(name, schema, id) {
    const group = element("div", { className: "segments" });
    group.setAttribute("role", "radiogroup");
    group.setAttribute("aria-label", schema.title ?? name);
    const inputs = schema.enum.map((choice, i) => {
      const input = element("input", { type: "radio", name: id, value: choice });
      if (i === 0) input.id = id;
      input.addEventListener("change", () => this.#change(name, choice));
      group.append(element("label", {}, input,
        element("span", { textContent: choice, lang: "en" })));
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
    const input = describedBy(element("select", { lang: "en" }, ...options), id);
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
    const isPrompt = PROMPT_NAMES.includes(name);
    let timer = 0;
    input.addEventListener("input", () => {
      if (isPrompt) this.meanings.typed.add(name);
      clearTimeout(timer);
      timer = setTimeout(send, pause);
    });
    input.addEventListener("change", () => {
      clearTimeout(timer);
      this.meanings.typed.delete(name);
      if (isPrompt) this.#change(name, input.value.trim());  // its last word may mean more now
      else send();
    });
    const isEdited = () => document.activeElement === input;
    return { body: input, isEdited, setValue: (value) => { input.value = valueText(value); } };
  }

  #sendText(name, schema, input) {
    const isList = schema.type === "array";
    let value = input.value.trim();
    if (isList) value = parseNumbers(value);
    else if (input.type === "number") value = Math.max(schema.minimum ?? 0, Math.floor(value));
    if (isList && !isIndexList(value, schema)) {
      const { minimum, maximum } = schema.items, third = (maximum - minimum) / 3;
      const example = valueText([1, 2].map((i) => Math.round(minimum + i * third)));
      this.showError(name, t("Whole numbers from {minimum} to {maximum}, ascending, with commas " +
        "between: {example}", { minimum, maximum, example }), true);
    } else if (valueText(value) !== valueText(this.settings.get(name))) {
      this.#change(name, value);
      // The field has to show the seed that the server draws.
      if (name === "seed" && value < 0) input.blur();
    }
  }
}
