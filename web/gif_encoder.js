// Writes animated GIFs (GIF89a). Each frame has a palette of its own, chosen by median cut, and is
// dithered by an ordered pattern, so that soft shading has no bands. A frame equal to the one before
// only makes that one last longer.
import { compressLzw } from "./gif_lzw.js";
import { choosePalette, paletteIndices } from "./gif_palette.js";

const TRAILER = 0x3b, IMAGE = 0x2c, EXTENSION = 0x21, GRAPHIC_CONTROL = 0xf9, APPLICATION = 0xff;
const FULL_PALETTE = 0xf7;  // 256 colors of 8 bits
const LOCAL_PALETTE = 0x87;  // the same, of one image
const MIN_CENTISECONDS = 2;  // browsers slow down what is shorter

function word(value) {
  return [value & 255, value >> 8];
}

function sameBytes(a, b) {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

export class GifEncoder {
  #parts = [];
  #frame = null;  // {rgba, startMs}: it is written when its duration is known

  constructor(width, height) {
    Object.assign(this, { width, height });
    const screen = [...word(width), ...word(height), FULL_PALETTE & 0x77, 0, 0];
    const loopForever = [EXTENSION, APPLICATION, 11, ...new TextEncoder().encode("NETSCAPE2.0"), 3, 1,
      0, 0, 0];
    this.#write(new TextEncoder().encode("GIF89a"), screen, loopForever);
  }

  /** `rgba` has 4 bytes a pixel; the frame is shown from `startMs` until the next frame's. */
  addFrame(rgba, startMs) {
    if (this.#frame && sameBytes(this.#frame.rgba, rgba)) return;
    if (this.#frame) this.#writeFrame(startMs);
    this.#frame = { rgba, startMs };
  }

  /** The file, as parts for a Blob. `endMs`: when the last frame ends. */
  finish(endMs) {
    if (this.#frame) this.#writeFrame(endMs);
    this.#frame = null;
    this.#write([TRAILER]);
    return this.#parts;
  }

  #writeFrame(endMs) {
    const { rgba, startMs } = this.#frame;
    // Times are rounded, not durations: errors do not add up.
    const delay = Math.max(MIN_CENTISECONDS, Math.round(endMs / 10) - Math.round(startMs / 10));
    const palette = choosePalette(rgba);
    const indices = paletteIndices(rgba, this.width, palette);
    this.#write([EXTENSION, GRAPHIC_CONTROL, 4, 0, ...word(Math.min(delay, 0xffff)), 0, 0]);
    this.#write([IMAGE, ...word(0), ...word(0), ...word(this.width), ...word(this.height),
      LOCAL_PALETTE]);
    this.#write(palette, compressLzw(indices));
  }

  #write(...parts) {
    for (const part of parts) this.#parts.push(Uint8Array.from(part));
  }
}
