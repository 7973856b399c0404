// The drawing tools beside the paper: which tool, color and size; undo and the rest.
import { PALETTE } from "./palette.js";
import { COLOR_KEY } from "./settings.js";

const $ = (id) => document.getElementById(id);

export class DrawingTools {
  constructor(paper, hand, settings) {
    Object.assign(this, { paper, hand, settings });
    hand.color = settings.get(COLOR_KEY) ?? "#d62828";
    hand.size = settings.get("size") ?? 20;
    this.#swatches();
    for (const button of document.querySelectorAll("[data-tool]")) {
      button.addEventListener("click", () => this.choose(button.dataset.tool));
    }
    $("undo").addEventListener("click", () => paper.undo());
    $("redo").addEventListener("click", () => paper.redo());
    $("clear").addEventListener("click", () => paper.clear());
    $("size").addEventListener("input", () => this.size(Number($("size").value)));
    paper.addEventListener("step", () => this.#steps());
    this.#steps();
    this.#show();
  }

  choose(tool) {
    this.hand.tool = tool;
    for (const button of document.querySelectorAll("[data-tool]")) {
      button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
    }
    this.#show();
  }

  color(color) {
    this.hand.color = color;
    if (this.hand.tool === "eraser") this.choose("pen");
    this.settings.set({ [COLOR_KEY]: color });
    this.#show();
  }

  size(size) {
    this.hand.size = Math.round(Math.min(64, Math.max(2, size)));
    this.settings.set({ size: this.hand.size });
    this.#show();
  }

  scale(factor) {
    const { size } = this.hand;
    this.size(factor > 1 ? Math.max(size + 1, size * factor) : Math.min(size - 1, size * factor));
  }

  #swatches() {
    const row = $("swatches");
    for (const [name, color] of PALETTE) {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "swatch", title: name });
      button.setAttribute("aria-label", name);
      button.dataset.color = color;
      button.style.setProperty("--color", color);
      button.addEventListener("click", () => this.color(color));
      row.append(button);
    }
    const any = Object.assign(document.createElement("label"), { className: "swatch swatch-any", title: "any color" });
    const input = Object.assign(document.createElement("input"), { type: "color", value: "#8246b4" });
    input.setAttribute("aria-label", "Any color");
    input.addEventListener("input", () => this.color(input.value));
    any.append(input);
    row.append(any);
    this.any = any;
  }

  #steps() {
    $("undo").disabled = !this.paper.canUndo;
    $("redo").disabled = !this.paper.canRedo;
  }

  #show() {
    const { color, size, tool } = this.hand;
    let known = false;
    for (const button of document.querySelectorAll(".swatch[data-color]")) {
      const mine = button.dataset.color === color;
      known ||= mine;
      button.setAttribute("aria-pressed", String(mine));
    }
    this.any.toggleAttribute("data-own", !known);
    this.any.style.setProperty("--color", color);
    const slider = $("size"), dot = $("size-dot");
    slider.value = size;
    slider.style.setProperty("--at", `${((size - 2) / 62) * 100}%`);
    dot.style.setProperty("--dot", `${Math.max(3, Math.min(38, size * 0.62))}px`);
    dot.style.setProperty("--color", tool === "eraser" ? "#ffffff" : color);
  }
}
