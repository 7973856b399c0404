// Short words to the person: a toast that goes by itself, and what is said over the picture while none comes.
const $ = (id) => document.getElementById(id);
let timer = 0;

export function toast(text, action) {
  const line = $("toast");
  line.replaceChildren(text);
  if (action) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: action[0] });
    button.addEventListener("click", () => { line.removeAttribute("data-on"); action[1](); });
    line.append(button);
  }
  line.setAttribute("data-on", "");
  clearTimeout(timer);
  timer = setTimeout(() => line.removeAttribute("data-on"), action ? 8000 : 2600);
}

/** Over the picture; quiet (no ground) while there is no picture to cover. */
export function overPicture(text, quiet = false) {
  const notice = $("out-notice");
  notice.hidden = !text;
  notice.classList.toggle("notice-quiet", quiet);
  if (notice.firstElementChild.textContent !== (text ?? "")) notice.firstElementChild.textContent = text ?? "";
}
