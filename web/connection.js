// The WebSocket connection to the server: binary frames both ways, a bound on unanswered frames,
// and automatic reconnection. Where the server announces its end, a second connection is made beside
// the first, which serves until another server has taken over. Events: `state`, `settings`, `stats`,
// `frame`, `error`, `moving`.
// States: connecting, waiting (no free session), live, lost, asleep (the server's idle timeout).
import { packFrame, unpackFrame } from "./frame_message.js";
import { routeOf } from "./route.js";

const MIN_RETRY_MS = 300;
const MAX_RETRY_MS = 8000;
const RETRY_GROWTH = 1.7;
const ANSWER_TIMEOUT_MS = 2500;  // an unanswered frame older than this no longer counts
const MAX_BUFFERED_BYTES = 1 << 20;

function randomId() {  // crypto.randomUUID exists in secure contexts only
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function socketUrl(id) {
  const url = new URL(routeOf(`api/ws/${id}`, { frames: "binary" }), location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return url;
}

export class Connection extends EventTarget {
  #socket = null;
  #next = null;  // {socket, id}: takes over from `#socket` once it has a session
  #retryTimer = 0;
  #retryMs = MIN_RETRY_MS;
  #unanswered = [];
  #seq = 0;
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

  /** Whether a frame may be sent now. */
  get ready() {
    const now = performance.now();
    this.#unanswered = this.#unanswered.filter(({ at }) => now - at < ANSWER_TIMEOUT_MS);
    return this.state === "live" && this.#unanswered.length < this.maxUnanswered &&
      this.#socket.bufferedAmount < MAX_BUFFERED_BYTES;
  }

  /** `control` is an image that ControlNets follow in place of the frame, or null. */
  sendFrame(captured, image, control) {
    if (this.state !== "live") return;
    this.#seq += 1;
    this.#unanswered.push({ seq: this.#seq, at: performance.now() });
    const header = { seq: this.#seq, captured };
    if (control) header.control_bytes = control.byteLength;
    this.#socket.send(packFrame(header, image, control));
  }

  sendSettings(params) {
    this.#sendJson({ type: "settings", params });
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

  #connect() {
    this.#use(this.#open());
  }

  #open() {
    const id = randomId();  // a client that reconnects uses a new id
    const socket = new WebSocket(socketUrl(id));
    socket.binaryType = "arraybuffer";
    return { socket, id };
  }

  #use({ socket, id }) {
    this.id = id;
    this.#socket = socket;
    this.#unanswered = [];
    socket.onmessage = ({ data }) => {
      typeof data === "string" ? this.#onMessage(JSON.parse(data)) : this.#onFrame(data);
    };
    socket.onclose = () => this.#onClose(socket);
  }

  /** Looks for another server. The present connection goes on until that one has a session, or until
   * it is closed. */
  #move(retryMs = MIN_RETRY_MS) {
    const next = this.#open();
    this.#next = next;
    next.socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.status === "connected") this.#takeOver(next, message);
    };
    next.socket.onclose = () => {
      if (this.#next !== next) return;
      this.#next = null;
      const longer = Math.min(MAX_RETRY_MS, retryMs * RETRY_GROWTH);
      this.#retryTimer = setTimeout(() => this.#move(longer), retryMs);
    };
  }

  #takeOver(next, connected) {
    const old = this.#socket;
    this.#next = null;
    this.#use(next);
    old.onmessage = old.onclose = null;
    old.close();
    this.#onMessage(connected);
  }

  #dropNext() {
    clearTimeout(this.#retryTimer);
    const next = this.#next;
    this.#next = null;
    next?.socket.close();
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
      this.#unanswered = this.#unanswered.filter(({ seq }) => seq > header.seq);
    }
    this.#dispatch("frame", { header, image });
  }

  #onClose(socket) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.#unanswered = [];
    if (this.#next) {  // may wait for a session there
      this.#use(this.#next);
      this.#next = null;
      return this.#setState("lost");
    }
    clearTimeout(this.#retryTimer);
    if (this.state === "asleep") return;
    this.#setState("lost");
    if (document.hidden || !this.#started) return;  // reconnects when the page is visible again
    const jitter = 0.75 + Math.random() / 2;
    this.#retryTimer = setTimeout(() => this.#connect(), this.#retryMs * jitter);
    this.#retryMs = Math.min(MAX_RETRY_MS, this.#retryMs * RETRY_GROWTH);
  }

  #reconnectNow() {
    if (document.hidden || this.#socket || !this.#started) return;
    clearTimeout(this.#retryTimer);
    this.#retryMs = MIN_RETRY_MS;
    this.#connect();
  }
}
