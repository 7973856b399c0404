// The dialog with how images and recordings are saved. Its choices are settings of the visitor.
import { $ } from "./dom.js";

const DEFAULTS = { save_scale: 1, save_recording: "video", save_beside: false };

export function bindSaveMenu({ settings, saveImage }) {
  const menu = $("save-menu"), beside = $("save-beside");
  const bindChoices = (name, parse) => {
    const inputs = menu.querySelectorAll(`input[name="${name.replace("_", "-")}"]`);
    for (const input of inputs) {
      input.addEventListener("change", () => settings.set({ [name]: parse(input.value) }));
    }
    return () => {
      const chosen = String(settings.get(name) ?? DEFAULTS[name]);
      for (const input of inputs) input.checked = input.value === chosen;
    };
  };
  const shows = [bindChoices("save_scale", Number), bindChoices("save_recording", String)];
  beside.addEventListener("change", () => settings.set({ save_beside: beside.checked }));
  $("save-open").addEventListener("click", () => {
    shows.forEach((show) => show());
    beside.checked = settings.get("save_beside") ?? DEFAULTS.save_beside;
    menu.showModal();
  });
  $("save-now").addEventListener("click", () => {
    menu.close();
    saveImage();
  });
  menu.addEventListener("click", ({ target }) => { if (target === menu) menu.close(); });
}
