// The status bar: frame rate, age, dropped and reused frames of this screen, which the server alone
// cannot count. The last age stays while nothing is drawn; the state then says "Ready".
import { $ } from "./dom.js";
import { t } from "./language.js";

const HISTORY_MS = 30000;  // span of the sparkline
const RECENT_MS = 2000;  // span of the frame rate and the age
const LIVE_GAP_MS = 1200;  // images further apart do not count as live
const REFRESH_MS = 500;
const STATE_TEXTS = {
  connecting: "Connecting", waiting: "Waiting", lost: "Reconnecting", asleep: "Asleep",
  paused: "Paused", changing: "Changing", reading: "Reading the image", live: "Live", ready: "Ready",
  making: "Making an image…",
};
const UNSPOKEN = ["live", "ready", "making"];  // they change all the time
const DROP_CAUSES = {  // where the server dropped frames
  waiting: "{count} while waiting", prepared: "{count} when prepared",
  undelivered: "{count} not delivered", paused: "{count} in a pause", stopped: "{count} at a stop",
};

function ascending(values) {
  return values.sort((a, b) => a - b);
}

function quantile(sorted, share) {
  const index = Math.min(sorted.length - 1, Math.floor(share * sorted.length));
  return sorted.length ? sorted[index] : 0;
}

