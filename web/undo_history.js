// Undo and redo as pairs of patches: the pixels of a box of the sheet before and after a change,
// and how much of the sheet was drawn on, if any. Places are counted from the sheet's middle, so that they
// stay when it grows. Memory is bounded: the oldest changes are dropped first.
const MAX_BYTES = 160e6;

export class UndoHistory {
  #done = [];
  #undone = [];
  #bytes = 0;

  get canUndo() { return this.#done.length > 0; }
  get canRedo() { return this.#undone.length > 0; }

  /** `before` and `after` are {pixels, extent, isEmpty}: the last two are the sheet's. */
  add({ canvas }, { x, y }, before, after) {
    for (const change of this.#undone) this.#bytes -= change.bytes;
    this.#undone = [];
    const bytes = before.pixels.data.length + after.pixels.data.length;
    this.#done.push({ x: x - canvas.width / 2, y: y - canvas.height / 2, before, after, bytes });
    this.#bytes += bytes;
    while (this.#bytes > MAX_BYTES && this.#done.length > 1) {
      this.#bytes -= this.#done.shift().bytes;
    }
  }

  undo(sheet) { return this.#move(sheet, this.#done, this.#undone, "before"); }

  redo(sheet) { return this.#move(sheet, this.#undone, this.#done, "after"); }

  clear() {
    this.#done = [];
    this.#undone = [];
    this.#bytes = 0;
  }

  /** Puts the last change of a list back to how it was `when`. False if there is none. */
  #move(sheet, from, to, when) {
    const change = from.pop();
    if (!change) return false;
    const { canvas, context } = sheet, { pixels, ...rest } = change[when];
    context.putImageData(pixels, change.x + canvas.width / 2, change.y + canvas.height / 2);
    Object.assign(sheet, rest);
    to.push(change);
    return true;
  }
}
