// Colours of moods: those of the configuration, others from a palette, and blends of them as people see light.

import { OTHERS } from "./palette.js";
import { NO_LABELS } from "./signals.js";

const own = new Map(); // colours of labels without a setting
const GREY = [0.45, 0.48, 0.53]; // where no mood is known, linear light
const SHARPEN = 1.6; // probabilities are raised to this, or four moods would blend to grey

const toLinear = (byte) => (byte / 255 <= 0.04045 ? byte / 255 / 12.92 : ((byte / 255 + 0.055) / 1.055) ** 2.4);
const toByte = (part) => Math.round(255 * (part <= 0.0031308 ? 12.92 * part : 1.055 * part ** (1 / 2.4) - 0.055));

/** Linear light of "#rrggbb". */
export function light(colour) {
  return [1, 3, 5].map((at) => toLinear(parseInt(colour.slice(at, at + 2), 16)));
}

/** Bytes [r, g, b] of linear light. */
export const bytes = (linear) => linear.map((part) => toByte(Math.min(1, Math.max(0, part))));

export const css = (linear, alpha = 1) => `rgb(${bytes(linear).join(" ")} / ${alpha})`;

/** Labels of the moods among the names of signals. */
export function labelsOf(values) {
  return Object.keys(values)
    .filter((name) => name.startsWith("mood/") && !NO_LABELS.includes(name.slice(5)))
    .map((name) => name.slice(5));
}

/** Probabilities by label, in an object that inherits nothing: a label may be called `constructor`. */
export function moodsOf(values) {
  const moods = Object.create(null);
  for (const label of labelsOf(values)) moods[label] = values[`mood/${label}`];
  return moods;
}

/** The colour of a label; one without a setting gets the free one of the others that its name points to. */
export function colourOf(label, colors) {
  if (!label) return "#8b95a3";
  if (Object.hasOwn(colors, label)) return colors[label];
  if (!own.has(label)) {
    let hash = 0;
    for (const letter of label) hash = (31 * hash + letter.codePointAt(0)) >>> 0;
    const taken = new Set(own.values());
    const inTurn = OTHERS.map((_, i) => OTHERS[(hash + i) % OTHERS.length]);
    own.set(label, inTurn.find((colour) => !taken.has(colour)) ?? inTurn[0]);
  }
  return own.get(label);
}

/** Linear light of moods blended by probability: {label: probability}. */
export function blend(probabilities, colors) {
  const sum = [0, 0, 0];
  let weight = 0;
  for (const [label, probability] of Object.entries(probabilities)) {
    const w = probability ** SHARPEN;
    const part = light(colourOf(label, colors));
    for (let i = 0; i < 3; i++) sum[i] += w * part[i];
    weight += w;
  }
  return weight > 0 ? sum.map((part) => part / weight) : GREY;
}
