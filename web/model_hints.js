// What the server says about its model for this page (page.json of the model's folder): what to
// offer first, what the camera starts with, how the strength slider is spread. The page itself
// knows no model.
import { t } from "./language.js";

const EVEN_CURVE = [[0, 0], [1, 1]];

/** The second coordinate at `x` on a polyline of ascending pairs; `from` is the first's index. */
function interpolate(pairs, x, from) {
  const to = 1 - from;
  const after = pairs.findIndex((pair) => pair[from] >= x);
  if (after < 0) return pairs.at(-1)[to];
  if (after === 0) return pairs[0][to];
  const a = pairs[after - 1], b = pairs[after];
  return a[to] + (b[to] - a[to]) * ((x - a[from]) / (b[from] - a[from]));
}

export class ModelHints {
  #curve = EVEN_CURVE;

  constructor() {
    this.concepts = [];
    this.opening = [];
    this.camera = null;  // {prompt, strength, concepts, note}, all optional
    this.best = null;  // [from, to] of strength
    this.thumbnails = {};  // addresses of small images, by concept or style
    this.translations = {};  // by what stands in the other lists
    this.trainedSide = null;  // larger images come out worse
  }

  load({ page = {} }) {
    this.concepts = page.concepts ?? [];
    this.opening = page.opening ?? [];
    this.camera = page.camera ?? null;
    this.best = page.strength?.best ?? null;
    this.#curve = page.strength?.curve ?? EVEN_CURVE;
    this.thumbnails = page.thumbnails ?? {};
    this.translations = page.translations?.[document.documentElement.lang] ?? {};
    this.trainedSide = page.trained_side ?? null;
  }

  /** A word of the model as it is shown: {text, lang}, in the visitor's language if it says so. */
  inLanguage(word) {
    const own = this.translations[word];
    return own ? { text: own, lang: document.documentElement.lang } : { text: word, lang: "en" };
  }

  /** Warnings as the server's, for sizes that the model was not trained for. */
  sizeWarnings(params) {
    const side = this.trainedSide;
    if (side === null) return [];
    return ["width", "height"].filter((name) => params[name] > side).map((name) => ({
      param: name,
      message: t("This model was trained on images of {side}: larger ones come out worse and slower.",
        { side }),
    }));
  }

  /** Where on the slider (0..1) a strength is: equal ways look like equal changes. */
  positionOf(strength) {
    return interpolate(this.#curve, strength, 0);
  }

  strengthAt(position) {
    return interpolate(this.#curve, position, 1);
  }
}
