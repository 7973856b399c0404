// The parts of a prompt: "orange cat, 3d render, on a white background" is a subject, a style and a
// background.

function split(prompt, styles) {
  const parts = { subject: [], style: [], background: [] };
  for (const part of prompt.split(",").map((p) => p.trim()).filter(Boolean)) {
    if (styles.includes(part.toLowerCase())) parts.style.push(part);
    else if (/^on an? .+ background$/i.test(part)) parts.background.push(part);
    else parts.subject.push(part);
  }
  return parts;
}

function join({ subject, style, background }) {
  return [...subject, ...style, ...background].join(", ");
}

export function withSubject(prompt, concept, styles) {
  return join({ ...split(prompt, styles), subject: [concept] });
}

/** Replaces the style of the prompt; removes it if it is this one already. */
export function withStyle(prompt, style, styles) {
  const parts = split(prompt, styles);
  const present = parts.style.some((s) => s.toLowerCase() === style);
  return join({ ...parts, style: present ? [] : [style] });
}

export function hasPart(prompt, part) {
  return prompt.toLowerCase().split(",").some((p) => p.trim() === part);
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
