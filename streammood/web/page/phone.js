// The phone view: what one hand needs in the dark, in thumb reach.

import { AHEAD, BeatClock } from "./beats.js";
import { colourOf } from "./colours.js";
import { find, setText } from "./dom.js";
import { keyOf, KEYS, onPanic } from "./keys.js";
import { Lamps } from "./lamps.js";
import { Link } from "./link.js";
import "./supported.js";
import { toast } from "./toasts.js";

const SETTLED = 2000; // ms after which what the engine says of itself is newer than the last press
const TAPPED = 2500; // ms without a tap after which a new row begins

const number = Number(new URLSearchParams(location.search).get("engine") ?? 0);
const link = new Link();
const beats = new BeatClock();
const lamps = new Lamps(find("lamps"));
let pressedAt = -Infinity;
let counted;

function send(name, ...args) {
  pressedAt = performance.now();
  link.command(name, args, number);
}

function toggleHold() {
  const on = find("hold").getAttribute("aria-pressed") !== "true";
  find("hold").setAttribute("aria-pressed", on);
  send("hold", on ? 1 : 0);
}

const ACTIONS = { tap: () => send("tap"), one: () => send("downbeat"), auto: () => send("auto"), hold: toggleHold, panic: () => send("panic") };

for (const [id, act] of Object.entries(ACTIONS)) {
  // A finger that goes down counts: waiting until it is lifted makes every tap late.
  find(id).addEventListener("pointerdown", (event) => event.isPrimary && act());
  find(id).addEventListener("click", (event) => {
    if (event.detail === 0) act(); // by a keyboard or a screen reader
    else event.currentTarget.blur(); // so that Space taps, and does not press this again
  });
}

addEventListener("keydown", (event) => {
  const row = KEYS.get(keyOf(event))?.row.name;
  const id = { tap: "tap", downbeat: "one", auto: "auto", hold: "hold" }[row];
  if (!id || event.repeat || (event.target.matches("button") && [" ", "Enter"].includes(event.key))) return;
  event.preventDefault();
  ACTIONS[id]();
});
onPanic(ACTIONS.panic);

function showState() {
  const state = link.engines[number];
  const { "status/input": input, "status/signal": signal } = state?.values ?? {};
  const bad = !link.connected ? "Dashboard not reached" : !state?.present ? "No engine" : input === 0 ? "Input gone" : "";
  setText(find("state"), bad || (signal === 0 ? "Silence" : "Listening"));
  find("state").toggleAttribute("data-bad", bad !== "");
}

function show(state, which) {
  if (which !== number) return;
  const { values } = state;
  beats.follow(state.clock);
  lamps.show(values["beat/meter"]);
  const byHand = values["control/tempo"] > 0;
  const locked = byHand ? "hand" : values["beat/locked"] ? "yes" : "no";
  find("bpm").dataset.locked = find("lock").dataset.locked = locked;
  setText(find("bpm"), values.bpm ? values.bpm.toFixed(1) : "–");
  setText(find("lock"), { hand: "by hand", yes: "locked", no: "searching" }[locked]);
  const label = values["mood/label"] ?? "";
  setText(find("label"), label || "–");
  document.documentElement.style.setProperty("--mood", label ? colourOf(label, link.colors) : "#e8ecf1");
  if (performance.now() - pressedAt > SETTLED) {
    find("hold").setAttribute("aria-pressed", values["control/hold"] > 0);
    find("auto").setAttribute("aria-pressed", !byHand);
  }
  showState();
}

function answered({ name, ok, values }, which) {
  if (which !== undefined && which !== number) return;
  if (!ok) toast(`${name || "Not sent"}: ${values.join(" ")}`, true);
  else if (name === "panic") toast("All triggers 0");
  else if (name === "tap") countTaps(...values);
}

function countTaps(count, bpm) {
  setText(find("taps"), bpm ? `${count} · ${bpm.toFixed(1)} BPM` : String(count ?? ""));
  clearTimeout(counted);
  counted = setTimeout(() => setText(find("taps"), ""), TAPPED);
}

function frame(time) {
  const beat = beats.advance(link.serverTime(time) + AHEAD);
  if (beat) lamps.light(beat.number);
  requestAnimationFrame(frame);
}

/** The screen must not go dark in the middle of a show. */
function wake() {
  if (!document.hidden) navigator.wakeLock?.request("screen").catch(() => {});
}

link.on("ack", answered);
link.on("now", show);
link.on("link", showState);
link.on("beat", (beat, which) => which === number && beats.beat(beat.t, beat.number));
document.addEventListener("visibilitychange", wake);
wake();
document.documentElement.classList.add("started");
requestAnimationFrame(frame);
