// What the person has changed from the server's defaults; kept in the browser, carried by a link's fragment.
const STORE = "streamdiffusion.settings";
export const COLOR_KEY = "colour";  // browsers hold settings under this spelling
const LOCAL = ["source", "prompt2", "blend", "theme", COLOR_KEY, "size", "mirror"];  // the page's own, not the server's
const ONE_OF = [["strength", "t_index_list"], ["steps", "t_index_list"]];  // the later one wins
const PROMPT = ["prompt", "prompt2", "blend"];

function readStore() {
  try {
    return JSON.parse(localStorage.getItem(STORE)) ?? {};
  } catch {
    return {};
  }
}

function readFragment() {
  const found = {};
  for (const [name, text] of new URLSearchParams(location.hash.slice(1))) {
    try {
      found[name] = JSON.parse(text);
    } catch {
      found[name] = text;
    }
  }
  return found;
}

export class Settings extends EventTarget {
  constructor() {
    super();
    this.defaults = {};
    this.schema = {};
    this.inForce = {};  // as the server last said
    const carried = readFragment();
    this.changed = Object.keys(carried).length ? carried : readStore();
    this.carried = Object.keys(carried).length > 0;
    if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  }

  /** Learns the server's parameters; what it does not know is dropped. */
  learn({ input_params: schema, params }) {
    this.schema = schema.properties ?? {};
    this.defaults = params;
    this.inForce = { ...params, ...this.inForce };
    for (const name of Object.keys(this.changed)) {
      if ((!(name in this.schema) || name === "prompt_list" || name === "mode") && !LOCAL.includes(name)) delete this.changed[name];
    }
    this.#keep();
  }

  get(name) {
    if (name === "prompt") return this.changed.prompt ?? this.defaults.prompt ?? "";
    return this.changed[name] ?? this.inForce[name] ?? this.defaults[name];
  }

  isChanged(name) {
    return name in this.changed;
  }

  /** All that a new session has to be told. */
  params() {
    return this.#wire(this.changed);
  }

  /** The same for a mode: from words alone the places of the steps and the residual guidance do not apply. */
  paramsFor(mode) {
    const params = { ...this.params(), mode };
    if (mode === "txt2img") {
      for (const name of ["strength", "t_index_list"]) delete params[name];
      if (["self", "initialize"].includes(params.cfg_type)) delete params.cfg_type;
    }
    return params;
  }

  set(changes) {
    for (const name of Object.keys(changes)) {
      for (const [a, b] of ONE_OF) {
        if (name === a) delete this.changed[b];
        if (name === b) delete this.changed[a];
      }
    }
    Object.assign(this.changed, changes);
    this.#keep();
    this.#tell(changes);
  }

  reset(names) {
    const changes = {};
    for (const name of names) {
      delete this.changed[name];
      if (name in this.defaults) changes[name] = this.defaults[name];
    }
    if ("t_index_list" in changes) ["strength", "steps"].forEach((name) => delete changes[name]);
    this.#keep();
    this.#tell(Object.fromEntries(names.map((name) => [name, undefined])), changes);
  }

  /** A value the server refused is forgotten. */
  forget(name) {
    delete this.changed[name];
    this.#keep();
  }

  link() {
    const carried = new URLSearchParams();
    for (const [name, value] of Object.entries(this.changed)) {
      if (["theme", COLOR_KEY, "size", "mirror"].includes(name)) continue;
      carried.set(name, typeof value === "string" && !/^[\d[{"tfn-]/.test(value) ? value : JSON.stringify(value));
    }
    return `${location.origin}${location.pathname}#${carried}`;
  }

  #keep() {
    try {
      localStorage.setItem(STORE, JSON.stringify(this.changed));
    } catch { /* private windows may have no storage */ }
  }

  /** The parameters in the server's words: two prompts become a list with weights. */
  #wire(changes) {
    const params = Object.fromEntries(Object.entries(changes).filter(([name]) => name in this.schema && !PROMPT.includes(name)));
    if (PROMPT.some((name) => name in changes)) {
      const blend = this.get("blend") ?? 0.5, second = this.get("prompt2");
      if (second) params.prompt_list = [[this.get("prompt"), 1 - blend], [second, blend]];
      else params.prompt = this.get("prompt");
    }
    return params;
  }

  #tell(changes, values = changes) {
    const params = this.#wire({ ...values, ...Object.fromEntries(PROMPT.filter((name) => name in changes).map((name) => [name, 0])) });
    this.dispatchEvent(new CustomEvent("change", { detail: { changes, params } }));
  }
}
