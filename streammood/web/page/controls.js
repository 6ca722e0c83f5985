// Buttons, fields and keys that command the engine, and its answers.

import { find, make, say } from "./dom.js";

const TOAST = 3500; // ms
const KEYS = { t: "tap", " ": "tap", "/": "half", x: "double", d: "downbeat", p: "panic" }; // as in the terminal of `run`
const SETTLED = 2000; // ms after which what the engine says of itself is newer than the last press
const OURSELVES = "dashboard"; // the target that this page hears by; muted, it would hear no more
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
    this.targets = new Map();
    this.pressedAt = -Infinity;
    link.on("ack", (ack, engine) => engine === undefined || engine === this.engine ? this.answered(ack) : undefined);
    document.addEventListener("click", (event) => this.clicked(event.target.closest("button")));
    document.addEventListener("keydown", (event) => this.pressed(event));
    find("settings").addEventListener("submit", (event) => event.preventDefault());
    find("settings").addEventListener("change", (event) => this.entered(event.target));
  }

  send(name, ...args) {
    this.pressedAt = performance.now();
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
    const before = document.querySelector("[data-mood][aria-pressed=true]")?.dataset.mood ?? "";
    this.press(mood);
    this.undo = () => this.press(before);
    this.send("mood", mood);
  }

  press(mood) {
    for (const button of document.querySelectorAll("[data-mood]")) {
      button.setAttribute("aria-pressed", button.dataset.mood === mood);
    }
  }

  entered(field) {
    if (field.value === "") return;
    if (field.checkValidity()) this.send(field.name, Number(field.value));
    else field.reportValidity();
  }

  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || find("live").hidden) return;
    if (event.target.closest("input, select, [role=slider], [role=log]") || (event.key === " " && event.target.closest("button, a"))) return;
    const command = KEYS[event.key.toLowerCase()];
    if (command) this.send(command);
    else if (event.key === "ArrowLeft") this.send("nudge", -NUDGE);
    else if (event.key === "ArrowRight") this.send("nudge", NUDGE);
    else if (event.key.toLowerCase() === "h") document.querySelector("[data-switch=hold]").click();
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

  /** What holds at the engine, whoever told it: it says so once a second, so a fresh press is left alone. */
  showTold(values) {
    if (performance.now() - this.pressedAt < SETTLED) return;
    const hold = values["control/hold"];
    if (hold !== undefined) find("overrides").querySelector("[data-switch=hold]").setAttribute("aria-pressed", hold > 0);
    const mood = values["control/mood"];
    if (mood !== undefined) this.press(mood);
    this.showTargets(values);
  }

  /** Targets are told of by number: target/1/name, sent, failed, offset, muted. */
  showTargets(values) {
    const count = values["target/count"] ?? 0;
    for (let i = 1; i <= count; i++) {
      const { [`target/${i}/name`]: name, [`target/${i}/sent`]: sent } = values;
      if (name === undefined || name === OURSELVES) continue;
      if (!this.targets.has(name)) this.addTarget(name);
      const cells = this.targets.get(name);
      const failed = values[`target/${i}/failed`] ?? 0;
      say(cells.sent, `${sent?.toLocaleString() ?? "–"} sent${failed ? `, ${failed.toLocaleString()} failed` : ""}`);
      cells.row.classList.toggle("failing", failed > 0);
      cells.mute.setAttribute("aria-pressed", values[`target/${i}/muted`] > 0);
      const offset = values[`target/${i}/offset`] ?? 0;
      if (document.activeElement !== cells.offset) cells.offset.value = Math.round(offset);
    }
  }

  addTarget(name) {
    const sent = make("span", { class: "quiet", text: "–" });
    const offset = make("input", { type: "number", min: -1000, max: 1000, step: 5, "aria-label": `Offset of ${name}, ms` });
    const mute = make("button", { type: "button", text: "Mute", "data-mute": name, "aria-pressed": "false" });
    const words = name.split(/(?<=[.:])/).flatMap((part) => [part, make("wbr")]); // where a long one may be broken
    const row = make("li", {}, make("p", {}, make("strong", {}, ...words), sent), make("label", {}, offset, " ms"), mute);
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
