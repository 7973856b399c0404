// The keyboard: dispatches key presses to actions, and fills the help dialog from the same list.
import { element } from "./dom.js";
import { t } from "./language.js";

const TEXT_FIELDS = "input:not([type=range],[type=checkbox],[type=radio],[type=color]), " +
  "textarea, select";

export class KeyBindings {
  /**
   * `list`: [keys shown in the help, what they do, key names, action]. A key name is `event.key` in
   * lower case, with "mod+" (Ctrl or Cmd) and "shift+" (letters only) before it.
   */
  constructor(list, dialog) {
    this.dialog = dialog;
    this.actions = new Map();
    for (const [, , names, action] of list) {
      for (const name of names) this.actions.set(name, action);
    }
    addEventListener("keydown", (event) => this.#press(event));
    dialog.querySelector("dl").append(...list.flatMap(([shown, text]) => [
      element("dt", {}, ...shown.split(" ").map((key) =>
        element("kbd", { textContent: key === "space" ? t("space") : key }))),
      element("dd", { textContent: t(text) }),
    ]));
  }

  #press(event) {
    if (event.altKey || event.defaultPrevented || this.dialog.open) return;
    if (event.target.matches?.(TEXT_FIELDS)) return;
    const key = event.key.toLowerCase();
    const activatesFocus = key === " " && event.target.matches?.("button, input, a, summary");
    if (activatesFocus) return;
    const mod = event.ctrlKey || event.metaKey ? "mod+" : "";
    const shift = event.shiftKey && /^[a-z]$/.test(key) ? "shift+" : "";
    const action = this.actions.get(mod + shift + key);
    if (!action) return;
    event.preventDefault();
    action(event);
  }
}
