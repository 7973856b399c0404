// The WebSocket connection to the server: binary frames both ways, a bound on unanswered frames,
// and automatic reconnection. Where the server announces its end, a second connection is made beside
// the first, which serves until another server has taken over. A live server that falls silent is
// left: where a link is cut, nobody closes the connection. Events: `state`, `settings`, `stats`,
// `frame`, `header` (of an image that comes as video), `error`, `moving`, `sent` (a frame).
// States: connecting, waiting (no free session), live, lost, asleep (the server's idle timeout).
import { packFrame, unpackFrame } from "./frame_message.js";
import { OWN_SERVER, Placement } from "./placement.js";

const MIN_RETRY_MS = 300;
const MAX_RETRY_MS = 8000;
const RETRY_GROWTH = 1.7;
const ANSWER_TIMEOUT_MS = 2500;  // an unanswered frame older than this no longer counts
const MAX_BUFFERED_BYTES = 1 << 20;
const OPENING_MS = 5000;  // for the connection itself

function randomId() {  // crypto.randomUUID exists in secure contexts only
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function socketUrl(place, id) {
  const url = new URL(place.routeOf(`api/ws/${id}`, { frames: "binary" }), location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url;
}

export class Connection extends EventTarget {
  #placement = new Placement();
  #place = OWN_SERVER;  // of `#socket`
  #socket = null;
  #next = null;  // {socket, id, place}: takes over from `#socket` once it has a session
  #attempt = 0;  // counts the calls of `#connect`; only the last one counts
  #watchdog = 0;
  #retryTimer = 0;
  #retryMs = MIN_RETRY_MS;
  #unanswered = [];
  #seq = 0;  // of the last frame that was sent, at `#sentAt`
  #sentAt = 0;
  #answered = 0;  // the last frame with an answer, which is one for those before it, too
  #started = false;

  /** `initialParams()` is called on every connection and gives the parameters to begin with. */
  constructor(initialParams) {
    super();
    this.initialParams = initialParams;
    this.state = "connecting";
    this.id = "";  // of the session
    this.maxUnanswered = 2;
    document.addEventListener("visibilitychange", () => this.#reconnectNow());
    addEventListener("online", () => this.#reconnectNow());
    // A page in the back-forward cache must not hold a session.
    addEventListener("pagehide", () => {
      this.#attempt += 1;
      this.#dropNext();
      this.#socket?.close();
    });
    addEventListener("pageshow", ({ persisted }) => { if (persisted) this.#reconnectNow(); });
  }

  start() {
    this.#started = true;
    clearTimeout(this.#retryTimer);
    if (!this.#socket) this.#connect();
  }

  /** Asks for a new session if the server ended the last one by its idle timeout. */
  wakeIfAsleep() {
    if (this.state === "asleep") this.start();
  }

  /** The address of a route of the session's server. */
  routeOf(path, query) {
    return this.#place.routeOf(path, query);
  }

  /** Whether a frame may be sent now. */
  get ready() {
    const now = performance.now();
    this.#unanswered = this.#unanswered.filter(({ at }) => now - at < ANSWER_TIMEOUT_MS);
    return this.state === "live" && this.#unanswered.length < this.maxUnanswered &&
      this.#socket.bufferedAmount < MAX_BUFFERED_BYTES;
  }

  /** Whether the answer to a frame is still to come that was sent within so many milliseconds. */
  waitsForAnswer(ms) {
    return this.state === "live" && this.#seq > this.#answered && performance.now() - this.#sentAt < ms;
  }

  /** `control` is an image that ControlNets follow in place of the frame, or null. */
  sendFrame(captured, image, control) {
    if (this.state !== "live") return;
    this.#seq += 1;
    this.#sentAt = performance.now();
    this.#unanswered.push({ seq: this.#seq, at: this.#sentAt });
    const header = { seq: this.#seq, captured };
    if (control) header.control_bytes = control.byteLength;
    this.#socket.send(packFrame(header, image, control));
    this.#dispatch("sent", header);
  }

  sendSettings(params) {
    this.#sendJson({ type: "settings", params });
  }

  /** `video`: a WebRTC connection beside this one shows the images, which need not come here.
   * `websocket`: it has ended. */
  sendImagesBy(by) {
    this.#sendJson({ type: "images", by });
  }

  pause() {
    this.#sendJson({ type: "pause" });
  }

  resume() {
    this.#sendJson({ type: "resume" });
  }

  #sendJson(message) {
    if (this.state === "live") this.#socket.send(JSON.stringify(message));
  }

  #dispatch(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #setState(state, detail = {}) {
    this.state = state;
    this.#dispatch("state", { state, ...detail });
  }

  async #connect() {
    const attempt = ++this.#attempt;
    const opened = await this.#open().catch((error) => error);
    if (attempt !== this.#attempt) return opened.socket?.close();
    if (opened.socket) return this.#use(opened);
    if (opened.retryMs) this.#dispatch("error", { message: opened.message, fatal: true });
    this.#retry(opened.retryMs);
  }

  /** A connection that begins, on a server that has a place for it. */
  async #open() {
    const id = randomId();  // a client that reconnects uses a new id
    const place = await this.#placement.find(id);
    const socket = new WebSocket(socketUrl(place, id));
    socket.binaryType = "arraybuffer";
    return { socket, id, place };
  }

  #use({ socket, id, place }) {
    this.id = id;
    this.#place = place;
    this.#socket = socket;
    this.#unanswered = [];
    this.#answered = this.#seq;
    clearTimeout(this.#watchdog);
    if (socket.readyState === WebSocket.CONNECTING) this.#watch(OPENING_MS);
    socket.onopen = () => clearTimeout(this.#watchdog);  // from here it may wait for its turn
    socket.onmessage = ({ data }) => {
      typeof data === "string" ? this.#onMessage(JSON.parse(data)) : this.#onFrame(data);
      if (this.state === "live" && socket === this.#socket) this.#watch(place.silenceMs);
    };
    socket.onclose = () => this.#onClose(socket);
  }

  /** Gives the connection up unless a message comes within this time. */
  #watch(ms) {
    clearTimeout(this.#watchdog);
    const socket = this.#socket;
    this.#watchdog = setTimeout(() => {
      if (socket !== this.#socket) return;
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
      this.#onClose(socket);
    }, ms);
  }

  /** Looks for another server. The present connection goes on until that one has a session, or until
   * it is closed. */
  async #move(retryMs = MIN_RETRY_MS) {
    const next = {};
    this.#next = next;
    Object.assign(next, await this.#open().catch((error) => ({ retryMs: error.retryMs })));
    if (this.#next !== next) return next.socket?.close();
    const failed = () => {
      if (this.#next !== next) return;
      this.#next = null;
      const longer = Math.min(MAX_RETRY_MS, retryMs * RETRY_GROWTH);
      this.#retryTimer = setTimeout(() => this.#move(longer), next.retryMs || retryMs);
    };
    if (!next.socket) return failed();
    next.socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.status === "connected") this.#takeOver(next, message);
    };
    next.socket.onclose = failed;
  }

  #takeOver(next, connected) {
    const old = this.#socket;
    this.#next = null;
    this.#use(next);
    old.onopen = old.onmessage = old.onclose = null;
    old.close();
    this.#onMessage(connected);
    this.#watch(next.place.silenceMs);
  }

  #dropNext() {
    clearTimeout(this.#retryTimer);
    const next = this.#next;
    this.#next = null;
    next?.socket?.close();
  }

  #onMessage(message) {
    switch (message.status) {
      case "connected":
        this.#retryMs = MIN_RETRY_MS;
        this.#setState("live");
        this.sendSettings(this.initialParams());
        break;
      case "wait":
        this.#retryMs = MIN_RETRY_MS;
        this.#setState("waiting", { position: message.position, limit: message.limit });
        break;
      case "timeout":
        this.#setState("asleep");
        break;
      case "moving":
        if (message.after_s === 0 || document.hidden) break;  // it is closed at once, or not seen
        this.#dispatch("moving", message);
        this.#placement.leave(this.#place);
        if (!this.#next) this.#move();
        break;
      case "error":
      case "settings":
      case "stats":
        this.#dispatch(message.status, message);
        break;
    }
  }

  #onFrame(buffer) {
    const { header, image } = unpackFrame(buffer);
    if (header.seq !== undefined) {
      this.#answered = header.seq;
      this.#unanswered = this.#unanswered.filter(({ seq }) => seq > header.seq);
    }
    this.#dispatch(image.length ? "frame" : "header", { header, image });
  }

  #onClose(socket) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.#unanswered = [];
    clearTimeout(this.#watchdog);
    if (this.state !== "asleep") this.#placement.leave(this.#place);
    const next = this.#next;
    this.#next = null;
    if (next?.socket) {  // may wait for a session there
      this.#use(next);
      return this.#setState("lost");
    }
    clearTimeout(this.#retryTimer);
    if (this.state === "asleep") return;
    this.#retry();
  }

  /** Connects again after a while: `ms`, or the longer the more often it has failed. */
  #retry(ms = 0) {
    this.#setState("lost");
    if (document.hidden || !this.#started) return;  // reconnects when the page is visible again
    const jitter = 0.75 + Math.random() / 2;
    this.#retryTimer = setTimeout(() => this.#connect(), ms || this.#retryMs * jitter);
    this.#retryMs = Math.min(MAX_RETRY_MS, this.#retryMs * RETRY_GROWTH);
  }

  #reconnectNow() {
    if (document.hidden || this.#socket || !this.#started) return;
    clearTimeout(this.#retryTimer);
    this.#retryMs = MIN_RETRY_MS;
    this.#connect();
  }
}
