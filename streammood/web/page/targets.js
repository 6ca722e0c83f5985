// The engine's targets: what was sent to each, its offset, whether it is muted; keys act on the chosen one.

import { Calibration } from "./calibrate.js";
import { find, make, setText } from "./dom.js";
import { Field } from "./fields.js";
import { OURSELVES } from "./signals.js";
import { editButton, Venue } from "./venue.js";
import { Watch } from "./watch.js";

const MEASURED = 3000; // ms over which messages a second are counted

export class Targets {
  /** `send` is given the name and the arguments of each command; `clock` gives the beats of the engine. */
  constructor(send, link, clock) {
    this.send = send;
    this.rows = new Map(); // by name, in the engine's order
    this.chosen = null;
    this.venue = new Venue(send, (name) => this.calibration.open(name, this.rows.get(name)?.offset.inForce ?? 0));
    this.watch = new Watch(send);
    this.calibration = new Calibration(link, clock, (name, offset) => this.venue.setOffset(name, offset));
    find("targets").addEventListener("click", ({ target }) => {
      const { edit, test, watch } = target.closest("button")?.dataset ?? {};
      if (edit) this.venue.open(edit);
      if (test) send("test", test);
      if (watch) this.watch.open(watch);
    });
    find("targets").addEventListener("focusin", (event) => this.choose(event.target.closest("li")?.dataset.name));
    find("targets").addEventListener("click", (event) => this.choose(event.target.closest("li")?.dataset.name));
  }

  /** The engine numbers its targets: target/1/name, sent, failed, offset, muted. */
  show(values, fresh) {
    const names = [];
    for (let i = 1; i <= (values["target/count"] ?? 0); i++) {
      const name = values[`target/${i}/name`];
      if (name === undefined || name === OURSELVES) continue;
      names.push(name);
      if (!this.rows.has(name)) this.rows.set(name, this.add(name));
      const row = this.rows.get(name);
      const { [`target/${i}/sent`]: sent, [`target/${i}/failed`]: failed = 0 } = values;
      const { [`target/${i}/last`]: last = "", [`target/${i}/error`]: error = "" } = values;
      const rate = messageRate(row, sent);
      setText(row.sent, `${sent?.toLocaleString() ?? "–"} sent${rate}${failed ? `, ${failed.toLocaleString()} failed` : ""}`);
      setText(row.last, failed && error ? error : last);
      row.last.title = last;
      this.watch.show(name, row.sent.textContent, failed ? error : "");
      row.edit.hidden = !this.venue.has(name);
      row.item.classList.toggle("failing", failed > 0);
      if (!fresh) row.mute.setAttribute("aria-pressed", values[`target/${i}/muted`] > 0);
      row.offset.showInForce(values[`target/${i}/offset`]);
    }
    for (const [name, row] of this.rows) {
      if (names.includes(name)) continue;
      row.item.remove();
      this.rows.delete(name);
    }
    find("no-targets").hidden = names.length > 0;
    if (!this.rows.has(this.chosen)) this.choose(names[0]);
  }

  add(name) {
    const sent = make("span", { class: "quiet", text: "–" });
    const last = make("span", { class: "quiet last" });
    const test = make("button", { type: "button", text: "Test", "data-test": name, "aria-label": `Test ${name}`, title: "A bar of beats, a sweep, every mood" });
    const watch = make("button", { type: "button", class: "icon", "data-watch": name, "aria-label": `What is sent to ${name}`, title: "What is sent, as it is sent" });
    watch.append(eye());
    const edit = editButton(name);
    const input = make("input", { type: "number", step: 5, inputmode: "numeric", "aria-label": `Offset of ${name}, ms` });
    const mute = make("button", { type: "button", text: "Mute", "data-mute": name, "aria-pressed": "false", "aria-label": `Mute ${name}` });
    const words = name.split(/(?<=[.:])/).flatMap((part) => [part, make("wbr")]); // where a long one may be broken
    const item = make("li", { "data-name": name }, make("p", {}, make("strong", {}, ...words), sent, last), watch, make("label", {}, input, " ms"), test, mute, edit);
    find("targets").append(item);
    return { item, sent, last, mute, edit, counts: [], offset: new Field(input, "offset", (number) => this.send("offset", name, number)) };
  }

  choose(name) {
    if (name === undefined) return;
    this.chosen = name;
    for (const [other, { item }] of this.rows) item.classList.toggle("chosen", other === name);
  }

  /** The one above or below the chosen one. */
  move(by) {
    const names = [...this.rows.keys()];
    this.choose(names[Math.min(names.length - 1, Math.max(0, names.indexOf(this.chosen) + by))]);
    this.rows.get(this.chosen)?.item.scrollIntoView({ block: "nearest" });
  }

  mute() {
    this.rows.get(this.chosen)?.mute.click();
  }

  /** Move the offset of the chosen one by `step` ms. */
  offset(step) {
    this.rows.get(this.chosen)?.offset.add(step);
  }

  answered(name, ok, values) {
    if (name === "monitor") this.watch.answered(ok, values);
    if (name === "reload" && ok) this.venue.load();
    if (name === "offset") for (const row of this.rows.values()) row.offset.answered(ok);
  }
}

function eye() {
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of Object.entries({ viewBox: "0 0 24 24", width: 22, height: 22, fill: "none", stroke: "currentColor", "stroke-width": 2, "aria-hidden": "true" })) picture.setAttribute(name, value);
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z");
  picture.append(path);
  return picture;
}

/** Messages a second of the last moments, in words; empty until they are known. */
function messageRate(row, sent) {
  const now = performance.now();
  if (sent === undefined) return "";
  if (row.counts.at(-1)?.sent !== sent) row.counts.push({ now, sent });
  while (row.counts.length > 2 && now - row.counts[0].now > MEASURED) row.counts.shift();
  const [first, last] = [row.counts[0], row.counts.at(-1)];
  if (now - last.now > MEASURED) return ", 0/s";
  return last.now > first.now ? `, ${Math.max(0, Math.round((1000 * (last.sent - first.sent)) / (last.now - first.now)))}/s` : "";
}
