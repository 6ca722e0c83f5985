// A stage on a canvas: the field, and the colours that it takes from moods and beats.

import { blend } from "./colours.js";
import { Field } from "./field.js";

const FOLLOW = 1.2; // s in which a colour goes two thirds of the way to a new one
const FLASHES = 1 / 3; // s between two flashes at least: more than three a second can bring on seizures (WCAG 2.3.1)

/** Whether pictures are to do without flashes and jumps: as it was chosen here, or else as the system asks. */
export function wantsCalm() {
  const chosen = localStorage.getItem("stage-calm");
  return chosen === null ? matchMedia("(prefers-reduced-motion: reduce)").matches : chosen === "yes";
}

export class Scene {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.field = new Field(canvas.width / canvas.height || 16 / 9);
    this.goal = this.field.prevailing;
    this.level = 0;
    this.at = null;
    this.flashed = -Infinity; // s
    this.calm = wantsCalm();
  }

  /** Do without flashes and jumps, here and in songs, or with them again. */
  setCalm(calm) {
    this.calm = calm;
    this.field.flash.fill(0);
    localStorage.setItem("stage-calm", calm ? "yes" : "no");
  }

  /** Fit the canvas to `width` × `height` pixels. */
  resize(width, height) {
    if (this.canvas.width === width && this.canvas.height === height) return;
    this.canvas.width = width;
    this.canvas.height = height;
    if (Math.abs(width / height - this.field.aspect) > 0.02) this.field.spread(width / height);
  }

  /** The mood that prevails: {label: probability}. */
  prevail(probabilities, colors) {
    this.goal = blend(probabilities, colors);
  }

  /** A beat at `time` in s, in the mood that it has. */
  beat(probabilities, colors, strength, time) {
    this.field.beat = blend(probabilities, colors);
    this.push(strength, time);
  }

  /** A beat at `time` in s, in no other colour. */
  push(strength, time) {
    if (this.calm) return;
    const flash = Math.abs(time - this.flashed) >= FLASHES;
    if (flash) this.flashed = time;
    this.field.push(strength, flash);
  }

  /** One frame, at `time` in ms. */
  frame(time) {
    const passed = this.at === null ? 0 : (time - this.at) / 1000;
    this.at = time;
    const share = 1 - Math.exp(-passed / FOLLOW);
    const field = this.field;
    field.prevailing = field.prevailing.map((part, i) => part + share * (this.goal[i] - part));
    const level = this.calm ? 0 : this.level; // brightness and size follow it
    field.level += (1 - Math.exp(-passed / 0.08)) * (level - field.level);
    field.move(this.calm ? 0 : passed);
    field.paint(this.context, this.canvas.width, this.canvas.height);
  }
}