function formatMs(value) {
  return value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${Math.round(value)} ms`;
}

function formatFps(fps) {
  return fps < 9.95 ? fps.toFixed(1) : String(Math.round(fps));
}

/** Sets the bold figure of one entry. */
function setFigure(id, value) {
  $(id).firstElementChild.textContent = value;
}

function placeTip(stat) {
  const left = Math.max(12, Math.min(stat.offsetLeft, innerWidth - 340));
  stat.nextElementSibling.style.setProperty("--x", `${left}px`);
}

export class StatusBar {
  #shown = [];  // {at, age} of the images of the last HISTORY_MS; age is null if unknown
  #serverStats = {};
  #reused = 0;
  #fps = 0;
  #lastHeader = null;
  #reconfiguring = false;
  #readingImages = false;
  #sparklineEmpty = true;

  constructor(display, imageWait) {
    Object.assign(this, { display, imageWait });
    this.info = {};
    this.state = "connecting";
    this.paused = false;
    this.params = {};
    display.addEventListener("shown", ({ detail }) => this.#addImage(detail));
    for (const stat of document.querySelectorAll(".stat")) {
      stat.addEventListener("pointerenter", () => placeTip(stat));
      stat.addEventListener("focus", () => placeTip(stat));
    }
    setInterval(() => this.#refresh(), REFRESH_MS);
  }

  setInfo(info) {
    this.info = info;
    this.#showEngine();
  }

  /**
   * `reconfiguring`: whether the server still prepares these parameters; `readingImages`: whether
   * only images that the drawing is to follow are still read.
   */
  setParams(params, reconfiguring, readingImages) {
    this.params = params;
    this.#reconfiguring = reconfiguring;
    this.#readingImages = readingImages;
    this.#showEngine();
  }

  setServerStats(stats) {
    this.#serverStats = stats;
  }

  /** By which way images come: `websocket`, `webrtc`, or none where there is no choice. */
  setWay(way) {
    const video = way === "webrtc";
    $("stat-way").hidden = !way;
    $("stat-way").textContent = video ? t("video") : t("image by image");
    $("tip-way").textContent = video
      ? t("Images come as video (WebRTC): over this network they are younger so.")
      : t("Each image comes whole (WebSocket). Over a slow network the page tries video (WebRTC).");
  }

  setState(state, paused = this.paused) {
    this.state = state;
    this.paused = paused;
    this.#refresh();
  }

  #addImage({ header, at }) {
    if (header.reused) this.#reused += 1;
    const age = typeof header.captured === "number" ? at - header.captured : null;
    this.#shown.push({ at, age });
    while (this.#shown.length && at - this.#shown[0].at > HISTORY_MS) this.#shown.shift();
    this.#lastHeader = header;
    this.#reconfiguring = false;  // images of the new parameters arrive
  }

  #refresh() {
    const now = performance.now();
    const live = this.#measureFps(now);
    const name = this.#stateName(live), text = t(STATE_TEXTS[name]);
    if ($("state-text").textContent !== text) $("state-text").textContent = text;
    this.#announce(UNSPOKEN.includes(name) ? "" : text);
    $("status").dataset.state = this.state;
    setFigure("stat-fps", live ? formatFps(this.#fps) : "–");
    const aged = this.#shown.filter(({ age }) => age !== null);
    const recent = aged.filter(({ at }) => now - at < RECENT_MS).map(({ age }) => age);
    if (recent.length) setFigure("stat-age", Math.round(quantile(ascending(recent), 0.5)));
    setFigure("stat-dropped", this.#dropped());
    setFigure("stat-reused", Math.max(this.#reused, this.#serverStats.skipped ?? 0));
    $("status").dataset.dropped = this.#dropped();
    this.#showTips(ascending(aged.map(({ age }) => age)));
    this.#drawSparkline(aged, now);
  }

  /** Says what a visitor has to know, and not each change between live and ready. */
  #announce(spoken) {
    if ($("announcement").textContent !== spoken) $("announcement").textContent = spoken;
  }

  #stateName(live) {
    let name = live ? "live" : "ready";
    if (!live && this.imageWait.isWaiting) name = "making";
    if (this.#reconfiguring) name = "changing";
    if (this.#readingImages) name = "reading";
    if (this.paused) name = "paused";
    if (this.state !== "live") name = this.state;
    return name;
  }

  /** Updates the frame rate if images are arriving, and returns whether they are. */
  #measureFps(now) {
    const times = this.#shown.map(({ at }) => at).filter((at) => now - at < RECENT_MS);
    if (times.length < 2 || now - times.at(-1) >= LIVE_GAP_MS) return false;
    const span = times.at(-1) - times[0];
    if (span > 0) this.#fps = ((times.length - 1) * 1000) / span;
    return true;
  }

  #dropped() {
    const counts = Object.values(this.#serverStats.dropped ?? {});
    return counts.reduce((sum, count) => sum + count, 0) + this.display.replaced;
  }

  #showTips(ages) {
    const { fps, engine_ms: engineMs } = this.#serverStats;
    const engine = fps === undefined ? "" : t("The engine makes {fps} per second, {time} each.",
      { fps: fps.toFixed(1), time: formatMs(engineMs) });
    $("tip-fps").textContent = [t("Images shown per second on this screen."), engine,
      t("Nothing is sent while nothing changes.")].join("\n");
    const [half, most] = [0.5, 0.95].map((share) => formatMs(quantile(ages, share)));
    const spread = t("half within {half}, 95 % within {most}.", { half, most });
    const age = t("From reading the input to showing its image, last half minute:");
    $("tip-age").textContent = `${age}\n${spread}${this.#lastAgeText()}`;
    $("tip-dropped").textContent =
      t("Frames skipped because a newer one had arrived.") + this.#dropCausesText();
    $("tip-reused").textContent =
      t("Frames so similar to the last that its image was used again.");
  }

  #lastAgeText() {
    const { age_ms: age, queue_ms: queue = 0, prepare_ms: prepare = 0, engine_ms: engine = 0 } =
      this.#lastHeader ?? {};
    if (age === undefined) return "";
    const [all, waiting, preparing, making] = [age, queue, prepare, engine].map(formatMs);
    return "\n" + t("The last took {all} in the server: waiting {waiting}, preparing {preparing}, " +
      "engine {making}.", { all, waiting, preparing, making });
  }

  #dropCausesText() {
    const causes = Object.entries(this.#serverStats.dropped ?? {})
      .filter(([, count]) => count)
      .map(([cause, count]) => t(DROP_CAUSES[cause] ?? `{count} ${cause}`, { count }));
    const here = this.display.replaced;
    if (here) causes.push(t("{count} on this screen", { count: here }));
    return causes.length ? `\n${causes.join(", ")}` : "";
  }

  #showEngine() {
    const { device = "", dtype = "", version = "" } = this.info;
    const { width, height, t_index_list: steps, seed } = this.params;
    const model = this.params.model ?? this.info.model ?? "";
    const size = width === height ? `${width ?? ""}²` : `${width}×${height}`;
    $("stat-engine").textContent = `${model} ${size}`;
    $("tip-engine").textContent =
      [`StreamDiffusion ${version}`, `${t("Model")} ${model}, ${width}×${height}`,
        `${t("Device")} ${device}, ${dtype}`, `${t("Steps at")} ${steps?.join(", ")}`,
        `${t("Seed")} ${seed}`].join("\n");
  }

  /** One bar per column: the greatest age of its part of the last half minute. */
  #drawSparkline(aged, now) {
    if (!aged.length && this.#sparklineEmpty) return;
    this.#sparklineEmpty = !aged.length;
    const canvas = $("spark");
    const context = canvas.getContext("2d");
    const { width, height } = canvas;
    context.clearRect(0, 0, width, height);
    const columns = new Array(width / 3).fill(0);
    for (const { at, age } of aged) {
      const column = Math.floor((1 - (now - at) / HISTORY_MS) * columns.length);
      if (column in columns) columns[column] = Math.max(columns[column], age);
    }
    const scale = height / Math.max(60, ...columns);
    context.fillStyle = getComputedStyle(canvas).color;
    columns.forEach((age, i) => {
      const barHeight = Math.max(2, age * scale);
      if (age) context.fillRect(i * 3, height - barHeight, 2, barHeight);
    });
  }
}
