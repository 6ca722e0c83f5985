// Buttons, fields and keys that command the engine, and its answers.

import { colourOf } from "./colours.js";
import { find, make, say } from "./dom.js";

const TOAST = 3500; // ms
const KEYS = { t: "tap", h: "half", d: "double", 1: "downbeat" };
const NUDGE = 10; // ms
const NAMES = {
  tap: "Tap",
  double: "Tempo doubled",
  half: "Tempo halved",
  downbeat: "The one",
  bpm: "Tempo",
  "bpm/min": "Lowest tempo",
  "bpm/max": "Highest tempo",
  nudge: "Nudge",
  offset: "Offset",
  hold: "Hold",
  mood: "Mood override",
  mute: "Mute",
  panic: "Panic",
  gain: "Gain",
  reload: "Reload",
};

export class Controls {
  constructor(link) {
    this.link = link;
    this.engine = 0;
    this.moods = "";
    this.targets = new Map();
    link.on("ack", (ack, engine) => engine === undefined || engine === this.engine ? this.answered(ack) : undefined);
    document.addEventListener("click", (event) => this.clicked(event.target.closest("button")));
    document.addEventListener("keydown", (event) => this.pressed(event));
    find("settings").addEventListener("submit", (event) => event.preventDefault());
    find("settings").addEventListener("change", (event) => this.entered(event.target));
  }

  send(name, ...args) {
    this.link.command(name, args, this.engine);
  }

  clicked(button) {
    if (!button) return;
    const { command, argument, switch: name, mood, mute } = button.dataset;
    if (command) this.send(command, ...(argument === undefined ? [] : [Number(argument)]));
    else if (name) this.toggle(button, name);
    else if (mood !== undefined) this.override(mood);
    else if (mute !== undefined) this.toggle(button, "mute", mute);
  }

  /** A switch shows the new state at once, and the old one again if the engine refuses. */
  toggle(button, name, ...args) {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", on);
    this.undo = () => button.setAttribute("aria-pressed", !on);
    this.send(name, ...args, on ? 1 : 0);
  }

  override(mood) {
    for (const button of document.querySelectorAll("[data-mood]")) {
      button.setAttribute("aria-pressed", button.dataset.mood === mood);
    }
    this.undo = mood ? () => this.override("") : undefined;
    this.send("mood", mood);
  }

  entered(field) {
    if (field.value === "") return;
    if (field.checkValidity()) this.send(field.name, Number(field.value));
    else field.reportValidity();
  }

  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || find("live").hidden) return;
    if (event.target.closest("input, select, [role=slider], [role=log]")) return;
    const command = KEYS[event.key.toLowerCase()];
    if (command) this.send(command);
    else if (event.key === "ArrowLeft") this.send("nudge", -NUDGE);
    else if (event.key === "ArrowRight") this.send("nudge", NUDGE);
    else if (event.key.toLowerCase() === "m") document.querySelector("[data-switch=hold]").click();
    else return;
    event.preventDefault();
  }

  answered({ name, ok, values }) {
    const button = document.querySelector(`[data-command="${CSS.escape(name)}"]`);
    if (button) {
      button.classList.remove("yes", "no");
      void button.offsetWidth; // begin the animation anew
      button.classList.add(ok ? "yes" : "no");
    }
    if (!ok) this.undo?.();
    this.undo = undefined;
    const told = values.map((value) => (typeof value === "number" ? Number(value.toFixed(2)) : value)).join(" ");
    const what = NAMES[name] ?? "Not sent";
    if (!ok) toast(`${what}: ${told || "refused"}`, true);
    else if (name !== "tap" && name !== "nudge") toast(`${what} ${told}`);
    else if (told) toast(`${what} ${told}`);
  }

  showMoods(labels, colors) {
    const key = labels.join();
    if (key === this.moods) return;
    this.moods = key;
    const group = find("overrides");
    for (const button of group.querySelectorAll("[data-mood]:not([data-mood=''])")) button.remove();
    for (const label of labels) {
      const button = make("button", { type: "button", text: label, "data-mood": label, "aria-pressed": "false" });
      button.style.setProperty("--own", colourOf(label, colors));
      group.append(button);
    }
  }

  /** Targets are heard of by their signals, target/NAME/WHAT. */
  showTargets(values) {
    for (const [signal, value] of Object.entries(values)) {
      const [kind, name, what] = signal.split("/");
      if (kind !== "target" || !what) continue;
      if (!this.targets.has(name)) this.addTarget(name);
      const cells = this.targets.get(name);
      if (what === "sent") say(cells.sent, value.toLocaleString());
      else if (what === "failed") cells.row.classList.toggle("bad", value > 0);
      else if (what === "muted") cells.mute.setAttribute("aria-pressed", value > 0);
      else if (what === "offset" && document.activeElement !== cells.offset) cells.offset.value = Math.round(value);
    }
  }

  addTarget(name) {
    const sent = make("td", { text: "–" });
    const offset = make("input", { type: "number", min: -1000, max: 1000, step: 5, "aria-label": `Offset of ${name}, ms` });
    const mute = make("button", { type: "button", text: "Mute", "data-mute": name, "aria-pressed": "false" });
    const row = make("tr", {}, make("th", { text: name, scope: "row" }), sent, make("td", {}, offset, " ms"), make("td", {}, mute));
    offset.value = 0;
    offset.addEventListener("change", () => offset.value !== "" && this.send("offset", name, Number(offset.value)));
    find("targets").append(row);
    find("no-targets").hidden = true;
    this.targets.set(name, { row, sent, offset, mute });
  }
}

/** A short word in the corner. */
export function toast(text, bad = false) {
  const note = make("p", { text, class: bad ? "toast bad" : "toast" });
  const all = find("toasts");
  all.append(note);
  while (all.childElementCount > 4) all.firstElementChild.remove();
  setTimeout(() => note.remove(), bad ? 2 * TOAST : TOAST);
}
