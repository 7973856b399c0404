// The keyboard: one list for what keys do and for the help that `?` shows.

export class KeyBindings {
  /** `list`: [shown keys, what it does, keys, action]; keys are `event.key` in lower case, with "shift+" or "mod+" before. */
  constructor(list, dialog) {
    this.list = list;
    this.dialog = dialog;
    this.actions = new Map(list.flatMap(([, , keys, action]) => keys.map((key) => [key, action])));
    addEventListener("keydown", (event) => this.#press(event));
    const names = dialog.querySelector("dl");
    for (const [shown, what] of list) {
      const term = document.createElement("dt");
      term.append(...shown.split(" ").map((key) => Object.assign(document.createElement("kbd"), { textContent: key })));
      names.append(term, Object.assign(document.createElement("dd"), { textContent: what }));
    }
  }

  #press(event) {
    if (event.altKey || event.defaultPrevented || this.dialog.open) return;
    const { target } = event;
    const typing = target.matches?.("input:not([type=range],[type=checkbox],[type=radio],[type=color]), textarea, select");
    const mod = event.ctrlKey || event.metaKey;
    if (typing) return;
    const key = event.key.toLowerCase();
    if (key === " " && target.matches?.("button, input, a, summary")) return;  // space presses what is focused
    const name = (mod ? "mod+" : "") + (event.shiftKey && /^[a-z]$/.test(key) ? "shift+" : "") + key;
    const action = this.actions.get(name);
    if (!action) return;
    event.preventDefault();
    action(event);
  }
}
