// The parts of a prompt: "orange cat, 3d render, on a white background" is a subject, a style and a
// background. `styleOf(part, later)` gives the style that a part names, in any language;
// `later`: it is not the first.

/** [text, style or undefined]; the name of a style may have commas ("Comic, flach"). */
function partsOf(prompt, styleOf) {
  const left = prompt.split(",").map((part) => part.trim()).filter(Boolean), parts = [];
  while (left.length) {
    const nameOf = (count) => styleOf(left.slice(0, count).join(", "), parts.length > 0);
    let count = left.length;
    while (count > 1 && !nameOf(count)) count -= 1;
    parts.push([left.slice(0, count).join(", "), nameOf(count)]);
    left.splice(0, count);
  }
  return parts;
}

function split(prompt, styleOf) {
  const parts = { subject: [], style: [], background: [] };
  for (const [text, style] of partsOf(prompt, styleOf)) {
    if (style) parts.style.push(style);
    else if (/^on an? .+ background$/i.test(text)) parts.background.push(text);
    else parts.subject.push(text);
  }
  return parts;
}

function join({ subject, style, background }) {
  return [...subject, ...style, ...background].join(", ");
}

export function withSubject(prompt, concept, styleOf) {
  return join({ ...split(prompt, styleOf), subject: [concept] });
}

/** Replaces the style of the prompt; removes it if it is this one already. */
export function withStyle(prompt, style, styleOf) {
  const parts = split(prompt, styleOf);
  return join({ ...parts, style: parts.style.includes(style) ? [] : [style] });
}

/** The styles and other parts that a prompt has, in lower case. */
export function namesIn(prompt, styleOf) {
  return partsOf(prompt, styleOf).map(([text, style]) => style ?? text.toLowerCase());
}

/** The words being typed: those of the prompt's last part. Concepts are looked up by them. */
export function lastPart(prompt) {
  return prompt.split(",").pop().split(/\band\b/).pop().trim().toLowerCase();
}

export function withoutLastPart(prompt) {
  return prompt.split(",").slice(0, -1).join(",");
}

export function escapeRegExp(word) {
  return word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** Up to `count` different items of the list, chosen by `random`. */
export function sample(list, count, random = Math.random) {
  const left = [...list];
  const chosen = [];
  while (chosen.length < count && left.length) {
    chosen.push(...left.splice(Math.floor(random() * left.length), 1));
  }
  return chosen;
}
