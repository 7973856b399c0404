// Undo and redo as pairs of patches: the pixels of a box before and after a change. Memory is
// bounded: the oldest changes are dropped first.
const MAX_BYTES = 160e6;

export class UndoHistory {
  #done = [];
  #undone = [];
  #bytes = 0;

  get canUndo() { return this.#done.length > 0; }
  get canRedo() { return this.#undone.length > 0; }

  add(x, y, before, after) {
    for (const change of this.#undone) this.#bytes -= change.bytes;
    this.#undone = [];
    const bytes = before.data.length + after.data.length;
    this.#done.push({ x, y, before, after, bytes });
    this.#bytes += bytes;
    while (this.#bytes > MAX_BYTES && this.#done.length > 1) {
      this.#bytes -= this.#done.shift().bytes;
    }
  }

  undo(context) {
    const change = this.#done.pop();
    if (!change) return false;
    context.putImageData(change.before, change.x, change.y);
    this.#undone.push(change);
    return true;
  }

  redo(context) {
    const change = this.#undone.pop();
    if (!change) return false;
    context.putImageData(change.after, change.x, change.y);
    this.#done.push(change);
    return true;
  }

  clear() {
    this.#done = [];
    this.#undone = [];
    this.#bytes = 0;
  }
}
