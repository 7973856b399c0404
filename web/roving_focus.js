// One tab stop for a row of controls: the arrow keys, Home and End move within it (the roving tabindex of
// the ARIA Authoring Practices).
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

const CONTROLS = "button:not(:disabled, [hidden]), input";

/** Call again when the controls of the row have been replaced, or another one is pressed. */
export function updateRovingFocus(row) {
  const controls = [...row.querySelectorAll(CONTROLS)];
  const current = controls.find((control) => control === document.activeElement) ??
    controls.find((control) => control.getAttribute("aria-pressed") === "true") ?? controls[0];
  for (const control of controls) control.tabIndex = control === current ? 0 : -1;
}

export function bindRovingFocus(row) {
  row.addEventListener("keydown", (event) => {
    const controls = [...row.querySelectorAll(CONTROLS)];
    const at = controls.indexOf(document.activeElement);
    const ends = { Home: 0, End: controls.length - 1 };
    const to = ends[event.key] ?? at + (STEPS[event.key] ?? NaN);
    if (at < 0 || Number.isNaN(to)) return;
    event.preventDefault();
    controls[(to + controls.length) % controls.length].focus();
    updateRovingFocus(row);
  });
}
