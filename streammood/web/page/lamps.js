// Beat lamps: one for each beat of the bar, or a single one while the bar is not known.

import { make } from "./dom.js";

const LIT = 140; // ms

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

  /** Light the lamp of beat `number` of a bar of `meter`; 0 where it is not known. */
  light(number, meter) {
    this.build(number ? Math.max(meter, number) : 1);
    clearTimeout(this.off);
    for (const lamp of this.list.children) lamp.removeAttribute("data-lit");
    const lamp = this.list.children[number ? number - 1 : 0];
    lamp.setAttribute("data-lit", "");
    this.off = setTimeout(() => lamp.removeAttribute("data-lit"), LIT);
  }
}
