// Undo and redo as pairs of patches: what a box of the paper held before and after. Bounded by bytes, the oldest go first.
const MOST_BYTES = 160e6;

export class UndoHistory {
  #done = [];
  #undone = [];
  #bytes = 0;

  get canUndo() { return this.#done.length > 0; }
  get canRedo() { return this.#undone.length > 0; }

  add(x, y, before, after) {
    for (const step of this.#undone) this.#bytes -= step.bytes;
    this.#undone = [];
    const bytes = before.data.length + after.data.length;
    this.#done.push({ x, y, before, after, bytes });
    this.#bytes += bytes;
    while (this.#bytes > MOST_BYTES && this.#done.length > 1) this.#bytes -= this.#done.shift().bytes;
  }

  undo(context) {
    const step = this.#done.pop();
    if (!step) return false;
    context.putImageData(step.before, step.x, step.y);
    this.#undone.push(step);
    return true;
  }

  redo(context) {
    const step = this.#undone.pop();
    if (!step) return false;
    context.putImageData(step.after, step.x, step.y);
    this.#done.push(step);
    return true;
  }

  forget() {
    this.#done = [];
    this.#undone = [];
    this.#bytes = 0;
  }
}
