// The drawing tools beside the drawing: pen, fill, eraser and shapes; color, size and opacity;
// symmetry; undo, redo and clear.
import { $, element } from "./dom.js";
import { t } from "./language.js";
import { FIRST_COLOR, PALETTE } from "./palette.js";
import { bindRovingFocus, updateRovingFocus } from "./roving_focus.js";
import { COLOR_KEY } from "./settings.js";

const MIN_SIZE = 2, MAX_SIZE = 64, MIN_OPACITY = 0.1;
const FIRST_SIZE = 12;
const TOOLBARS = ["draw-tools", "swatches"];  // each is one tab stop

export class DrawingTools {
  #customSwatch = null;

  constructor(drawing, pointerInput, settings) {
    Object.assign(this, { drawing, pointerInput, settings });
    pointerInput.color = settings.get(COLOR_KEY) ?? FIRST_COLOR;
    pointerInput.size = settings.get("size") ?? FIRST_SIZE;
    pointerInput.opacity = settings.get("opacity") ?? 1;
    pointerInput.symmetric = settings.get("symmetric") ?? false;
    this.#addSwatches();
    for (const id of TOOLBARS) bindRovingFocus($(id));
    for (const button of document.querySelectorAll("[data-tool]")) {
      button.addEventListener("click", () => this.choose(button.dataset.tool));
    }
    $("undo").addEventListener("click", () => drawing.undo());
    $("redo").addEventListener("click", () => drawing.redo());
    $("clear").addEventListener("click", () => drawing.clear());
    $("size").addEventListener("input", () => this.setSize(Number($("size").value)));
    $("opacity").addEventListener("input", () => this.#setOpacity(Number($("opacity").value)));
    $("symmetry").addEventListener("click", () => this.toggleSymmetry());
    drawing.addEventListener("commit", () => this.#updateUndo());
    pointerInput.addEventListener("pick", ({ detail }) => {
      this.setColor(detail);
      this.choose("pen");
    });
    this.#updateUndo();
    this.#show();
  }

  choose(tool) {
    this.pointerInput.tool = tool;
    for (const button of document.querySelectorAll("[data-tool]")) {
      button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
    }
    this.#show();
  }

  setColor(color) {
    this.pointerInput.color = color;
    if (this.pointerInput.tool === "eraser") this.choose("pen");
    this.settings.set({ [COLOR_KEY]: color });
    this.#show();
  }

  setSize(size) {
    this.pointerInput.size = Math.round(Math.min(MAX_SIZE, Math.max(MIN_SIZE, size)));
    this.settings.set({ size: this.pointerInput.size });
    this.#show();
  }

  toggleSymmetry() {
    this.pointerInput.symmetric = !this.pointerInput.symmetric;
    this.settings.set({ symmetric: this.pointerInput.symmetric });
    this.#show();
  }

  #setOpacity(opacity) {
    this.pointerInput.opacity = opacity;
    this.settings.set({ opacity });
    this.#show();
  }

  /** Multiplies the size, but changes it by at least one. */
  scale(factor) {
    const { size } = this.pointerInput;
    const scaled = size * factor;
    this.setSize(factor > 1 ? Math.max(size + 1, scaled) : Math.min(size - 1, scaled));
  }

  #addSwatches() {
    for (const [name, color] of PALETTE) {
      const button = element("button", { type: "button", className: "swatch", title: t(name) });
      button.setAttribute("aria-label", t(name));
      button.dataset.color = color;
      button.style.setProperty("--color", color);
      button.addEventListener("click", () => this.setColor(color));
      $("swatches").append(button);
    }
    const input = element("input", { type: "color", value: "#8246b4" });
    input.setAttribute("aria-label", t("Any color"));
    input.addEventListener("input", () => this.setColor(input.value));
    const properties = { className: "swatch swatch-custom", title: t("Any color") };
    this.#customSwatch = element("label", properties, input);
    $("swatches").append(this.#customSwatch);
  }

  #updateUndo() {
    $("undo").disabled = !this.drawing.canUndo;
    $("redo").disabled = !this.drawing.canRedo;
    updateRovingFocus($("draw-tools"));
  }

  #show() {
    const { color, size, opacity, symmetric, tool } = this.pointerInput;
    let inPalette = false;
    for (const button of document.querySelectorAll(".swatch[data-color]")) {
      const chosen = button.dataset.color === color;
      inPalette ||= chosen;
      button.setAttribute("aria-pressed", String(chosen));
    }
    this.#customSwatch.toggleAttribute("data-chosen", !inPalette);
    this.#customSwatch.style.setProperty("--color", color);
    const slider = $("size"), dot = $("size-dot");
    const position = (size - MIN_SIZE) / (MAX_SIZE - MIN_SIZE);
    slider.value = size;
    slider.style.setProperty("--at", `${position * 100}%`);
    dot.style.setProperty("--dot", `${Math.max(3, Math.min(38, size * 0.62))}px`);
    dot.style.setProperty("--color", tool === "eraser" ? "#ffffff" : color);
    dot.style.setProperty("--opacity", opacity);
    $("opacity").value = opacity;
    $("opacity").style.setProperty("--at", `${((opacity - MIN_OPACITY) / (1 - MIN_OPACITY)) * 100}%`);
    $("opacity").setAttribute("aria-valuetext", `${Math.round(opacity * 100)} %`);
    $("symmetry").setAttribute("aria-pressed", String(symmetric));
    $("drawing").parentElement.toggleAttribute("data-symmetric", symmetric);
    for (const id of TOOLBARS) updateRovingFocus($(id));
  }
}
