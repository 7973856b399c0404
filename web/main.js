// Creates the parts of the page and connects them. Frames go source -> frame sender -> connection,
// images go connection -> transport -> display. Changed settings go to the server, its answers to the controls.
import { Connection } from "./connection.js";
import { Display } from "./display.js";
import { $ } from "./dom.js";
import { ControlDrawing } from "./control_drawing.js";
import { Drawing } from "./drawing.js";
import { DrawingTools } from "./drawing_tools.js";
import { FrameSender } from "./frame_sender.js";
import { HistoryStrip } from "./history_strip.js";
import { ImageWait } from "./image_wait.js";
import { KeyboardPen } from "./keyboard_pen.js";
import { loadLanguage, t } from "./language.js";
import { MidiPanel } from "./midi_panel.js";
import { ModelHints } from "./model_hints.js";
import { Onboarding } from "./onboarding.js";
import { bindOutputControls } from "./output_controls.js";
import { PointerInput } from "./pointer_input.js";
import { PromptMeanings } from "./prompt_meanings.js";
import { PromptEditor } from "./prompt_editor.js";
import { routeOf } from "./route.js";
import { Settings } from "./settings.js";
import { SettingsPanel } from "./settings_panel.js";
import { bindShareMenu } from "./share_menu.js";
import { bindShortcuts } from "./shortcuts.js";
import { SourcePicker } from "./source_picker.js";
import { SourcePrompts } from "./source_prompts.js";
import { StatusBar } from "./status_bar.js";
import { StrengthSlider } from "./strength_slider.js";
import { StyleImages } from "./style_images.js";
import { showOutputNotice, toast } from "./toasts.js";
import { ThingsDialog } from "./things_dialog.js";
import { TracedImage } from "./traced_image.js";
import { Transport } from "./transport.js";
import { Vocabulary } from "./vocabulary.js";

const SEND_DELAY_MS = 40;  // settings that change within this time are sent together
const WORDS_WAIT_MS = 1000;  // for the first image, before words in other languages are fetched
const LOST_NOTE_MS = 2000;  // without a connection, before the page says so over the image

await loadLanguage();
const settings = new Settings();
const hints = new ModelHints();
const drawing = new Drawing($("drawing"));
const pointerInput = new PointerInput(drawing, $("brush"));
new KeyboardPen(drawing, pointerInput, $("brush"));
const display = new Display($("output"));
const sourcePicker = new SourcePicker(drawing, settings);
new TracedImage(drawing, sourcePicker);
const connection = new Connection(() => settings.paramsFor(sourcePicker.source.mode));
const controlDrawing = new ControlDrawing(drawing, () => "control_settings" in settings.schema);
const frameSender = new FrameSender(connection, controlDrawing);
const imageWait = new ImageWait({ connection, display, isPaused: () => frameSender.paused });
const statusBar = new StatusBar(display, imageWait);
const forcedTransport = new URLSearchParams(location.search).get("transport");
const transport = new Transport({
  connection, display, frameSender,
  wish: () => (forcedTransport || settings.get("transport") || "auto").toLowerCase(),
});
transport.addEventListener("change", showTransport);
const vocabulary = new Vocabulary();
const meanings = new PromptMeanings(settings, vocabulary);
const promptEditor = new PromptEditor(settings, hints, vocabulary, meanings);
const strengthSlider = new StrengthSlider(settings, hints);
const styleImages = new StyleImages({
  connection,
  input: () => ({ canvas: frameSender.frame, isEmpty: !frameSender.hasRead }),
  ask: (types, take) => sourcePicker.askForFile(types, take),
});
const settingsPanel = new SettingsPanel(settings, {
  imageOf: controlImage, styleImages, controlDrawing, meanings,
});
const midiPanel = new MidiPanel();
settingsPanel.onHidden = () => midiPanel.learn(false);
styleImages.onSent = () => settingsPanel.refresh();
const tools = new DrawingTools(drawing, pointerInput, settings);
const onboarding = new Onboarding({
  drawing, pointerInput, settings, hints, vocabulary, promptEditor, sourcePicker, display,
});
const thingsDialog = new ThingsDialog({ hints, vocabulary, promptEditor });
const sourcePrompts = new SourcePrompts({ settings, hints, promptEditor, onboarding });
const outputActions = bindOutputControls({
  display, settings, connection, frameSender, statusBar, sourcePicker, drawing, onboarding,
});
new HistoryStrip({
  connection, display, drawing, settings, promptEditor, sourcePicker, onboarding,
});
bindShortcuts({ drawing, promptEditor, tools, outputActions, onboarding, sourcePicker });

