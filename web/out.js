// The output window: shows a session's MJPEG stream. The fragment says which: #ID that one and no
// other; nothing the newest, and the next when it ends; #ID,newest that one first.
import { loadLanguage, t } from "./language.js";
import { routeOf } from "./route.js";

const LOOK_MS = 1000;

const image = document.getElementById("image");
const note = document.getElementById("missing");
const [wanted, otherwise] = location.hash.slice(1).split(",");
const takesNewest = !wanted || otherwise === "newest";
let shown = "";

/** The id of the session to show: the one of the fragment, then the one shown, then the last. */
async function findSession() {
  const answer = await fetch(routeOf("api/sessions"));
  if (!answer.ok) return "";
  const { sessions } = await answer.json();
  const ids = sessions.filter(({ state }) => state === "live" || state === "paused")
    .map(({ id }) => id);
  const known = [wanted, shown].find((id) => ids.includes(id));
  return known ?? (takesNewest ? ids.at(-1) : "") ?? "";
}

/** Where there is no image yet: what is missing. */
function sayMissing() {
  note.textContent = takesNewest ? t("There is no session yet: this page waits for one")
    : t("There is no session {id}: this page waits for it", { id: wanted });
  note.hidden = !image.hidden;
}

async function look() {
  try {
    const id = await findSession();
    if (id && id !== shown) {
      image.src = routeOf(`api/stream/${id}`);
      image.hidden = false;
    }
    shown = id;  // without a session the last image stays
    sayMissing();
  } catch { /* the server is not running: the last image stays */ }
  setTimeout(look, LOOK_MS);
}

image.addEventListener("error", () => { shown = ""; });
addEventListener("hashchange", () => location.reload());
loadLanguage().then(look);
document.documentElement.dataset.started = "";  // start.js watches until here
