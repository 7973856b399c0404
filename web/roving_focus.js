// One tab stop for a row or grid of controls: the arrow keys, Home and End move within it (the roving
// tabindex of the ARIA Authoring Practices).
const SIDEWAYS = { ArrowRight: 1, ArrowLeft: -1 }, UP_AND_DOWN = { ArrowDown: 1, ArrowUp: -1 };

const CONTROLS = "button:not(:disabled, [hidden]), input";

/** Call again when the controls of the row have been replaced, or another one is pressed. */
export function updateRovingFocus(row) {
  const controls = [...row.querySelectorAll(CONTROLS)];
  const current = controls.find((control) => control === document.activeElement) ??
    controls.find((control) => control.getAttribute("aria-pressed") === "true") ?? controls[0];
  for (const control of controls) control.tabIndex = control === current ? 0 : -1;
}

/** How many controls stand beside each other. */
function columnsOf(controls) {
  const [first] = controls;
  const below = controls.findIndex((control) => control.offsetTop > first.offsetTop);
  return below < 0 ? controls.length : below;
}

/** Where a key leads to from one of `count` controls; NaN where it leads nowhere. */
function target(key, at, count, columns) {
  const ends = { Home: 0, End: count - 1 };
  if (key in ends) return ends[key];
  if (columns === 1 || key in SIDEWAYS) {
    return (at + (SIDEWAYS[key] ?? UP_AND_DOWN[key] ?? NaN) + count) % count;
  }
  const to = at + (UP_AND_DOWN[key] ?? NaN) * columns;
  return to >= 0 && to < count ? to : NaN;
}

/** In a grid, up and down lead to the row above and below; in a row they do what left and right do. */
export function bindRovingFocus(row, { grid = false } = {}) {
  row.addEventListener("keydown", (event) => {
    const controls = [...row.querySelectorAll(CONTROLS)];
    const at = controls.indexOf(document.activeElement);
    if (at < 0) return;
    const to = target(event.key, at, controls.length, grid ? columnsOf(controls) : 1);
    if (Number.isNaN(to)) return;
    event.preventDefault();
    controls[to].focus();
    updateRovingFocus(row);
  });
}
