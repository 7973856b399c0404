// The parts of a prompt: "orange cat, 3d render, on a white background" is a subject, styles and a background.

export function split(prompt, styles) {
  const parts = { subject: [], style: [], rest: [] };
  for (const part of prompt.split(",").map((p) => p.trim()).filter(Boolean)) {
    if (styles.includes(part.toLowerCase())) parts.style.push(part);
    else if (/^on an? .+ background$/i.test(part)) parts.rest.push(part);
    else parts.subject.push(part);
  }
  return parts;
}

export function join({ subject, style, rest }) {
  return [...subject, ...style, ...rest].join(", ");
}

export function withSubject(prompt, concept, styles) {
  return join({ ...split(prompt, styles), subject: [concept] });
}

/** Puts the style in the place of the present one, or takes it away if it is the present one. */
export function withStyle(prompt, style, styles) {
  const parts = split(prompt, styles);
  const had = parts.style.some((s) => s.toLowerCase() === style);
  return join({ ...parts, style: had ? [] : [style] });
}

export function hasPart(prompt, part) {
  return prompt.toLowerCase().split(",").some((p) => p.trim() === part);
}

/** The words under which the cursor stands, for looking up concepts: those of the last part of the prompt. */
export function lookedFor(prompt) {
  return prompt.split(",").pop().split(/\band\b/).pop().trim().toLowerCase();
}

export function escaped(word) {
  return word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

export function pick(list, count, random = Math.random) {
  const left = [...list];
  const picked = [];
  while (picked.length < count && left.length) picked.push(...left.splice(Math.floor(random() * left.length), 1));
  return picked;
}
