// What the model is told for each of the page's prompts: the prompt itself, the one that it morphs
// into, and the negative one. Where no word is known, the first two stay what they were last, and the
// negative one says nothing: nothing to go by spoils the image.
import { t } from "./language.js";

export const PROMPT_NAMES = ["prompt", "prompt2", "negative_prompt"];

/** A prompt as the vocabulary writes it, for comparison. */
export function plainPrompt(prompt) {
  return prompt.toLowerCase().split(",").map((p) => p.trim()).filter(Boolean).join(", ");
}

export class PromptMeanings {
  #lastKnown = new Map();  // by the prompt's name: what was drawn for its last text with a known word
  typed = new Set();  // names of those whose last word may not be finished

  constructor(settings, vocabulary) {
    Object.assign(this, { settings, vocabulary });
    settings.understand = (text, name) => this.#remembered(text, name);
  }

  /**
   * {text: what is drawn, unknown, kept: whether it is what was drawn before, begun: whether a known
   * word stands for the beginning of one}.
   */
  of(prompt, name) {
    const { subject, ...meaning } = this.vocabulary.understand(prompt, this.typed.has(name));
    const isEmpty = !subject && (meaning.unknown.length > 0 || meaning.text === "");
    const kept = isEmpty && prompt.trim() !== "" && name !== "negative_prompt";
    return kept ? { ...meaning, text: this.#last(name), kept } : { ...meaning, kept };
  }

  /** A line on a prompt of the settings; "" where what is written is what the model is told. */
  note(name) {
    const prompt = this.settings.get(name) ?? "";
    const { text, unknown, kept } = this.of(prompt, name);
    const parts = unknown.length ? [`${t("Unknown:")} ${unknown.join(", ")}`] : [];
    if (text && text !== plainPrompt(prompt)) {
      parts.push(`${kept ? t("Still drawing:") : t("Understood:")} ${text}`);
    }
    return parts.join(" · ");
  }

  #last(name) {
    if (this.#lastKnown.has(name)) return this.#lastKnown.get(name);
    const usual = name === "prompt" ? this.settings.defaults.prompt ?? "" : "";
    return this.vocabulary.understand(usual).text;
  }

  #remembered(prompt, name) {
    const { text, kept } = this.of(prompt, name);
    if (!kept && !this.vocabulary.empty) this.#lastKnown.set(name, text);  // else nothing is known yet
    return text;
  }
}
