// Puts the parts together: a source feeds the pump, the pump the stream, the stream the display; settings reach the server as
// they change, and what the server says reaches the controls.
import { Drawing } from "./drawing.js";
import { Display } from "./display.js";
import { PointerInput } from "./pointer_input.js";
import { SourcePicker } from "./source_picker.js";
import { bindKeys } from "./shortcuts.js";
import { overPicture, toast } from "./toasts.js";
import { Onboarding } from "./onboarding.js";
import { bindPicture } from "./output_controls.js";
import { PromptEditor } from "./prompt_editor.js";
import { FrameSender } from "./frame_sender.js";
import { COLOR_KEY, Settings } from "./settings.js";
import { StatusBar } from "./status_bar.js";
import { Connection } from "./connection.js";
import { DrawingTools } from "./drawing_tools.js";
import { SettingsPanel } from "./settings_panel.js";

const $ = (id) => document.getElementById(id);

const settings = new Settings();
const paper = new Drawing($("paper"));
const hand = new PointerInput(paper, $("brush"));
const display = new Display($("picture"));
const inputs = new SourcePicker(paper, settings);
const stream = new Connection(() => settings.paramsFor(inputs.source.mode));
const pump = new FrameSender(stream);
const status = new StatusBar(display);
const prompt = new PromptEditor(settings);
const tune = new SettingsPanel(settings, $("tune-body"));
const tools = new DrawingTools(paper, hand, settings);
const opening = new Onboarding({ paper, hand, settings, prompt, inputs });
const picture = bindPicture({ display, settings, stream, pump, status, inputs, paper, opening });
bindKeys({ paper, tools, picture, opening, inputs, hand });

// The person changes something: parameters that change together travel together.
let waiting = {};
let sending = 0;
settings.addEventListener("change", ({ detail }) => {
  Object.assign(waiting, detail.params);
  if (!sending && Object.keys(waiting).length) {
    sending = setTimeout(() => {
      sending = 0;
      stream.sendSettings(waiting);
      waiting = {};
    }, 40);
  }
  tune.refresh();
  if ("theme" in detail.changes) theme();
});

inputs.addEventListener("chosen", ({ detail }) => {
  pump.source = detail.started ? inputs.source : null;
  if (detail.name === "words") $("prompt").focus({ preventScroll: true });
  $("strength").disabled = detail.name === "words";
  $("follow-what").textContent = detail.name === "draw" ? "drawing" : "picture";
  if (detail.started) {
    stream.sendSettings(settings.paramsFor(inputs.source.mode));
    pump.poke();
  }
  opening.sourceIs(detail.name);
});
inputs.addEventListener("said", ({ detail }) => toast(detail.text));
inputs.addEventListener("carried", ({ detail }) => toast("This picture carries its settings", ["Use them", () => {
  settings.set(Object.fromEntries(Object.entries(detail).filter(([name]) => name in settings.schema && name !== "mode" && name !== "prompt_list")));
  prompt.refresh();
  tune.refresh();
}]));

let fatal = "";  // why the server closed the connection, if it said so
stream.addEventListener("state", ({ detail }) => {
  status.enter(detail.state);
  if (detail.state === "waiting") {
    overPicture(`Everyone's place is taken. You are ${detail.position === 1 ? "next" : `number ${detail.position}`} in line,\nand keep your place while this page is open.`, display.empty);
  } else if (detail.state === "live") {
    fatal = "";
    overPicture(null);
    if (pump.paused) stream.pause();
    pump.poke();
  } else if (detail.state === "lost") {
    if (display.empty || fatal) overPicture(fatal || "Looking for the server…", display.empty);
    else overPicture(null);
  }
});

stream.addEventListener("settings", ({ detail }) => {
  Object.assign(settings.inForce, detail.params);
  const { width = 256, height = 256, transition_ms: transition = 0, t_index_list: steps = [] } = detail.params;
  Object.assign(pump, { width, height });
  stream.most = Math.max(2, steps.length + 1);
  paper.shape(width / height);
  $("stage").style.setProperty("--ratio", width / height);
  status.inForce(detail.params, detail.planning);
  prompt.refresh();
  prompt.warn(detail.warnings ?? []);
  tune.refresh();
  pump.poke(transition);
});
stream.addEventListener("stats", ({ detail }) => status.server(detail));
stream.addEventListener("picture", ({ detail }) => display.show(detail.header, detail.picture));
stream.addEventListener("failure", ({ detail }) => {
  if (detail.fatal) fatal = detail.message;
  if (!detail.param) return console.info(detail.message);  // of one frame; the next may fare better
  const kept = settings.isChanged(detail.param);
  settings.forget(detail.param);
  if (kept) stream.sendSettings(settings.paramsFor(inputs.source.mode));  // nothing of a refused message was taken
  tune.refresh();
  if (!tune.fault(detail.param, detail.message) || $("tune").hidden) toast(detail.message);
});

function theme() {
  const chosen = settings.get("theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
}
$("theme").addEventListener("click", () => {
  const dark = settings.get("theme") ? settings.get("theme") === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  settings.set({ theme: dark ? "light" : "dark" });
});
$("share").addEventListener("click", async () => {
  const link = settings.link();
  try {
    await navigator.clipboard.writeText(link);
    toast("Link copied: it carries these settings");
  } catch {
    history.replaceState(null, "", link);
    toast("The address bar now carries these settings");
  }
});

function openTune(open) {
  $("tune").hidden = !open;
  $("tune-open").setAttribute("aria-expanded", String(open));
  (open ? $("tune-close") : $("tune-open")).focus({ focusVisible: false });
}
$("tune-open").addEventListener("click", () => openTune($("tune").hidden));
$("tune-close").addEventListener("click", () => openTune(false));
$("tune").addEventListener("keydown", (event) => { if (event.key === "Escape") openTune(false); });
$("reset-all").addEventListener("click", () => {
  settings.reset(Object.keys(settings.changed).filter((name) => !["theme", COLOR_KEY, "size", "mirror", "source", "prompt"].includes(name)));
  prompt.refresh();
  toast("All as it was");
});

// Keys belong to the page again after a click, not to the button that was clicked.
addEventListener("click", (event) => {
  const button = event.target.closest?.("button");
  if (event.detail > 0 && button && !button.matches(".stat")) button.blur();
});

async function learn() {
  for (let wait = 300; ; wait = Math.min(8000, wait * 1.7)) {
    try {
      const answer = await fetch(`api/settings${location.search}`);
      if (answer.ok) return await answer.json();
      if (answer.status === 401) overPicture("This server asks for a token.\nOpen the address it printed, with ?token= at its end.", true);
    } catch { /* not there yet */ }
    await new Promise((done) => setTimeout(done, wait));
  }
}

theme();
opening.begin();
const about = await learn();
settings.learn(about);
status.learn(about.info ?? {});
status.inForce(about.params, false);
tune.build(settings.schema);
prompt.learn(about);
opening.ready();
stream.start();
