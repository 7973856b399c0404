// One tab stop for a row of buttons: the arrow keys, Home and End move within it (the roving tabindex of
// the ARIA Authoring Practices).
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** Call again when the buttons of the row have been replaced. */
export function updateRovingFocus(row) {
  const buttons = [...row.querySelectorAll("button")];
  const current = buttons.find((button) => button === document.activeElement) ??
    buttons.find((button) => button.getAttribute("aria-pressed") === "true") ?? buttons[0];
  for (const button of buttons) button.tabIndex = button === current ? 0 : -1;
}

export function bindRovingFocus(row) {
  row.addEventListener("keydown", (event) => {
    const buttons = [...row.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement);
    const ends = { Home: 0, End: buttons.length - 1 };
    const to = ends[event.key] ?? at + (STEPS[event.key] ?? NaN);
    if (at < 0 || Number.isNaN(to)) return;
    event.preventDefault();
    buttons[(to + buttons.length) % buttons.length].focus();
    updateRovingFocus(row);
  });
}
