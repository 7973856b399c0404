// The state at the foot: what is true of the pictures on this screen, not of the server alone. Figures stay, greyed by the word
// "resting", while nothing is drawn.
const SPAN = 30000;  // ms of the sparkline
const $ = (id) => document.getElementById(id);

function quantile(sorted, share) {
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] : 0;
}

const ms = (value) => (value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${Math.round(value)} ms`);

export class StatusBar {
  #shown = [];  // {at, age} of the last half minute
  #server = null;
  #reused = 0;
  #fps = 0;
  #last = null;
  #bare = true;  // the sparkline is empty

  constructor(display) {
    this.display = display;
    this.info = {};
    this.state = "connecting";
    this.paused = false;
    this.params = {};
    display.addEventListener("shown", ({ detail }) => this.#picture(detail));
    for (const stat of document.querySelectorAll(".stat")) {
      stat.addEventListener("pointerenter", () => this.#place(stat));
      stat.addEventListener("focus", () => this.#place(stat));
    }
    setInterval(() => this.#refresh(), 500);
  }

  #place(stat) {
    stat.nextElementSibling.style.setProperty("--x", `${Math.max(12, Math.min(stat.offsetLeft, innerWidth - 340))}px`);
  }

  learn(info) {
    this.info = info;
    this.#runs();
  }

  inForce(params, planning) {
    this.params = params;
    this.planning = planning;
    this.#runs();
  }

  server(stats) {
    this.#server = stats;
  }

  enter(state, paused = this.paused) {
    this.state = state;
    this.paused = paused;
    this.#refresh();
  }

  #picture({ header, at }) {
    if (header.reused) this.#reused += 1;
    const age = typeof header.captured === "number" ? at - header.captured : null;
    this.#shown.push({ at, age });
    while (this.#shown.length && at - this.#shown[0].at > SPAN) this.#shown.shift();
    this.#last = header;
    this.planning = false;  // whatever was changed, its pictures come
  }

  #refresh() {
    const now = performance.now();
    const lately = this.#shown.filter((p) => now - p.at < 2000);
    const moving = lately.length >= 2 && now - lately.at(-1).at < 1200;
    if (moving) {
      const span = lately.at(-1).at - lately[0].at;
      this.#fps = span > 0 ? ((lately.length - 1) * 1000) / span : this.#fps;
    }
    const words = { connecting: "Connecting", waiting: "Waiting", lost: "Reconnecting", asleep: "Asleep" };
    const text = words[this.state] ?? (this.paused ? "Paused" : this.planning ? "Changing" : moving ? "Live" : "Resting");
    if ($("state-text").textContent !== text) $("state-text").textContent = text;
    $("status").dataset.state = this.state;
    if (this.#fps) $("stat-fps").firstElementChild.textContent = this.#fps < 9.95 ? this.#fps.toFixed(1) : Math.round(this.#fps);
    const ages = this.#shown.filter((p) => p.age !== null);
    const recent = ages.filter((p) => now - p.at < 2000);
    if (recent.length) $("stat-age").firstElementChild.textContent = Math.round(quantile(recent.map((p) => p.age).sort((a, b) => a - b), 0.5));
    const counts = this.#server ?? {};
    const dropped = Object.values(counts.dropped ?? {}).reduce((a, b) => a + b, 0) + this.display.replaced;
    $("stat-dropped").firstElementChild.textContent = dropped;
    $("stat-reused").firstElementChild.textContent = Math.max(this.#reused, counts.skipped ?? 0);
    this.#tips(ages, counts, dropped);
    this.#sparkline(ages, now);
  }

  #tips(ages, counts, dropped) {
    const sorted = ages.map((p) => p.age).sort((a, b) => a - b);
    $("tip-fps").textContent = `Pictures shown a second on this screen.\n` +
      (counts.fps !== undefined ? `The engine makes ${counts.fps.toFixed(1)} a second, ${ms(counts.engine_ms)} each. Nothing is sent while nothing changes.` : "");
    const last = this.#last;
    $("tip-age").textContent = `From capturing a frame to showing its picture, last half minute:\n` +
      `half within ${ms(quantile(sorted, 0.5))}, 95 % within ${ms(quantile(sorted, 0.95))}.` +
      (last?.age_ms !== undefined ? `\nOf the last, in the server ${ms(last.age_ms)}: waiting ${ms(last.queue_ms ?? 0)}, preparing ${ms(last.prepare_ms ?? 0)}, engine ${ms(last.engine_ms ?? 0)}.` : "");
    const causes = Object.entries(counts.dropped ?? {}).filter(([, n]) => n).map(([cause, n]) => `${n} ${cause}`);
    if (this.display.replaced) causes.push(`${this.display.replaced} on this screen`);
    $("tip-dropped").textContent = `Frames left out because a newer one was there: the newest wins.` + (causes.length ? `\n${causes.join(", ")}` : "");
    $("tip-reused").textContent = "Frames so like the last that its picture was used again (the similarity filter).";
    $("status").dataset.dropped = dropped;
  }

  #runs() {
    const { model = "", device = "", dtype = "", version = "" } = this.info;
    const { width, height, t_index_list: steps, seed } = this.params;
    const size = width === height ? `${width ?? ""}²` : `${width}×${height}`;
    $("stat-runs").textContent = [`${this.params.model ?? model} ${size}`, dtype, device].filter(Boolean).join(" · ");
    $("tip-runs").textContent = `StreamDiffusion ${version}\nModel ${this.params.model ?? model}, ${width}×${height}\n` +
      `Device ${device}, ${dtype}\nSteps at ${steps?.join(", ")}, seed ${seed}`;
  }

  #sparkline(ages, now) {
    if (!ages.length && this.#bare) return;
    this.#bare = !ages.length;
    const canvas = $("spark");
    const context = canvas.getContext("2d");
    const { width, height } = canvas;
    context.clearRect(0, 0, width, height);
    if (!ages.length) return;
    const columns = new Array(width / 3).fill(0);
    for (const { at, age } of ages) {
      const column = Math.floor((1 - (now - at) / SPAN) * columns.length);
      if (column >= 0 && column < columns.length) columns[column] = Math.max(columns[column], age);
    }
    const most = Math.max(60, ...columns);
    context.fillStyle = getComputedStyle(canvas).color;
    columns.forEach((age, i) => {
      if (age) context.fillRect(i * 3, height - Math.max(2, (age / most) * height), 2, Math.max(2, (age / most) * height));
    });
  }
}
