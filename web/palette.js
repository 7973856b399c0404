// The ten colors of the pen. Each is the mean color that the included model's training data has
// under that name, so that the model recognizes it.
export const PALETTE = [
  ["black", "#0c0c0e"], ["white", "#ffffff"],
  ["red", "#d62828"], ["orange", "#f78f28"],
  ["yellow", "#fad63c"], ["green", "#3ca046"],
  ["light blue", "#96cdf5"], ["blue", "#3264d7"],
  ["pink", "#f8a0be"], ["brown", "#784c2e"],
];
export const COLORS = Object.fromEntries([
  ...PALETTE, ["beige", "#eee0c4"], ["light green", "#a0dc96"],
]);
export const FIRST_COLOR = COLORS.black;  // that of the opening's outline
export const BACKGROUND = "#ffffff";
