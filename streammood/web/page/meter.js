// What to do about the level of the input, by the highest peak of the last seconds.

import { ADVICE, CLIPPED } from "./advice.js";
import { setText } from "./dom.js";

const FLOOR = -60; // dB of an empty meter
const HEARD = 8000; // ms over which peaks are looked at
const STEP = 1000; // ms between two answers

export class LevelAdvice {
  constructor(element) {
    this.element = element;
    this.peaks = []; // {now, peak, clipped}
    this.startedAt = this.advisedAt = performance.now();
  }

  take(values) {
    const now = performance.now();
    const peak = values["level/peak"];
    if (peak !== undefined) this.peaks.push({ now, peak: FLOOR * (1 - peak), clipped: values["level/clipping"] > 0 });
    while (this.peaks.length && now - this.peaks[0].now > HEARD) this.peaks.shift();
    if (now - this.advisedAt < STEP) return;
    this.advisedAt = now;
    const known = this.peaks.length > 0 && now - this.startedAt > HEARD && values["status/signal"] !== 0;
    setText(this.element, known ? this.answer() : "");
    this.element.toggleAttribute("data-bad", known && this.element.textContent !== "good");
  }

  answer() {
    if (this.peaks.some(({ clipped }) => clipped)) return CLIPPED.text;
    const highest = Math.max(...this.peaks.map(({ peak }) => peak));
    return ADVICE.find(({ below }) => highest < below).text;
  }
}
