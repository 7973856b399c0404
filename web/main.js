// Creates the parts of the page and connects them. Frames go source -> frame sender -> connection,
// images go connection -> display. Changed settings go to the server, its answers to the controls.
import { Connection } from "./connection.js";
import { Display } from "./display.js";
import { $ } from "./dom.js";
import { Drawing } from "./drawing.js";
import { DrawingTools } from "./drawing_tools.js";
import { FrameSender } from "./frame_sender.js";
import { Onboarding } from "./onboarding.js";
import { bindOutputControls } from "./output_controls.js";
import { PointerInput } from "./pointer_input.js";
import { PromptEditor } from "./prompt_editor.js";
import { Settings } from "./settings.js";
import { SettingsPanel } from "./settings_panel.js";
import { bindShortcuts } from "./shortcuts.js";
import { SourcePicker } from "./source_picker.js";
import { StatusBar } from "./status_bar.js";
import { showOutputNotice, toast } from "./toasts.js";

const SEND_DELAY_MS = 40;  // settings that change within this time are sent together

const settings = new Settings();
const drawing = new Drawing($("drawing"));
const pointerInput = new PointerInput(drawing, $("brush"));
const display = new Display($("output"));
const sourcePicker = new SourcePicker(drawing, settings);
const connection = new Connection(() => settings.paramsFor(sourcePicker.source.mode));
const frameSender = new FrameSender(connection);
const statusBar = new StatusBar(display);
const promptEditor = new PromptEditor(settings);
const settingsPanel = new SettingsPanel(settings);
const tools = new DrawingTools(drawing, pointerInput, settings);
const onboarding = new Onboarding({
  drawing, pointerInput, settings, promptEditor, sourcePicker,
});
const outputActions = bindOutputControls({
  display, settings, connection, frameSender, statusBar, sourcePicker, drawing, onboarding,
});
bindShortcuts({ drawing, tools, outputActions, onboarding, sourcePicker });

let unsentParams = {};
let sendTimer = 0;
settings.addEventListener("change", ({ detail }) => {
  Object.assign(unsentParams, detail.params);
  if (!sendTimer && Object.keys(unsentParams).length) {
    sendTimer = setTimeout(sendUnsentParams, SEND_DELAY_MS);
  }
  settingsPanel.refresh();
  if ("theme" in detail.changes) applyTheme();
});

function sendUnsentParams() {
  sendTimer = 0;
  connection.sendSettings(unsentParams);
  unsentParams = {};
}

function sendAllParams() {
  connection.sendSettings(settings.paramsFor(sourcePicker.source.mode));
}

sourcePicker.addEventListener("source", ({ detail: { name, started } }) => {
  frameSender.source = started ? sourcePicker.source : null;
  if (name === "words") $("prompt").focus({ preventScroll: true });
  $("strength").disabled = name === "words";
  $("follow-what").textContent = name === "draw" ? "drawing" : "image";
  if (started) {
    sendAllParams();
    frameSender.resend();
  }
  if (name !== "draw") onboarding.stop();
});
sourcePicker.addEventListener("message", ({ detail: text }) => toast(text));
sourcePicker.addEventListener("imagesettings", ({ detail }) => {
  const apply = () => {
    settings.setKnown(detail);
    promptEditor.refresh();
    settingsPanel.refresh();
  };
  toast("This image contains its settings", ["Use them", apply]);
});

let closeReason = "";  // why the server closed the connection, if it said so
connection.addEventListener("state", ({ detail: { state, position } }) => {
  statusBar.setState(state);
  if (state === "waiting") showQueuePosition(position);
  if (state === "live") {
    closeReason = "";
    showOutputNotice(null);
    if (frameSender.paused) connection.pause();
    frameSender.resend();
  }
  if (state === "lost") {
    const shown = display.empty || closeReason;
    const text = closeReason || "Connecting to the server…";
    showOutputNotice(shown ? text : null, display.empty);
  }
});

function showQueuePosition(position) {
  const place = position === 1 ? "next" : `number ${position}`;
  const text = `The server is full. You are ${place} in line,\n` +
    "and keep your place while this page is open.";
  showOutputNotice(text, display.empty);
}

connection.addEventListener("settings", ({ detail }) => {
  const { params, reconfiguring, warnings = [] } = detail;
  const { width, height, transition_ms: transition, t_index_list: steps } = params;
  Object.assign(settings.current, params);
  settings.takeDrawnSeed(params.seed);
  Object.assign(frameSender, { width, height });
  connection.maxUnanswered = Math.max(2, steps.length + 1);
  drawing.setAspectRatio(width / height);
  $("stage").style.setProperty("--ratio", width / height);
  statusBar.setParams(params, reconfiguring);
  promptEditor.refresh();
  promptEditor.showWarnings(warnings);
  settingsPanel.showWarnings(warnings);
  settingsPanel.refresh();
  frameSender.resend(transition);
});
connection.addEventListener("stats", ({ detail }) => statusBar.setServerStats(detail));
connection.addEventListener("frame", ({ detail }) => display.show(detail.header, detail.image));
connection.addEventListener("error", ({ detail: { message, param, fatal } }) => {
  if (fatal) closeReason = message;
  if (!param) return console.info(message);  // about one frame; the next may succeed
  const wasChanged = settings.isChanged(param);
  settings.drop(param);
  if (wasChanged) sendAllParams();  // the server took nothing of the refused message
  settingsPanel.refresh();
  if (!settingsPanel.showError(param, message) || settingsPanel.hidden) toast(message);
});

function applyTheme() {
  const theme = settings.get("theme");
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

$("theme").addEventListener("click", () => {
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const theme = settings.get("theme") || system;
  settings.set({ theme: theme === "dark" ? "light" : "dark" });
});
$("share").addEventListener("click", async () => {
  const link = settings.link();
  try {
    await navigator.clipboard.writeText(link);
    toast("Link copied: it contains these settings");
  } catch {
    history.replaceState(null, "", link);
    toast("The address bar now contains these settings");
  }
});
$("reset-all").addEventListener("click", () => {
  settings.resetAll();
  promptEditor.refresh();
  toast("All settings were reset");
});

// After a mouse click, keys go to the page again and not to the clicked button.
addEventListener("click", (event) => {
  const button = event.target.closest?.("button");
  if (event.detail > 0 && button && !button.matches(".stat")) button.blur();
});

/** Asks the server for its parameters and what the model knows, until it answers. */
async function fetchDescription() {
  for (let wait = 300; ; wait = Math.min(8000, wait * 1.7)) {
    try {
      const answer = await fetch(`api/settings${location.search}`);
      if (answer.ok) return await answer.json();
      if (answer.status === 401) {
        showOutputNotice("This server asks for a token.\n" +
          "Open the address it printed, with ?token= at its end.", true);
      }
    } catch { /* the server is not running yet */ }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

applyTheme();
onboarding.start();
const description = await fetchDescription();
settings.load(description);
statusBar.setInfo(description.info ?? {});
statusBar.setParams(description.params, false);
settingsPanel.build(settings.schema);
promptEditor.load(description);
onboarding.settingsLoaded();
connection.start();
