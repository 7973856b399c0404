// The output window: shows a session's MJPEG stream, and finds another session when that one ends, so
// that its address can stay in a program such as OBS.
const LOOK_MS = 1000;

const picture = document.getElementById("picture");
const wanted = location.hash.slice(1);
let shown = "";

/** The id of the session to show; the one of the fragment, then the one shown, then the last. */
async function findSession() {
  const answer = await fetch(`api/sessions${location.search}`);
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
      picture.src = `api/stream/${id}${location.search}`;
      picture.hidden = false;
    }
    if (id) shown = id;  // without a session the last image stays
  } catch { /* the server is not running: the last image stays */ }
  setTimeout(look, LOOK_MS);
}

picture.addEventListener("error", () => { shown = ""; });
look();
