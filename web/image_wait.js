// Says that an image is being made where that takes long, how long it has taken, and how long one
// takes once that is known: over the empty pane for the first image, else below the last one.
import { $ } from "./dom.js";
import { t } from "./language.js";

const TICK_MS = 250;
const SLOW_MS = 700;  // without an image after a frame was sent; the first image
const SLOW_LATER_MS = 2000;

export class ImageWait {
  #since = null;  // the image that is being made: its frame was read, and the last image had come
  #captured = 0;  // when the last frame that was sent was read
  #tookMs = null;  // the last image, without the first, which also waits for what is loaded once
  #isFirst = true;

  constructor({ connection, display, isPaused }) {
    Object.assign(this, { connection, display, isPaused });
    connection.addEventListener("sent", ({ detail }) => {
      this.#captured = detail.captured;
      this.#since ??= detail.captured;
    });
    connection.addEventListener("state", () => { this.#since = null; });
    display.addEventListener("shown", ({ detail }) => this.#shown(detail));
    setInterval(() => this.#show(), TICK_MS);
  }

  /** Whether an image is late. */
  get isWaiting() {
    const slow = this.display.empty ? SLOW_MS : SLOW_LATER_MS;
    return this.#since !== null && this.connection.state === "live" && !this.isPaused() &&
      performance.now() - this.#since > slow;
  }

  #shown({ header: { captured }, at }) {
    if (this.#since === null) return;
    if (!this.#isFirst) this.#tookMs = at - this.#since;
    this.#isFirst = false;
    this.#since = this.#captured > captured ? at : null;
    this.#show();
  }

  #show() {
    const waiting = this.isWaiting;
    $("making").hidden = !waiting;
    if (!waiting) return;
    const first = this.display.empty, ms = performance.now() - this.#since;
    $("making").toggleAttribute("data-first", first);
    const text = first ? t("Making the first image…") : t("Making an image…");
    if ($("making-text").textContent !== text) $("making-text").textContent = text;
    const seconds = Math.floor(ms / 1000), all = Math.round((this.#tookMs ?? 0) / 1000);
    $("making-time").textContent = all > 0 && all >= seconds
      ? t("{seconds} s of about {all} s", { seconds, all }) : t("{seconds} s", { seconds });
    const bar = $("making-bar");
    if (all > 0) bar.value = Math.min(1, ms / this.#tookMs);
    else bar.removeAttribute("value");
  }
}
