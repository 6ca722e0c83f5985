// Beat lamps: one for each beat of the bar, or a single one while the bar is not known.

import { make } from "./dom.js";

const LIT = 140; // ms
const MOST = 16; // lamps

export class Lamps {
  constructor(list) {
    this.list = list;
    this.count = 0;
    this.build(1);
  }

  build(count) {
    if (count === this.count) return;
    this.count = count;
    this.list.replaceChildren(...Array.from({ length: count }, (_, i) => make("li", { text: count > 1 ? i + 1 : "" })));
  }

  /** Show a lamp for each beat of a bar of `meter`; one where it is not known. */
  show(meter) {
    this.build(Math.min(MOST, Math.max(1, meter || 1)));
  }

  /** Light the lamp of beat `number`; all of them where its place in the bar is not known. */
  light(number) {
    if (number > this.count) this.show(number);
    clearTimeout(this.off);
    [...this.list.children].forEach((lamp, i) => lamp.toggleAttribute("data-lit", !number || i === number - 1));
    this.off = setTimeout(() => [...this.list.children].forEach((lamp) => lamp.removeAttribute("data-lit")), LIT);
  }
}
