// The WebSocket to the server: binary frames both ways, a bound on frames without an answer, and a quiet way back when the
// connection is lost. Events: `state`, `settings`, `stats`, `picture`, `failure`.
import { pack, unpack } from "./frame_message.js";

const FIRST_DELAY = 300;
const LAST_DELAY = 8000;
const PATIENCE = 2500;  // ms after which an unanswered frame no longer counts

function freshId() {  // crypto.randomUUID exists in secure contexts only
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

export class Connection extends EventTarget {
  #socket = null;
  #timer = 0;
  #delay = FIRST_DELAY;
  #unanswered = [];
  #seq = 0;

  /** `settings` is called on every connection and gives the parameters to begin with. */
  constructor(settings) {
    super();
    this.settings = settings;
    this.state = "connecting";
    this.most = 2;  // frames that may be without an answer
    this.wanted = false;
    document.addEventListener("visibilitychange", () => this.#wake());
    addEventListener("online", () => this.#wake());
    addEventListener("pagehide", () => this.#socket?.close());  // a page kept for going back keeps no place
    addEventListener("pageshow", ({ persisted }) => { if (persisted) this.#wake(); });
  }

  start() {
    this.wanted = true;
    clearTimeout(this.#timer);
    if (!this.#socket) this.#connect();
  }

  /** A place that was given back for want of messages is asked for again. */
  wakeIfAsleep() {
    if (this.state === "asleep") this.start();
  }

  get ready() {
    const now = performance.now();
    this.#unanswered = this.#unanswered.filter((f) => now - f.at < PATIENCE);
    return this.state === "live" && this.#unanswered.length < this.most && this.#socket.bufferedAmount < 1 << 20;
  }

  sendFrame(captured, picture) {
    if (this.state !== "live") return;
    this.#seq += 1;
    this.#unanswered.push({ seq: this.#seq, at: performance.now() });
    this.#socket.send(pack({ seq: this.#seq, captured }, picture));
  }

  sendSettings(params) {
    this.#say({ type: "settings", params });
  }

  pause() {
    this.#say({ type: "pause" });
  }

  resume() {
    this.#say({ type: "resume" });
  }

  #say(message) {
    if (this.state === "live") this.#socket.send(JSON.stringify(message));
  }

  #enter(state, detail = {}) {
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: { state, ...detail } }));
  }

  #connect() {
    const url = new URL(`api/ws/${freshId()}`, location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    url.hash = "";
    url.search = "";
    url.searchParams.set("frames", "binary");
    const token = new URLSearchParams(location.search).get("token");
    if (token) url.searchParams.set("token", token);
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#unanswered = [];
    socket.onmessage = ({ data }) => (typeof data === "string" ? this.#hear(JSON.parse(data)) : this.#receive(data));
    socket.onclose = () => this.#lost(socket);
  }

  #hear(message) {
    switch (message.status) {
      case "connected":
        this.#delay = FIRST_DELAY;
        this.#enter("live");
        this.sendSettings(this.settings());
        break;
      case "wait":
        this.#delay = FIRST_DELAY;
        this.#enter("waiting", { position: message.position, limit: message.limit });
        break;
      case "timeout":
        this.#enter("asleep");
        break;
      case "error":
        this.dispatchEvent(new CustomEvent("failure", { detail: message }));
        break;
      case "settings":
      case "stats":
        this.dispatchEvent(new CustomEvent(message.status, { detail: message }));
        break;
    }
  }

  #receive(buffer) {
    const { header, picture } = unpack(buffer);
    if (header.seq !== undefined) this.#unanswered = this.#unanswered.filter((f) => f.seq > header.seq);
    this.dispatchEvent(new CustomEvent("picture", { detail: { header, picture } }));
  }

  #lost(socket) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.#unanswered = [];
    if (this.state === "asleep") return;
    this.#enter("lost");
    if (document.hidden || !this.wanted) return;  // woken when it is seen again
    this.#timer = setTimeout(() => this.#connect(), this.#delay * (0.75 + Math.random() / 2));
    this.#delay = Math.min(LAST_DELAY, this.#delay * 1.7);
  }

  #wake() {
    if (document.hidden || this.#socket || !this.wanted) return;
    clearTimeout(this.#timer);
    this.#delay = FIRST_DELAY;
    this.#connect();
  }
}
