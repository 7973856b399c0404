// The buttons beside the output: pause, snapshot, recording, new noise, draw over the image, full
// screen.
import { $ } from "./dom.js";
import { t } from "./language.js";
import { Recorder } from "./recorder.js";
import { bindSaveMenu } from "./save_menu.js";
import { SavedPicture } from "./saved_picture.js";
import { toast } from "./toasts.js";

const noImage = () => toast(t("No image yet"));

/** Returns the actions by the ids of their buttons, for the keyboard. */
export function bindOutputControls(page) {
  const { display, settings } = page;
  const picture = new SavedPicture(page);

  async function snapshot() {
    if (display.empty) return noImage();
    try {
      toast(t("Saved {name}", { name: await picture.save() }));
    } catch {
      toast(t("The image could not be enlarged"));
    }
  }

  function reseed() {
    settings.set({ seed: Math.floor(Math.random() * 1e6) });
  }

  function fullscreen() {
    if (document.fullscreenElement) return document.exitFullscreen();
    const refused = () => toast(t("This browser does not allow full screen here"));
    $("out-frame").requestFullscreen?.().catch(refused);
  }

  const actions = {
    pause: () => togglePause(page), snapshot, record: bindRecorder(page, picture), reseed,
    "draw-over": () => drawOver(page), fullscreen,
  };
  for (const [id, action] of Object.entries(actions)) $(id).addEventListener("click", action);
  bindSaveMenu({ settings, saveImage: snapshot });
  return actions;
}

function togglePause({ frameSender, connection, sourcePicker, statusBar }) {
  const paused = frameSender.paused = !frameSender.paused;
  const button = $("pause"), label = paused ? t("Resume") : t("Pause");
  button.setAttribute("aria-pressed", String(paused));
  button.setAttribute("aria-label", label);
  button.dataset.tip = label;
  button.querySelector("use").setAttribute("href", paused ? "icons.svg#play" : "icons.svg#pause");
  $("pause-badge").hidden = !paused;
  if (sourcePicker.name === "video") paused ? $("video").pause() : $("video").play();
  paused ? connection.pause() : connection.resume();
  statusBar.setState(connection.state, paused);
  if (!paused) frameSender.resend();
}

/** Makes the generated image the drawing. */
async function drawOver({ display, sourcePicker, onboarding, drawing, settings }) {
  if (display.empty) return noImage();
  const prompt = settings.get("prompt");  // which made the image; the camera's ends with it
  const copy = await createImageBitmap(display.canvas);
  if (sourcePicker.name !== "draw") await sourcePicker.choose("draw");
  onboarding.stop();
  settings.set({ prompt });
  drawing.putImage(copy);
  drawing.edited = true;
}

/** Returns the action that starts or stops a recording. */
function bindRecorder({ display, settings }, picture) {
  const recorder = new Recorder(picture);
  const show = (recording) => {
    $("record").setAttribute("aria-pressed", String(recording));
    $("rec-badge").hidden = !recording;
  };
  recorder.addEventListener("time", ({ detail }) => { $("rec-time").textContent = detail; });
  recorder.addEventListener("encoding", () => { $("rec-time").textContent = t("Saving…"); });
  recorder.addEventListener("saved", ({ detail: name }) => {
    show(false);
    toast(name ? t("Saved {name}", { name }) : t("Nothing was recorded"));
  });
  return () => {
    if (recorder.recording) return recorder.stop();
    if (display.empty) return noImage();
    try {
      recorder.start(settings.get("save_recording") ?? "video");
    } catch (error) {
      return toast(error.message);
    }
    show(true);
  };
}