let unsentParams = {};
let sendTimer = 0;
settings.addEventListener("change", ({ detail }) => {
  Object.assign(unsentParams, detail.params);
  if (!sendTimer && Object.keys(unsentParams).length) {
    sendTimer = setTimeout(sendUnsentParams, SEND_DELAY_MS);
  }
  settingsPanel.refresh();
  strengthSlider.refresh();
  if ("theme" in detail.changes) applyTheme();
  if ("transport" in detail.changes) transport.wishChanged();
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
  strengthSlider.setSource(name);
  if (!started) sourcePrompts.choose(name);
  if (!started && name === "draw") onboarding.drawingChosen();
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
  toast(t("This image contains its settings"), [t("Use them"), apply]);
});

let lostTimer = 0;
let closeReason = "";  // why the server closed the connection, if it said so
connection.addEventListener("state", ({ detail: { state, position } }) => {
  statusBar.setState(state);
  if (state !== "lost") {
    clearTimeout(lostTimer);
    lostTimer = 0;
    $("lost-badge").hidden = true;
  }
  if (state === "waiting") showQueuePosition(position);
  if (state === "live") {
    closeReason = "";
    showOutputNotice(null);
    if (frameSender.paused) connection.pause();
    frameSender.resend();
  }
  if (state === "lost") {
    const shown = display.empty || closeReason;
    const text = closeReason || t("Connecting to the server…");
    showOutputNotice(shown ? text : null, display.empty);
    const showBadge = () => { $("lost-badge").hidden = false; };
    if (!shown) lostTimer ||= setTimeout(showBadge, LOST_NOTE_MS);
  }
});

function showQueuePosition(position) {
  const text = t("The server is full. You are number {position} in line.", { position }) + "\n" +
    t("Keep this page open: it goes on by itself.");
  showOutputNotice(text, display.empty);
}

connection.addEventListener("settings", ({ detail }) => {
  const { params, reconfiguring, reading_images: readingImages, outside } = detail;
  const warnings = [...detail.warnings ?? [], ...hints.sizeWarnings(params)];
  const { width, height, transition_ms: transition, t_index_list: steps } = params;
  if (outside) settings.adopt(params);
  // Without an input image the strength is always 1: not what the visitor's slider means.
  const { strength, ...others } = params;
  Object.assign(settings.current, params.mode === "txt2img" ? others : params);
  settings.takeDrawnSeed(params.seed);
  Object.assign(frameSender, { width, height });
  connection.maxUnanswered = Math.max(2, steps.length + 1);
  drawing.setAspectRatio(width / height);
  $("stage").style.setProperty("--ratio", width / height);
  $("stage").toggleAttribute("data-wide", width > height);
  statusBar.setParams(params, reconfiguring, readingImages ?? false);
  promptEditor.refresh();
  strengthSlider.refresh();
  promptEditor.showWarnings(warnings);
  settingsPanel.showWarnings(warnings);
  settingsPanel.refresh();
  frameSender.resend(transition);
  followModel(params.model);
});
connection.addEventListener("moving", () => {
  toast(t("This server ends soon. The page moves to another one by itself."));
});
connection.addEventListener("stats", ({ detail }) => statusBar.setServerStats(detail));
connection.addEventListener("error", ({ detail: { message, param, fatal } }) => {
  if (fatal) closeReason = message;
  if (!param) return console.info(message);  // about one frame; the next may succeed
  const wasChanged = settings.isChanged(param);
  settings.drop(param);
  if (wasChanged) sendAllParams();  // the server took nothing of the refused message
  settingsPanel.refresh();
  const text = settingsPanel.inWords(param, message);
  if (!settingsPanel.showError(param, text) || settingsPanel.hidden) toast(text);
});

