// Short words in the corner, where they cover nothing that can be pressed.

import { find, make } from "./dom.js";

const SHOWN = 3500; // ms; twice as long for what went wrong
const MOST = 3;

export function toast(text, bad = false) {
  const note = make("p", { text, class: bad ? "toast bad" : "toast" });
  const all = find("toasts");
  all.append(note);
  while (all.childElementCount > MOST) all.firstElementChild.remove();
  setTimeout(() => note.remove(), bad ? 2 * SHOWN : SHOWN);
}
