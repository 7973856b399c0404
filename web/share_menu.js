// What can be taken from the page to elsewhere: a link with the settings, a QR code of the page for a
// phone, a window with the images alone, and the address of that window for programs such as OBS.
import { $ } from "./dom.js";
import { t } from "./language.js";
import { drawingToText } from "./linked_drawing.js";
import { qrCode, qrPath } from "./qr_code.js";
import { routeOf } from "./route.js";
import { toast } from "./toasts.js";

async function copy(text, done) {
  try {
    await navigator.clipboard.writeText(text);
    toast(done);
  } catch {
    prompt(t("This browser does not let the page copy. Copy it here:"), text);
  }
}

/** What opens the server for others, "" where nothing is needed. This browser has a cookie instead. */
async function fetchLinkToken() {
  const answer = await fetch(routeOf("api/link_token"));
  return answer.ok ? (await answer.json()).token : "";
}

function withToken(address, token) {
  const url = new URL(address);
  if (token && !url.searchParams.has("token")) url.searchParams.set("token", token);
  return url;
}

/** Shows the code of the page with its settings; without them where they are too long for a code. */
function showQrCode(settings, token) {
  const url = withToken(location.href, token);
  url.hash = "";
  const short = url.href;
  url.hash = new URL(settings.link()).hash;
  const rows = qrCode(url.href) ?? qrCode(short);
  if (!rows) return toast(t("The address of this page is too long for a QR code"));
  const { path, side } = qrPath(rows);
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
  shape.setAttribute("d", path);
  $("qr-code").setAttribute("viewBox", `0 0 ${side} ${side}`);
  $("qr-code").replaceChildren(shape);
  $("qr").hidden = false;
}

function sayUnreachable() {
  toast(t("The server does not answer"));
}

export function bindShareMenu({ settings, drawing, sourcePicker, connection }) {
  const menu = $("share-menu");
  let linkToken = Promise.resolve("");  // asked for when the menu opens
  const outputAddress = (token = "") => {
    const url = withToken(new URL(connection.routeOf("out.html"), location.href), token);
    url.hash = `${connection.id},newest`;  // a page that reconnects has another id
    return url.href;
  };
  const copyOutputAddress = async () =>
    copy(outputAddress(await linkToken), t("Address copied: paste it as a browser source"));
  const link = () =>
    settings.link(sourcePicker.name === "draw" ? drawingToText(drawing.image) : null);
  const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
  $("share").addEventListener("click", () => {
    $("share-local").hidden = !isLocal;
    $("share-phone").hidden = isLocal;
    $("share-token").hidden = $("qr").hidden = true;
    menu.showModal();
    linkToken = fetchLinkToken();
    linkToken.then((token) => { $("share-token").hidden = !token; }, () => {});
  });
  menu.addEventListener("click", ({ target }) => { if (target === menu) menu.close(); });
  const actions = {
    "share-link": () => copy(link(), t("Link copied: it contains the drawing and all settings")),
    "share-window": () => window.open(outputAddress(), "", "popup,width=768,height=768"),
    "share-address": () => copyOutputAddress().catch(sayUnreachable),
  };
  $("share-phone").addEventListener("click", () =>
    linkToken.then((token) => showQrCode(settings, token)).catch(sayUnreachable));
  for (const [id, action] of Object.entries(actions)) {
    $(id).addEventListener("click", () => {
      menu.close();
      action();
    });
  }
}
