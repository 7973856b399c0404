// Which key does what. Keys of the drawing tools work only while the drawing is the source.
import { $ } from "./dom.js";
import { KeyBindings } from "./key_bindings.js";
import { t } from "./language.js";

export function bindShortcuts({ drawing, promptEditor, tools, outputActions, onboarding, sourcePicker }) {
  const dialog = $("help");
  const showHelp = () => dialog.showModal();
  const whenDrawing = (action) => () => { if (sourcePicker.name === "draw") action(); };
  const changing = (action) => whenDrawing(() => {
    onboarding.stop();
    action();
  });
  const undo = changing(() => drawing.undo()), redo = changing(() => drawing.redo());
  const focusPrompt = () => {
    $("prompt").focus();
    $("prompt").select();
  };
  const bindings = new KeyBindings([
    ["P F E", "pen, fill, eraser", [], null],
    ["L B O I", "line, box, oval, pick a color", [], null],
    ["M", "symmetry", ["m"], whenDrawing(() => tools.toggleSymmetry())],
    ["← ↵", "on the drawing: move, pen down or up", [], null],
    ["Z ⇧Z", "undo, redo", ["z", "mod+z"], undo],
    ["[ ]", "smaller, larger", [], null],
    ["X", "clear the drawing", ["x"], changing(() => drawing.clear())],
    ["D", "draw an example", ["d"], whenDrawing(() => onboarding.drawNext())],
    ["/", "prompt", ["/"], focusPrompt],
    ["U", "the prompt before", ["u"], () => promptEditor.undo()],
    ["N", "another variation", ["n"], outputActions.reseed],
    ["space", "pause, resume", [" "], outputActions.pause],
    ["S", "save a snapshot", ["s"], outputActions.snapshot],
    ["R", "record, stop", ["r"], outputActions.record],
    ["⇧F", "full screen", ["shift+f"], outputActions.fullscreen],
    ["T", "settings", ["t"], () => $("settings-open").click()],
    ["?", "this list", ["?"], showHelp],
  ], dialog);
  const more = {
    p: whenDrawing(() => tools.choose("pen")),
    f: whenDrawing(() => tools.choose("fill")),
    e: whenDrawing(() => tools.choose("eraser")),
    l: whenDrawing(() => tools.choose("line")),
    b: whenDrawing(() => tools.choose("rectangle")),
    o: whenDrawing(() => tools.choose("ellipse")),
    i: whenDrawing(() => tools.choose("pick")),
    "shift+z": redo, "mod+shift+z": redo, "mod+y": redo,
    "[": whenDrawing(() => tools.scale(1 / 1.2)),
    "]": whenDrawing(() => tools.scale(1.2)),
  };
  for (const [key, action] of Object.entries(more)) bindings.actions.set(key, action);
  $("help-open").addEventListener("click", showHelp);
  $("pause").dataset.key = t("space");
  dialog.addEventListener("click", ({ target }) => { if (target === dialog) dialog.close(); });
  bindWheel(drawing.canvas, tools);
}

/** Alt or shift and the wheel change the size of the pen. */
function bindWheel(canvas, tools) {
  canvas.addEventListener("wheel", (event) => {
    if (!event.altKey && !event.shiftKey) return;
    event.preventDefault();
    tools.scale((event.deltaY || event.deltaX) < 0 ? 1.1 : 1 / 1.1);
  }, { passive: false });
}