function showTransport() {
  statusBar.setWay(transport.possible ? transport.way : null);
}

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
bindShareMenu({ settings, drawing, sourcePicker, connection });
$("reset-all").addEventListener("click", () => {
  settings.resetAll();
  settingsPanel.clearErrors();
  promptEditor.refresh();
  toast(t("All settings were reset"));
});

// After a mouse click, keys go to the page again and not to the clicked button.
addEventListener("click", (event) => {
  const button = event.target.closest?.("button");
  if (event.detail > 0 && button && !button.matches(".stat")) button.blur();
});

/** The address of what a ControlNet of this session sees now. */
function controlImage(net) {
  const at = Math.round(performance.now());  // an address of its own, or nothing is loaded
  return connection.routeOf(`api/control/${connection.id}`, { net, at });
}

/** Asks the server for its parameters and what the model knows, until it answers. */
async function fetchDescription() {
  for (let wait = 300; ; wait = Math.min(8000, wait * 1.7)) {
    try {
      const answer = await fetch(routeOf("api/settings"));
      if (answer.ok) return await answer.json();
      const text = answer.status === 401
        ? t("This server asks for a token.") + "\n" +
          t("Open the address it printed, with ?token= at its end.")
        : t("Connecting to the server…");
      showOutputNotice(text, true);
    } catch {  // the server is not running yet, or not any more
      showOutputNotice(t("Connecting to the server…"), true);
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

/** Takes what the server says about a model. */
function describe(description) {
  settings.load(description);
  hints.load(description);
  vocabulary.load(description);
  statusBar.setInfo(description.info ?? {});
  transport.available = description.info?.webrtc === true;
  settingsPanel.hasWebRtc = transport.possible;
  showTransport();
  settingsPanel.build(settings.schema);
  midiPanel.refresh();
  promptEditor.load(description);
  thingsDialog.load();
  strengthSlider.refresh();
  sourcePrompts.modelChanged(sourcePicker.name);
}

/** Asks for the words that lead to what the model knows, until they come or it is another model. */
async function fetchWords(query = {}) {
  const model = describedModel;
  for (let wait = 1000; model === describedModel; wait = Math.min(30000, 2 * wait)) {
    const answer = await fetch(routeOf("api/words", query)).catch(() => null);
    if (answer?.ok) return takeWords(await answer.json(), model);
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

function takeWords(words, model) {
  if (model !== describedModel) return;
  vocabulary.loadWords(words);
  promptEditor.vocabularyLoaded();
  thingsDialog.load();
}

let describedModel;  // whose parameters and words the page shows

/** Once the session runs on another model: shows that one's parameters, and sends it what the
 * visitor has set. */
async function followModel(model) {
  if (!model || describedModel === undefined || model === describedModel) return;
  describedModel = model;
  const answer = await fetch(routeOf("api/settings", { model })).catch(() => null);
  if (!answer?.ok || describedModel !== model) return;
  styleImages.forget();
  describe(await answer.json());
  toast(t("The images are made by {model} now", { model }));
  sendAllParams();
  fetchWords({ model });
}

// A link that is opened where the page is open already.
addEventListener("hashchange", () => {
  if (location.hash.includes("=")) location.reload();
});

applyTheme();
onboarding.start();
const description = await fetchDescription();
describe(description);
statusBar.setParams(description.params, false);
describedModel = description.info?.model;
onboarding.settingsLoaded();
connection.start();
document.documentElement.dataset.started = "";  // start.js watches until here
// The words take the processor for a while, and the model's own prompt needs none of them.
if (onboarding.promptIsOurs) await display.firstImage(AbortSignal.timeout(WORDS_WAIT_MS));
await fetchWords();
