// The settings that the visitor changed from the server's defaults. They are kept in the browser
// (localStorage) and travel in the fragment of a link.
const STORAGE_KEY = "streamdiffusion.settings";
export const COLOR_KEY = "colour";  // browsers hold settings under this spelling
const PERSONAL = ["theme", COLOR_KEY, "size", "opacity", "symmetric", "mirror", "save_scale",
  "save_beside", "save_recording", "transport"];  // not in a link, kept by "Reset all"
const PAGE_SETTINGS = ["source", "prompt2", "blend", ...PERSONAL];  // never sent by these names
const TEXTS = ["source", "prompt", "prompt2", "negative_prompt", "theme", COLOR_KEY,
  "save_recording", "transport"];
const EXCLUSIVE = [["strength", "t_index_list"], ["steps", "t_index_list"],  // the later one wins
  ["timesteps", "timestep_spacing"], ["timesteps", "num_inference_steps"]];
const PROMPT_SETTINGS = ["prompt", "prompt2", "blend"];
const NOT_STORED = ["prompt_list", "mode"];  // made from other settings when they are sent

function readStorage() {
  try {
    return JSON.parse(localStorage.getItem(STORAGE_KEY)) ?? {};
  } catch {
    return {};
  }
}

/** Texts stay as they are: "[a, b]" is no list. In quotation marks they are as link() writes them. */
function fragmentValue(name, text) {
  try {
    const value = JSON.parse(text);
    return TEXTS.includes(name) && typeof value !== "string" ? text : value;
  } catch {
    return text;
  }
}

/** What the address says. "#prompt" alone is a place of the page. */
function readFragment() {
  const found = {};
  if (!location.hash.includes("=")) return found;
  for (const [name, text] of new URLSearchParams(location.hash.slice(1))) {
    found[name] = fragmentValue(name, text);
  }
  return found;
}

function filterKeys(object, accept) {
  return Object.fromEntries(Object.entries(object).filter(([name]) => accept(name)));
}

