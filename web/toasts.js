// Short messages to the visitor: a toast that disappears by itself, and a notice over the output
// while no image can be shown there.
import { $, element } from "./dom.js";

const TOAST_MS = 2600;
const TOAST_WITH_ACTION_MS = 8000;
let timer = 0;

/** `action` is [label, callback] of a button in the toast. */
export function toast(text, action) {
  const line = $("toast");
  line.replaceChildren(text);
  if (action) {
    const [label, callback] = action;
    const button = element("button", { type: "button", textContent: label });
    button.addEventListener("click", () => {
      line.removeAttribute("data-on");
      callback();
    });
    line.append(button);
  }
  line.setAttribute("data-on", "");
  clearTimeout(timer);
  const duration = action ? TOAST_WITH_ACTION_MS : TOAST_MS;
  timer = setTimeout(() => line.removeAttribute("data-on"), duration);
}

/** Text over the output, null for none. `quiet` leaves out the background that covers an image. */
export function showOutputNotice(text, quiet = false) {
  const notice = $("out-notice");
  const paragraph = notice.firstElementChild;
  notice.hidden = !text;
  notice.classList.toggle("notice-quiet", quiet);
  if (paragraph.textContent !== (text ?? "")) paragraph.textContent = text ?? "";
}
