// What can be taken from the page to elsewhere: a link with the settings, a QR code of the page for a
// phone, a window with the images alone, and the address of that window for programs such as OBS.
import { $ } from "./dom.js";
import { t } from "./language.js";
import { drawingToText } from "./linked_drawing.js";
import { qrCode, qrPath } from "./qr_code.js";
import { toast } from "./toasts.js";

async function copy(text, done) {
  try {
    await navigator.clipboard.writeText(text);
    toast(done);
  } catch {
    prompt(t("This browser does not let the page copy. Copy it here:"), text);
  }
}

/** Shows the code of the page with its settings; without them where they are too long for a code. */
function showQrCode(settings) {
  const short = location.origin + location.pathname + location.search;
  const rows = qrCode(short + new URL(settings.link()).hash) ?? qrCode(short);
  if (!rows) return toast(t("The address of this page is too long for a QR code"));
  const { path, side } = qrPath(rows);
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
  shape.setAttribute("d", path);
  $("qr-code").setAttribute("viewBox", `0 0 ${side} ${side}`);
  $("qr-code").replaceChildren(shape);
  $("qr").hidden = false;
}

export function bindShareMenu({ settings, drawing, sourcePicker, connection }) {
  const menu = $("share-menu");
  const outputAddress = () => {
    const url = new URL(connection.routeOf("out.html"), location.href);
    url.hash = connection.id;
    return url.href;
  };
  const link = () =>
    settings.link(sourcePicker.name === "draw" ? drawingToText(drawing.canvas) : null);
  const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
  $("share").addEventListener("click", () => {
    $("share-note").hidden = !isLocal;
    $("share-phone").hidden = isLocal;
    $("qr").hidden = true;
    menu.showModal();
  });
  menu.addEventListener("click", ({ target }) => { if (target === menu) menu.close(); });
  const actions = {
    "share-link": () => copy(link(), t("Link copied: it contains the drawing and all settings")),
    "share-window": () => window.open(outputAddress(), "", "popup,width=768,height=768"),
    "share-address": () => copy(outputAddress(), t("Address copied: paste it as a browser source")),
  };
  $("share-phone").addEventListener("click", () => showQrCode(settings));
  for (const [id, action] of Object.entries(actions)) {
    $(id).addEventListener("click", () => {
      menu.close();
      action();
    });
  }
}
