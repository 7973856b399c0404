// Which key does what.
import { KeyBindings } from "./key_bindings.js";

const $ = (id) => document.getElementById(id);

export function bindKeys({ paper, tools, picture, opening, inputs, hand }) {
  const dialog = $("help");
  const undo = () => { opening.leave(); paper.undo(); };
  const redo = () => { opening.leave(); paper.redo(); };
  const drawing = (action) => () => { if (inputs.name === "draw") action(); };
  const list = [
    ["P F E", "pen, fill, eraser", [], null],
    ["Z ⇧Z", "undo, redo", ["z", "mod+z"], drawing(undo)],
    ["[ ]", "smaller, larger", [], null],
    ["X", "clear the paper", ["x"], drawing(() => { opening.leave(); paper.clear(); })],
    ["D", "draw me something", ["d"], drawing(() => opening.another())],
    ["/", "prompt", ["/"], () => { $("prompt").focus(); $("prompt").select(); }],
    ["N", "other noise", ["n"], picture.reseed],
    ["space", "pause, go on", [" "], picture.pause],
    ["S", "save a snapshot", ["s"], picture.snapshot],
    ["R", "record, stop", ["r"], picture.record],
    ["⇧F", "full screen", ["shift+f"], picture.fullscreen],
    ["T", "tune", ["t"], () => $("tune-open").click()],
    ["?", "this list", ["?"], () => dialog.showModal()],
  ];
  const keys = new KeyBindings(list, dialog);
  for (const [key, action] of Object.entries({
    p: drawing(() => tools.choose("pen")), f: drawing(() => tools.choose("fill")), e: drawing(() => tools.choose("eraser")),
    "shift+z": drawing(redo), "mod+shift+z": drawing(redo), "mod+y": drawing(redo),
    "[": drawing(() => tools.scale(1 / 1.2)), "]": drawing(() => tools.scale(1.2)),
  })) keys.actions.set(key, action);
  $("help-open").addEventListener("click", () => dialog.showModal());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  paper.canvas.addEventListener("wheel", (event) => {
    if (!event.altKey && !event.shiftKey) return;
    event.preventDefault();
    tools.scale((event.deltaY || event.deltaX) < 0 ? 1.1 : 1 / 1.1);
  }, { passive: false });
  return keys;
}