function sameValue(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** What is kept of the style images: what a new session can be told. Its images are not there yet. */
function withoutImages(prompts) {
  return prompts.map(({ images, ...rest }) => rest);
}

/** A list of weighted prompts as the page's settings, which hold two. One alone says nothing of the blend. */
function promptsOf([first = ["", 1], second]) {
  if (!second) return { prompt: first[0], prompt2: "" };
  const sum = first[1] + second[1];
  return { prompt: first[0], prompt2: second[0], blend: sum > 0 ? second[1] / sum : 0.5 };
}

/** Event `change`: {changes: by the page's names, params: what the server has to be told}. */
export class Settings extends EventTarget {
  constructor() {
    super();
    this.defaults = {};
    this.schema = {};
    this.current = {};  // the parameters that the server last reported
    this.understand = (text, name) => text;  // what the model is told where this is that setting
    const { drawing, ...linked } = readFragment();
    this.linkedDrawing = typeof drawing === "string" ? drawing : null;
    this.fromLink = Object.keys(linked).length > 0 || this.linkedDrawing !== null;
    const stored = readStorage();
    const own = filterKeys(stored, (name) => PERSONAL.includes(name));
    this.changed = this.fromLink ? { ...own, ...linked } : stored;
    if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  }

  /** Takes the server's schema and defaults. Stored settings that it does not know are dropped. */
  load({ input_params: schema, params }) {
    this.schema = schema.properties ?? {};
    this.defaults = params;
    this.current = { ...params, ...this.current };
    this.changed = filterKeys(this.changed, (name) =>
      PAGE_SETTINGS.includes(name) || (name in this.schema && !NOT_STORED.includes(name)));
    const { blend = 0.5 } = this.changed;
    if (!(typeof blend === "number" && blend >= 0 && blend <= 1)) delete this.changed.blend;
    this.#save();
  }

  get(name) {
    if (name === "image_prompts") return this.#imagePrompts();
    if (name === "prompt") return this.changed.prompt ?? this.defaults.prompt ?? "";
    return this.changed[name] ?? this.current[name] ?? this.defaults[name];
  }

  /** How many images there are is the session's matter alone. */
  #imagePrompts() {
    const now = this.current.image_prompts ?? [];
    const prompts = this.changed.image_prompts ?? now;
    return prompts.map?.((prompt, i) => ({ ...prompt, images: now[i]?.images ?? 0 }));
  }

  isChanged(name) {
    return name in this.changed;
  }

  /** What a new session is told. Text-to-image has no t_index_list and no residual guidance. */
  paramsFor(mode) {
    const params = { ...this.#toParams(this.changed), mode };
    if (mode === "txt2img") {
      for (const name of ["strength", "t_index_list"]) delete params[name];
      if (["self", "initialize"].includes(params.cfg_type)) delete params.cfg_type;
    }
    return params;
  }

  set(changes) {
    for (const name of Object.keys(changes)) {
      for (const [a, b] of EXCLUSIVE) {
        if (name === a) delete this.changed[b];
        if (name === b) delete this.changed[a];
      }
    }
    if ("timesteps" in changes) delete this.changed.t_index_list;  // it counts in them
    Object.assign(this.changed, changes);
    this.#save();
    this.#notify(changes);
  }

  /** Sets those of the values that the server has as parameters. */
  setKnown(values) {
    this.set(filterKeys(values, (name) => name in this.schema && !NOT_STORED.includes(name)));
  }

  /** Takes parameters that somebody else changed, by REST, as if the visitor had set them. */
  adopt(params) {
    const changes = {};
    for (const [name, value] of Object.entries(params)) {
      const derived = [...NOT_STORED, "strength", "steps"].includes(name);
      if (derived || !(name in this.schema) || sameValue(value, this.current[name])) continue;
      changes[name] = value;
    }
    if ("t_index_list" in changes) ["strength", "steps"].forEach((name) => delete this.changed[name]);
    const list = params.prompt_list ?? [];
    if (!sameValue(list, this.current.prompt_list)) Object.assign(changes, promptsOf(list));
    Object.assign(this.changed, changes);
    this.#save();
    this.dispatchEvent(new CustomEvent("change", { detail: { changes, params: {} } }));
  }

  reset(names) {
    const values = {};
    for (const name of names) {
      delete this.changed[name];
      if (name in this.defaults) values[name] = this.defaults[name];
    }
    if ("t_index_list" in values) ["strength", "steps"].forEach((name) => delete values[name]);
    this.#save();
    this.#notify(Object.fromEntries(names.map((name) => [name, undefined])), values);
  }

  /** Resets all but the prompt, the source and what belongs to the visitor, such as the theme. */
  resetAll() {
    const kept = [...PERSONAL, "source", "prompt"];
    this.reset(Object.keys(this.changed).filter((name) => !kept.includes(name)));
  }

  /** The seed that the server drew for -1 takes its place, so that a link or a reload keeps it. */
  takeDrawnSeed(seed) {
    if (this.changed.seed !== -1 || !(seed >= 0)) return;
    this.changed.seed = seed;
    this.#save();
  }

  /** Drops a value that the server refused. */
  drop(name) {
    delete this.changed[name];
    this.#save();
  }

  /** `drawing`: a text of linked_drawing.js, or null. */
  link(drawing = null) {
    const fragment = new URLSearchParams();
    for (const [name, value] of Object.entries(this.changed)) {
      if (PERSONAL.includes(name)) continue;
      const plain = typeof value === "string" && !/^[\d[{"tfn-]/.test(value);
      fragment.set(name, plain ? value : JSON.stringify(value));
    }
    if (drawing) fragment.set("drawing", drawing);
    return `${location.origin}${location.pathname}#${fragment}`;
  }

  #save() {
    try {
      localStorage.setItem(STORAGE_KEY, JSON.stringify(this.changed));
    } catch { /* private windows may have no storage */ }
  }

  /** Settings as the server's parameters: two prompts become a list with weights. */
  #toParams(values) {
    const params = filterKeys(values, (name) =>
      name in this.schema && !PROMPT_SETTINGS.includes(name));
    if (Array.isArray(params.image_prompts)) {
      params.image_prompts = withoutImages(params.image_prompts);
    }
    if (PROMPT_SETTINGS.some((name) => name in values)) {
      const blend = this.get("blend") ?? 0.5;
      const first = this.understand(this.get("prompt"), "prompt");
      const second = this.understand(this.get("prompt2") ?? "", "prompt2");
      if (second) params.prompt_list = [[first, 1 - blend], [second, blend]];
      else params.prompt = first;
    }
    const { negative_prompt: negative } = params;
    if (negative) params.negative_prompt = this.understand(negative, "negative_prompt");
    return params;
  }

  /** `values` are the new values where they differ from `changes`: the defaults after a reset. */
  #notify(changes, values = changes) {
    const prompt = filterKeys(changes, (name) => PROMPT_SETTINGS.includes(name));
    const params = this.#toParams({ ...values, ...prompt });
    this.dispatchEvent(new CustomEvent("change", { detail: { changes, params } }));
  }
}
