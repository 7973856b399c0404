// What can be taken from the page to elsewhere: a link with the settings, a window with the images
// alone, and the address of that window for programs such as OBS.
import { $ } from "./dom.js";
import { drawingToText } from "./linked_drawing.js";
import { toast } from "./toasts.js";

const OPENING_MS = 2000;  // that an output window may take to receive its first image

/** An output window of a page at rest needs an image, and is not ready when it says that it opens. */
function resendFor(frameSender) {
  frameSender.resend(OPENING_MS);
}

async function copy(text, done) {
  try {
    await navigator.clipboard.writeText(text);
    toast(done);
  } catch {
    prompt("This browser does not let the page copy. Copy it here:", text);
  }
}

export function bindShareMenu({ settings, drawing, sourcePicker, connection, frameSender }) {
  const menu = $("share-menu");
  const channel = new BroadcastChannel("streamdiffusion.output");
  channel.onmessage = ({ data: id }) => { if (id === connection.id) resendFor(frameSender); };
  const outputAddress = () => {
    const url = new URL("out.html", location.href);
    url.search = location.search;
    url.hash = connection.id;
    return url.href;
  };
  const link = () =>
    settings.link(sourcePicker.name === "draw" ? drawingToText(drawing.canvas) : null);
  const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
  $("share").addEventListener("click", () => {
    $("share-note").hidden = !isLocal;
    menu.showModal();
  });
  menu.addEventListener("click", ({ target }) => { if (target === menu) menu.close(); });
  const actions = {
    "share-link": () => copy(link(), "Link copied: it contains the drawing and all settings"),
    "share-window": () => window.open(outputAddress(), "", "popup,width=768,height=768"),
    "share-address": () => copy(outputAddress(), "Address copied: paste it as a browser source"),
  };
  for (const [id, action] of Object.entries(actions)) {
    $(id).addEventListener("click", () => {
      menu.close();
      action();
    });
  }
}
