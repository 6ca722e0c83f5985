// The stage view: full screen, in step with the music.

import { AHEAD, BeatClock } from "./beats.js";
import { moodsOf } from "./colours.js";
import { describe, find, setText } from "./dom.js";
import { keyOf, onPanic } from "./keys.js";
import { Link } from "./link.js";
import { Scene } from "./scene.js";
import "./supported.js";
import { toast } from "./toasts.js";

const PREVAIL = 20; // s over which the prevailing mood is averaged
const LARGEST = 1920; // pixels of width that are painted; larger screens are scaled up
const IDLE = 6000; // ms until the options go
const EARLIER = 10; // ms, what one press of a key moves the picture

const canvas = find("stage");
const info = find("info");
const number = Number(new URLSearchParams(location.search).get("engine") ?? 0);
const link = new Link();
const scene = new Scene(canvas);
const beats = new BeatClock();
let prevailing = null;
let updatedAt = 0;
let shown = false;
let offset = Number(localStorage.getItem("stage-offset") ?? 0); // ms, later is positive

const engine = () => link.engines[number];

function fit() {
  const scale = Math.min(window.devicePixelRatio || 1, LARGEST / window.innerWidth);
  scene.resize(Math.round(window.innerWidth * scale), Math.round(window.innerHeight * scale));
}

function follow(state, which) {
  if (which !== number) return;
  beats.follow(state.clock);
  scene.level = state.present && state.values["status/signal"] !== 0 ? (state.values["level/rms"] ?? 0) : 0;
  const now = performance.now();
  const share = prevailing ? 1 - Math.exp(-(now - updatedAt) / 1000 / PREVAIL) : 1;
  updatedAt = now;
  const latest = moodsOf(state.values);
  prevailing ??= moodsOf(state.values);
  for (const [label, probability] of Object.entries(latest)) {
    const before = prevailing[label] ?? probability;
    prevailing[label] = before + share * (probability - before);
  }
  if (Object.keys(latest).length) scene.prevail(prevailing, link.colors);
  else prevailing = null;
}

function showInfo() {
  const state = engine();
  const { bpm, "mood/label": label = "", "control/tempo": byHand } = state?.values ?? {};
  const tempo = `${bpm ? bpm.toFixed(1) : "–"} BPM${byHand ? " by hand" : ""}`;
  if (!link.connected) setText(info, "Connection to the dashboard lost");
  else if (!state?.present) setText(info, "Waiting for an engine");
  else setText(info, shown ? `${tempo}  ${label}` : "");
  describe(canvas, `Nodes that move with the beat in the colours of the mood: ${label || "no mood yet"}`);
  setText(find("spoken"), state?.present ? label : info.textContent); // moods are read aloud, every tenth of a BPM is not
}

function frame(time) {
  const now = link.serverTime(time) + AHEAD - offset / 1000;
  const beat = beats.advance(now);
  if (beat) {
    const values = engine()?.values ?? {};
    const strength = beat.number === 1 ? 1 : 0.4 + 0.6 * (values["level/low"] ?? 0.5);
    scene.beat(moodsOf(values), link.colors, strength, beat.at);
    canvas.dispatchEvent(new CustomEvent("beat", { detail: { at: beat.at, shown: now, number: beat.number } }));
  }
  scene.frame(time);
  requestAnimationFrame(frame);
}

function full() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen?.();
}

function move(by) {
  offset = Math.max(-500, Math.min(500, offset + by));
  localStorage.setItem("stage-offset", offset);
  showOffset();
}

function showOffset() {
  setText(find("offset"), offset === 0 ? "picture on the beat" : `picture ${Math.abs(offset)} ms ${offset < 0 ? "earlier" : "later"}`);
}

function press(button, on) {
  find(button).setAttribute("aria-pressed", on);
  return on;
}

let hiding;
/** Show the options for a while. */
function wakeOptions() {
  document.body.classList.remove("idle");
  clearTimeout(hiding);
  hiding = setTimeout(() => document.body.classList.add("idle"), IDLE);
}

/** The screen must not go dark in the middle of a show. */
function wake() {
  if (!document.hidden) navigator.wakeLock?.request("screen").catch(() => {});
}

/** What the options do, and the keys of the same. */
const ACTIONS = {
  full: { key: "f", act: full },
  "show-info": { key: "i", act: () => (shown = press("show-info", !shown)) },
  calm: { key: "c", act: () => scene.setCalm(press("calm", !scene.calm)) },
  earlier: { key: "[", act: () => move(-EARLIER) },
  later: { key: "]", act: () => move(EARLIER) },
};

for (const [id, { act }] of Object.entries(ACTIONS)) {
  find(id).addEventListener("click", (event) => {
    act();
    showInfo();
    if (event.detail) event.target.closest("button").blur(); // by a pointer: let the options go again
  });
}
addEventListener("keydown", (event) => {
  const key = keyOf(event);
  const action = Object.values(ACTIONS).find((one) => one.key === key);
  wakeOptions();
  if (!action) return;
  action.act();
  showInfo();
});
onPanic(() => link.command("panic", [], number));
link.on("ack", ({ name, ok, values }, which) => {
  if (name === "panic" && which === number) toast(ok ? "Panic: all triggers 0" : `Panic: ${values.join(" ")}`, !ok);
});
document.addEventListener("visibilitychange", wake);
canvas.addEventListener("dblclick", full);
for (const type of ["pointermove", "pointerdown"]) addEventListener(type, wakeOptions);
addEventListener("resize", fit);
link.on("link", showInfo);
link.on("now", follow);
link.on("beat", (beat, which) => which === number && beats.beat(beat.t, beat.number));
setInterval(showInfo, 500);
press("calm", scene.calm);
showOffset();
wake();
fit();
wakeOptions();
document.documentElement.classList.add("started");
requestAnimationFrame(frame);
