// Buttons and keys that command the engine, and its answers.

import { openDialog } from "./dialogs.js";
import { find, make } from "./dom.js";
import { Fields, title } from "./fields.js";
import { Inputs } from "./inputs.js";
import { KEYS, commandRow, isTaken, keyOf, keySymbol, onPanic } from "./keys.js";
import { Targets } from "./targets.js";
import { toast } from "./toasts.js";

const TAPPED = 2500; // ms without a tap after which a new row begins
const SETTLED = 2000; // ms after which what the engine says of itself is newer than the last press

export class Controls {
  constructor(link) {
    this.link = link;
    this.engine = 0;
    this.pressedAt = -Infinity;
    const send = (name, ...args) => this.send(name, ...args);
    this.fields = new Fields(send);
    this.targets = new Targets(send, link, () => link.engines[this.engine]?.clock);
    this.inputs = new Inputs(send, (fields) => this.targets.venue.change({ action: "input", fields }, "Saved"));
    link.on("ack", (ack, engine) => (engine === undefined || engine === this.engine ? this.answered(ack) : undefined));
    onPanic(() => this.send("panic"));
    document.addEventListener("keydown", (event) => this.pressed(event));
    document.addEventListener("click", (event) => this.clicked(event.target.closest("button"), event.detail > 0));
    for (const button of document.querySelectorAll("[data-command], [data-switch]")) nameKey(button);
  }

  send(name, ...args) {
    this.pressedAt = performance.now();
    this.link.command(name, args, this.engine);
  }

  /** `byPointer`: then the button gives the focus back, so that Space taps and does not press it again. */
  clicked(button, byPointer) {
    if (!button) return;
    if (byPointer && !button.closest("dialog")) button.blur();
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

  pressed(event) {
    const key = keyOf(event);
    if (!key || event.repeat || document.querySelector("dialog[open]")) return;
    if (key === "?" && !event.target.matches("input:not([type=number])")) openDialog("keys");
    else if (find("live").hidden || isTaken(event.target, key) || !this.command(key)) return;
    event.preventDefault();
  }

  /** Do what a key stands for on the live view; false where that is nothing. */
  command(key) {
    const { row, step } = KEYS.get(key) ?? {};
    if (key === "up" || key === "down") this.targets.move(key === "up" ? -1 : 1);
    else if (!row) return false;
    else if (row.name === "mute") this.targets.mute();
    else if (row.name === "offset") this.targets.offset(step);
    else if (row.arguments[0]?.kind === "switch") document.querySelector(`[data-switch=${row.name}]`).click();
    else this.send(row.name, ...(step ? [step] : []));
    return true;
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
    this.fields.answered(name, ok);
    this.targets.answered(name, ok, values);
    this.inputs.answered(name, ok);
    if (name === "monitor") return;
    const row = commandRow(name);
    const text = values.map((value) => (typeof value === "number" ? Number(value.toFixed(2)) : value)).join(" ");
    if (!ok) toast(`${row ? title(row) : "Not sent"}: ${text || "refused"}`, true);
    else if (name === "tap") this.countTaps(...values);
    else toast(`${row ? title(row) : name} ${text}`);
  }

  /** How many taps there are in a row, and the tempo that they hold, on the button for a while. */
  countTaps(count, bpm) {
    const shown = find("taps");
    shown.textContent = bpm ? `${count} · ${bpm.toFixed(1)}` : (count ?? "");
    shown.hidden = count === undefined;
    clearTimeout(this.counted);
    this.counted = setTimeout(() => (shown.hidden = true), TAPPED);
  }

  /** What holds at the engine, whoever said it: it is sent once a second, so a fresh press is left alone. */
  showInForce(values) {
    const fresh = performance.now() - this.pressedAt < SETTLED;
    this.fields.show(values);
    this.targets.show(values, fresh);
    this.inputs.showInForce(values, fresh);
    if (fresh) return;
    const hold = values["control/hold"];
    if (hold !== undefined) document.querySelector("[data-switch=hold]").setAttribute("aria-pressed", hold > 0);
    const mood = values["control/mood"];
    if (mood !== undefined) this.press(mood);
  }
}

/** Write the key of a button onto it. */
function nameKey(button) {
  const { command, argument, switch: name } = button.dataset;
  const wanted = ({ row, step }) => row.name === (command ?? name) && (argument === undefined || step === Number(argument));
  const keys = [...KEYS].filter(([, entry]) => wanted(entry)).map(([key]) => key);
  const key = keys.find((one) => /^[a-z]$/.test(one)) ?? keys[0];
  if (key && command !== "panic") button.append(" ", make("kbd", { text: keySymbol(key), "aria-hidden": "true" }));
  if (key) button.setAttribute("aria-keyshortcuts", key === "space" ? "Space" : key.length > 1 ? `Arrow${key.charAt(0).toUpperCase()}${key.slice(1)}` : key.toUpperCase());
}
