// Says that an image is being made where that takes long, how long it has taken, and how long one
// takes once that is known: over the empty pane for the first image, else below the last one.
import { $ } from "./dom.js";
import { t } from "./language.js";

const TICK_MS = 250;
const SLOW_MS = 700;  // without an image after a frame was sent; the first image
const SLOW_LATER_MS = 2000;

export class ImageWait {
  #since = null;  // when the frame of the image that is waited for was read
  #captured = 0;  // when the last frame that was sent was read
  #firstAt = Infinity;  // the first image came: frames before also waited for what is loaded once
  #tookMs = null;  // the last image of a later frame

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
    if (captured >= this.#firstAt) this.#tookMs = at - captured;
    this.#firstAt = Math.min(this.#firstAt, at);
    this.#since = this.#captured > captured ? Math.max(this.#captured, this.#firstAt) : null;
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
