// By which way the images of the session come: each whole over the WebSocket, or as video over a
// WebRTC connection beside it (video_link.js). With `auto` the page begins with the WebSocket,
// measures what the network costs, and tries video where the network is slow. The WebSocket's images
// go on until the first image of the video is shown. Where video does not come, stops or makes what
// is on the screen older, the page returns, and does not try again for a while. docs/webrtc.md has
// the measurements. Event `change`: the way has changed.
import { VideoLink } from "./video_link.js";

const TICK_MS = 500;
const WINDOW_MS = 6000, LEAST_IMAGES = 12;  // what one measurement is of
const SLOW_MS = 160, FAST_MS = 25;  // see "When which" in docs/webrtc.md
const FIRST_IMAGE_MS = 6000;  // from the offer
const WARM_UP_MS = 4000;  // the video's bitrate rises
const TRIAL_MS = 30000;  // while it is compared with what was before
const SILENT_MS = 3000;
const STILL_MS = 600;
const FIRST_PAUSE_MS = 60000, LONGEST_PAUSE_MS = 1800000, WANTED_PAUSE_MS = 10000;
const KEPT_HEADERS = 192;  // of 256 marks; the others are of images that are ahead of their header
const LONGEST_GAP_MS = 2000;  // longer ones are pauses of the input

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

/** The mean age of what is on the screen, of images {at, age}: also a gap between images makes it
 * older. */
function ageOnScreen(images) {
  let sum = 0, time = 0;
  for (let i = 1; i < images.length; i += 1) {
    const gap = Math.min(LONGEST_GAP_MS, images[i].at - images[i - 1].at);
    sum += (images[i - 1].age + gap / 2) * gap;
    time += gap;
  }
  return time > 0 ? sum / time : 0;
}

/** Those of the last `ms`, with none before `from`. */
function recent(list, from = 0, ms = WINDOW_MS) {
  const now = performance.now();
  return list.filter(({ at }) => at >= from && now - at < ms);
}

export class Transport extends EventTarget {
  #link = null;
  #startedAt = 0;
  #shownAt = 0;  // the first image of the video
  #lastVideoAt = 0;
  #lastHeaderAt = 0;
  #lastFrame = -1;  // that was shown
  #newestFrame = -1;  // that the server made
  #headers = new Map();  // by frame, the newest
  #costs = [];  // {at, ms}: what the network cost an image over the WebSocket
  #ages = [];  // {at, age} of shown images
  #trips = [];  // {at, ms}: round trips of the video's network
  #before = 0;  // the age on the screen when the video was begun
  #notBefore = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #exact = true;  // the image that is shown is no image of the video

