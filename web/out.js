// The output window: shows a session's MJPEG stream, and finds another session when that one ends, so
// that its address can stay in a program such as OBS.
import { loadLanguage } from "./language.js";
import { routeOf } from "./route.js";

const LOOK_MS = 1000;

const image = document.getElementById("image");
const wanted = location.hash.slice(1);
let shown = "";

/** The id of the session to show; the one of the fragment, then the one shown, then the last. */
async function findSession() {
  const answer = await fetch(routeOf("api/sessions"));
  if (!answer.ok) return "";
  const { sessions } = await answer.json();
  const ids = sessions.filter(({ state }) => state === "live" || state === "paused")
    .map(({ id }) => id);
  return [wanted, shown].find((id) => ids.includes(id)) ?? ids.at(-1) ?? "";
}

async function look() {
  try {
    const id = await findSession();
    if (id && id !== shown) {
      image.src = routeOf(`api/stream/${id}`);
      image.hidden = false;
    }
    if (id) shown = id;  // without a session the last image stays
  } catch { /* the server is not running: the last image stays */ }
  setTimeout(look, LOOK_MS);
}

image.addEventListener("error", () => { shown = ""; });
loadLanguage();
look();
document.documentElement.dataset.started = "";  // start.js watches until here
