// What can be done with the picture: pause, snapshot, record, other noise, draw on over it, full screen.
import { toast } from "./toasts.js";
import { Recorder, snapshot } from "./recorder.js";

const $ = (id) => document.getElementById(id);

export function bindPicture({ display, settings, stream, pump, status, inputs, paper, opening }) {
  const recorder = new Recorder(display.canvas);

  function pause() {
    pump.paused = !pump.paused;
    const button = $("pause");
    button.setAttribute("aria-pressed", String(pump.paused));
    button.setAttribute("aria-label", pump.paused ? "Go on" : "Pause");
    button.dataset.tip = pump.paused ? "Go on" : "Pause";
    button.querySelector("use").setAttribute("href", pump.paused ? "icons.svg#play" : "icons.svg#pause");
    $("pause-badge").hidden = !pump.paused;
    if (inputs.name === "video") pump.paused ? $("video").pause() : $("video").play();
    pump.paused ? stream.pause() : stream.resume();
    status.enter(stream.state, pump.paused);
    if (!pump.paused) pump.poke();
  }

  async function shoot() {
    if (display.empty) return toast("No picture yet");
    toast(`Saved ${await snapshot(display.canvas, { ...settings.inForce, version: status.info.version })}`);
  }

  function record() {
    if (recorder.on) return recorder.stop();
    try {
      recorder.start();
    } catch (error) {
      return toast(error.message);
    }
    $("record").setAttribute("aria-pressed", "true");
    $("rec-badge").hidden = false;
  }

  recorder.addEventListener("time", ({ detail }) => { $("rec-time").textContent = detail; });
  recorder.addEventListener("saved", ({ detail }) => {
    $("record").setAttribute("aria-pressed", "false");
    $("rec-badge").hidden = true;
    toast(detail ? `Saved ${detail}` : "Nothing was recorded");
  });

  function reseed() {
    settings.set({ seed: Math.floor(Math.random() * 1e6) });
  }

  async function keep() {
    if (display.empty) return toast("No picture yet");
    const copy = await createImageBitmap(display.canvas);
    if (inputs.name !== "draw") await inputs.choose("draw");
    opening.leave();
    paper.put(copy);
    paper.touched = true;
  }

  function full() {
    if (document.fullscreenElement) document.exitFullscreen();
    else $("out-frame").requestFullscreen?.().catch(() => toast("This browser does not allow full screen here"));
  }

  const actions = { pause, snapshot: shoot, record, reseed, keep, fullscreen: full };
  for (const [id, action] of Object.entries(actions)) $(id).addEventListener("click", action);
  return actions;
}
