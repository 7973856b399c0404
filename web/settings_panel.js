// Everything exact, built from the JSON schema the server gives: a field for each parameter, a line that explains it, and a way
// back to its default. Parameters this page has never heard of appear at the end by themselves.
const GROUPS = [
  ["Steps", ["steps", "t_index_list", "num_inference_steps", "do_add_noise", "seed"]],
  ["Words", ["negative_prompt", "prompt2", "blend", "prompt_interpolation_method", "transition_ms"]],
  ["Guidance", ["cfg_type", "guidance_scale", "delta"]],
  ["Picture", ["width", "height", "fit", "jpeg_quality", "model"]],
  ["Similarity filter", ["enable_similar_image_filter", "similar_image_filter_threshold", "similar_image_filter_max_skip_frame"]],
];
const ELSEWHERE = ["mode", "prompt", "prompt_list", "strength"];
const OWN = {  // two fields of the page itself: together they make `prompt_list`
  prompt2: { type: "string", title: "Second prompt", description: "Blended with the first; leave it empty for one prompt.", default: "" },
  blend: { type: "number", minimum: 0, maximum: 1, title: "Blend", description: "How much of the second prompt.", default: 0.5 },
};
const LOOSE = { guidance_scale: 4, delta: 3, transition_ms: 3000, similar_image_filter_max_skip_frame: 60 };  // where sliders end

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `icons.svg#${name}`);
  svg.append(use);
  return svg;
}

function text(value) {
  return Array.isArray(value) ? value.join(", ") : String(value ?? "");
}

export class SettingsPanel {
  #fields = new Map();

  constructor(settings, body) {
    this.settings = settings;
    this.body = body;
  }

  build(schema) {
    this.#fields.clear();
    this.body.replaceChildren();
    const all = { ...schema, ...(schema.prompt_list ? OWN : {}) };
    const placed = new Set([...ELSEWHERE, ...GROUPS.flatMap(([, names]) => names)]);
    const rest = Object.keys(all).filter((name) => !placed.has(name));
    for (const [title, names] of [...GROUPS, ["More", rest]]) {
      const known = names.filter((name) => name in all && !(all[name].enum?.length === 1));
      if (!known.length) continue;
      this.body.append(element("h3", { textContent: title }), ...known.map((name) => this.#field(name, all[name])));
    }
    this.refresh();
  }

  /** Brings all fields up to what is in force; those being typed in are left alone. */
  refresh() {
    for (const [name, field] of this.#fields) {
      const value = this.settings.get(name) ?? field.schema.default;
      if (!field.busy()) field.put(value);
      field.reset.toggleAttribute("data-idle", !this.settings.isChanged(name));
      field.reset.tabIndex = this.settings.isChanged(name) ? 0 : -1;
    }
  }

  fault(name, message) {
    const field = this.#fields.get(name);
    if (!field) return false;
    field.error.textContent = message;
    return true;
  }

  #change(name, value) {
    this.#fields.get(name).error.textContent = "";
    this.settings.set({ [name]: value });
  }

  #field(name, schema) {
    const id = `tune-${name}`;
    const reset = element("button", { type: "button", className: "tool field-reset", title: "Back to the default" }, icon("reset"));
    reset.setAttribute("aria-label", `Reset ${schema.title ?? name}`);
    reset.addEventListener("click", () => {
      this.#fields.get(name).error.textContent = "";
      this.settings.reset([name]);
      this.refresh();
    });
    const label = element("label", { htmlFor: id, textContent: schema.title ?? name });
    const hint = element("p", { className: "field-hint", id: `${id}-hint`, textContent: schema.description ?? "" });
    const error = element("p", { className: "field-error" });
    error.setAttribute("role", "alert");
    const head = element("div", { className: "field-head" }, label);
    const made = this.#control(name, schema, id, head);
    head.append(reset);
    const box = element("div", { className: made.kind === "switch" ? "field field-switch" : "field" }, head, ...(made.body ? [made.body] : []), hint, error);
    this.#fields.set(name, { schema, reset, error, put: made.put, busy: made.busy ?? (() => false) });
    return box;
  }

  #control(name, schema, id, head) {
    if (schema.enum) return schema.enum.length <= 4 ? this.#segments(name, schema, id) : this.#select(name, schema, id);
    if (schema.type === "boolean") return this.#toggle(name, id, head);
    if (name === "seed") return this.#typed(name, schema, id, "number");
    if ((schema.type === "number" || schema.type === "integer") && schema.maximum !== undefined) return this.#slider(name, schema, id, head);
    return this.#typed(name, schema, id, "text");
  }

  #described(input, id) {
    input.id = id;
    input.setAttribute("aria-describedby", `${id}-hint`);
    return input;
  }

  #slider(name, schema, id, head) {
    const min = schema.minimum ?? 0, max = Math.min(schema.maximum, LOOSE[name] ?? Infinity);
    const whole = schema.type === "integer";
    const step = schema.multipleOf ?? schema.step ?? (whole ? 1 : 0.01);
    const digits = (String(step).split(".")[1] ?? "").length;
    const input = this.#described(element("input", { type: "range" }), id);
    Object.assign(input, { min, max, step });
    const shown = element("output", { htmlFor: id });
    head.append(shown);
    const show = () => {
      shown.textContent = Number(input.value).toFixed(digits);
      if (name === "transition_ms") shown.textContent += " ms";
      input.style.setProperty("--at", `${((input.value - min) / (max - min)) * 100}%`);
    };
    const late = ["width", "height", "steps"].includes(name);  // what is planned anew: on letting go, not on the way
    input.addEventListener("input", () => { show(); if (!late) this.#change(name, Number(input.value)); });
    if (late) input.addEventListener("change", () => this.#change(name, Number(input.value)));
    return { body: input, busy: () => input.matches(":active"), put: (value) => { input.value = value; show(); } };
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
    return { body: group, put: (value) => inputs.forEach((input) => { input.checked = input.value === value; }) };
  }

  #select(name, schema, id) {
    const input = this.#described(element("select", {}, ...schema.enum.map((choice) => element("option", { value: choice, textContent: choice }))), id);
    input.addEventListener("change", () => this.#change(name, input.value));
    return { body: input, put: (value) => { input.value = value; } };
  }

  #toggle(name, id, head) {
    const input = this.#described(element("input", { type: "checkbox" }), id);
    input.addEventListener("change", () => this.#change(name, input.checked));
    head.append(element("span", { className: "switch" }, input, element("span")));
    return { kind: "switch", put: (value) => { input.checked = Boolean(value); } };
  }

  #typed(name, schema, id, type) {
    const list = schema.type === "array";
    const input = this.#described(element("input", { type, autocomplete: "off", spellcheck: false }), id);
    if (type === "number") Object.assign(input, { min: schema.minimum ?? "", max: schema.maximum ?? "", step: 1 });
    const read = () => {
      if (list) return input.value.split(/[\s,]+/).filter(Boolean).map(Number);
      return type === "number" ? Math.max(schema.minimum ?? 0, Math.floor(Number(input.value))) : input.value.trim();
    };
    const send = () => {
      const value = read();
      if (list && (!value.length || value.some((n) => !Number.isInteger(n)))) {
        this.fault(name, "Whole numbers with commas between, such as 18, 32");
      } else if (text(value) !== text(this.settings.get(name))) {
        this.#change(name, value);
      }
    };
    let timer = 0;
    input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(send, list ? 600 : 250); });
    input.addEventListener("change", () => { clearTimeout(timer); send(); });
    return { body: input, busy: () => document.activeElement === input, put: (value) => { input.value = text(value); } };
  }
}
