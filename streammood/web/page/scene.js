// A stage on a canvas: the field, and the colours that it takes from moods and beats.

import { blend } from "./colours.js";
import { Field } from "./field.js";

const FOLLOW = 1.2; // s in which a colour goes two thirds of the way to a new one

export class Scene {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.field = new Field(canvas.width / canvas.height || 16 / 9);
    this.goal = this.field.prevailing;
    this.level = 0;
    this.at = null;
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

  /** A beat, in the mood that it has. */
  beat(probabilities, colors, strength) {
    this.field.beat = blend(probabilities, colors);
    this.field.push(strength);
  }

  /** One frame, at `time` in ms. */
  frame(time) {
    const passed = this.at === null ? 0 : (time - this.at) / 1000;
    this.at = time;
    const share = 1 - Math.exp(-passed / FOLLOW);
    const field = this.field;
    field.prevailing = field.prevailing.map((part, i) => part + share * (this.goal[i] - part));
    field.level += (1 - Math.exp(-passed / 0.08)) * (this.level - field.level);
    field.move(passed);
    field.paint(this.context, this.canvas.width, this.canvas.height);
  }
}