  /** `wish()` gives `auto`, `websocket` or `webrtc`. */
  constructor({ connection, display, frameSender, wish }) {
    super();
    Object.assign(this, { connection, display, frameSender, wish });
    this.available = false;  // whether the server has WebRTC
    connection.addEventListener("state", ({ detail: { state } }) => this.#onState(state));
    connection.addEventListener("frame", ({ detail }) => this.#onFrame(detail));
    connection.addEventListener("header", ({ detail }) => this.#keep(detail.header));
    display.addEventListener("shown", ({ detail }) => this.#onShown(detail));
    addEventListener("pagehide", () => this.#close());
    setInterval(() => this.#tick(), TICK_MS);
  }

  /** `websocket` or `webrtc`. */
  get way() { return this.#shownAt ? "webrtc" : "websocket"; }

  get possible() { return this.available && VideoLink.possible; }

  /** Where a placement gave the page to another server, that one takes no requests of this page. */
  get #isOwnServer() {
    return new URL(this.connection.routeOf("api/video"), location.href).origin === location.origin;
  }

  /** The visitor has chosen: what was tried before does not count. */
  wishChanged() {
    this.#notBefore = 0;
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#tick();
  }

  /** A session begins, or ends. */
  #onState(state) {
    this.#exact = true;
    this.#close();
    this.#lastFrame = this.#newestFrame = -1;
    this.#headers.clear();
    this.#costs = [];
    if (state === "live") this.#tick();
  }

  #onFrame({ header, image }) {
    const now = performance.now();
    this.#keep(header);
    if (typeof header.captured === "number") {
      this.#costs.push({ at: now, ms: now - header.captured - header.age_ms });
      this.#costs = recent(this.#costs);
    }
    if (!this.#isNew(header)) return;
    this.#exact = true;
    this.display.show(header, image);
  }

  /** An image that was overtaken by one that came the other way is not shown. */
  #isNew({ frame }) {
    if (this.#link && frame <= this.#lastFrame) return false;
    this.#lastFrame = frame;
    return true;
  }

  /** Frames that went as video have no time of their own. They were read about a round trip, and
   * what the server took, before this. */
  #keep(header) {
    this.#lastHeaderAt = performance.now();
    const roundTripMs = this.#link?.roundTripMs ?? null;
    if (header.captured === undefined && roundTripMs !== null) {
      header.captured = this.#lastHeaderAt - header.age_ms - roundTripMs;
    }
    this.#newestFrame = header.frame;
    this.#headers.set(header.frame, header);
    if (this.#headers.size > KEPT_HEADERS) this.#headers.delete(this.#headers.keys().next().value);
  }

  /** The frame of an image of the video: its mark is the frame's low byte. */
  #frameOf(mark) {
    if (mark === undefined) return this.#newestFrame;
    const newest = this.#newestFrame;
    return newest + ((mark - newest + KEPT_HEADERS) & 0xff) - KEPT_HEADERS;
  }

  #onShown({ header, at }) {
    if (typeof header.captured !== "number") return;
    this.#ages.push({ at, age: at - header.captured });
    this.#ages = recent(this.#ages);
  }

  #tick() {
    const { connection } = this;
    if (document.hidden || connection.state !== "live") return;
    const wish = this.wish();
    if (this.#link) return this.#check(wish);
    if (wish === "websocket" || !this.possible || performance.now() < this.#notBefore) return;
    if (!this.#isOwnServer) return;
    if (wish === "webrtc" || this.#isSlow()) this.#begin();
  }

  #isSlow() {
    const costs = recent(this.#costs).map(({ ms }) => ms);
    return costs.length >= LEAST_IMAGES && median(costs) > SLOW_MS;
  }

  #begin() {
    const { connection, frameSender } = this;
    this.#before = ageOnScreen(recent(this.#ages));
    this.#startedAt = performance.now();
    this.#trips = [];
    const link = new VideoLink(connection.routeOf(`api/video/${connection.id}`), frameSender.frame);
    this.#link = link;
    link.addEventListener("image", ({ detail }) => this.#onImage(detail));
    link.addEventListener("failed", () => { if (link === this.#link) this.#fail(); });
  }

  #onImage({ video, mark }) {
    const now = performance.now();
    this.#lastVideoAt = now;
    if (!this.#shownAt) this.#first(now);
    const frame = this.#frameOf(mark);
    if (mark !== undefined && !this.#isNew({ frame })) return;
    this.#exact = false;
    this.display.showVideo(video, this.#headers.get(frame) ?? {});
  }

  #first(now) {
    this.#shownAt = now;
    this.#measure();
    this.connection.sendImagesBy("video");
    this.frameSender.video = this.#link;
    this.dispatchEvent(new CustomEvent("change"));
  }

  #check(wish) {
    const now = performance.now();
    if (wish === "websocket") return this.#close();
    if (!this.#shownAt) return now - this.#startedAt > FIRST_IMAGE_MS ? this.#fail() : undefined;
    if (this.#lastHeaderAt - this.#lastVideoAt > SILENT_MS) return this.#fail();
    if (now - this.#lastVideoAt > STILL_MS) this.#showExactly();
    this.#measure();
    if (wish !== "auto") return;
    if (this.#isSlower(now)) return this.#fail();
    if (this.#isFast(now)) {
      this.#pause();
      this.#close();
    }
  }

  #measure() {
    const link = this.#link;
    link.measure().catch(() => { /* it was closed */ });
    if (link.roundTripMs !== null) this.#trips.push({ at: performance.now(), ms: link.roundTripMs });
    this.#trips = recent(this.#trips, 0, TRIAL_MS);
  }

  /** Whether what is on the screen is older than before. */
  #isSlower(now) {
    if (!this.#before || now - this.#shownAt > TRIAL_MS) return false;
    const images = recent(this.#ages, this.#shownAt + WARM_UP_MS);
    return images.length >= LEAST_IMAGES && now - images[0].at > WINDOW_MS / 2 &&
      ageOnScreen(images) > 1.15 * this.#before + 20;
  }

  /** Whether the network has been fast for a while, so that the WebSocket is the better way. */
  #isFast(now) {
    return now - this.#shownAt > TRIAL_MS && this.#trips.length > TRIAL_MS / TICK_MS / 2 &&
      median(this.#trips.map(({ ms }) => ms)) < FAST_MS;
  }

  /** Gets the newest image as the server made it, once nothing moves. */
  async #showExactly() {
    if (this.#exact) return;
    this.#exact = true;
    const { connection } = this;
    const answer = await fetch(connection.routeOf(`api/image/${connection.id}`)).catch(() => null);
    if (!answer?.ok || !this.#exact) return;
    this.display.show({}, await answer.arrayBuffer());
  }

  #fail() {
    this.#pause();
    this.#close();
  }

  /** No other try for a while, each time for longer, so that the page never goes to and fro. */
  #pause() {
    const wanted = this.wish() === "webrtc";
    this.#notBefore = performance.now() + (wanted ? WANTED_PAUSE_MS : this.#pauseMs);
    if (!wanted) this.#pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * this.#pauseMs);
  }

  #close() {
    const link = this.#link;
    if (!link) return;
    if (this.connection.state === "live") this.connection.sendImagesBy("websocket");
    const shown = this.#shownAt > 0;
    this.#link = null;
    this.#shownAt = 0;
    this.frameSender.video = null;
    link.close();
    if (shown) this.#showExactly();
    this.dispatchEvent(new CustomEvent("change"));
  }
}
