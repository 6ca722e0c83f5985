// The stage view: full screen, in step with the music.

import { AHEAD, BeatClock } from "./beats.js";
import { moodsOf } from "./colours.js";
import { Link } from "./link.js";
import { Scene } from "./scene.js";

const PREVAIL = 20; // s over which the prevailing mood is averaged
const LARGEST = 1920; // pixels of width that are painted; larger screens are scaled up
const HINT = 6000; // ms
const EARLIER = 10; // ms, what one press of a key moves the picture

const canvas = document.getElementById("stage");
const info = document.getElementById("info");
const hint = document.getElementById("hint");
const number = Number(new URLSearchParams(location.search).get("engine") ?? 0);
const link = new Link();
const scene = new Scene(canvas);
const beats = new BeatClock();
let prevailing = null;
let heardAt = 0;
let shown = false;
let offset = Number(localStorage.getItem("stage-offset") ?? 0); // ms, later is positive

const engine = () => link.engines[number];

function fit() {
  const scale = Math.min(window.devicePixelRatio || 1, LARGEST / window.innerWidth);
  scene.resize(Math.round(window.innerWidth * scale), Math.round(window.innerHeight * scale));
}

function follow(state, which) {
  if (which !== number) return;
  beats.predict(state.due, state.period);
  scene.level = state.present && state.values["status/signal"] !== 0 ? (state.values["level/rms"] ?? 0) : 0;
  const now = performance.now();
  const share = prevailing ? 1 - Math.exp(-(now - heardAt) / 1000 / PREVAIL) : 1;
  heardAt = now;
  const latest = moodsOf(state.values);
  prevailing ??= moodsOf(state.values);
  for (const [label, probability] of Object.entries(latest)) {
    const before = prevailing[label] ?? probability;
    prevailing[label] = before + share * (probability - before);
  }
  if (Object.keys(latest).length) scene.prevail(prevailing, link.colors);
  else prevailing = null;
}

function tell() {
  const state = engine();
  if (!link.connected) info.textContent = "Connection to the dashboard lost";
  else if (!state?.present) info.textContent = "No engine is heard";
  else if (!shown) info.textContent = "";
  else {
    const { bpm, "mood/label": label } = state.values;
    info.textContent = `${bpm ? bpm.toFixed(1) : "–"} BPM  ${label ?? ""}`;
  }
}

function frame(time) {
  const now = link.serverTime(time) + AHEAD - offset / 1000;
  const beat = beats.advance(now);
  if (beat) {
    const values = engine()?.values ?? {};
    const strength = beat.number === 1 ? 1 : 0.4 + 0.6 * (values["level/low"] ?? 0.5);
    scene.beat(moodsOf(values), link.colors, strength);
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
  say(`Picture ${offset === 0 ? "on the beat" : `${Math.abs(offset)} ms ${offset < 0 ? "earlier" : "later"}`}`);
}

let hiding;
function say(text) {
  if (text) hint.textContent = text;
  hint.classList.remove("gone");
  document.body.classList.remove("idle");
  clearTimeout(hiding);
  hiding = setTimeout(() => {
    hint.classList.add("gone");
    document.body.classList.add("idle");
  }, HINT);
}

/** The screen must not go dark in the middle of a show. */
function wake() {
  if (!document.hidden) navigator.wakeLock?.request("screen").catch(() => {});
}

document.addEventListener("visibilitychange", wake);
addEventListener("keydown", (event) => {
  if (event.key === "f" || event.key === "F") full();
  else if (event.key === "i" || event.key === "I") shown = !shown;
  else if (event.key === "[") move(-EARLIER);
  else if (event.key === "]") move(EARLIER);
  tell();
});
addEventListener("dblclick", full);
addEventListener("pointermove", () => say(""));
addEventListener("resize", fit);
link.on("link", tell);
link.on("now", follow);
link.on("beat", (beat, which) => which === number && beats.tell(beat.t, beat.number));
setInterval(tell, 500);
wake();
fit();
say("");
requestAnimationFrame(frame);
