// The live view: everything that one engine says, as it says it.

import { AHEAD, BeatClock } from "./beats.js";
import { Circumplex } from "./circumplex.js";
import { blend, colourOf, css, labelsOf, moodsOf } from "./colours.js";
import { Curves } from "./curves.js";
import { describe, find, make, setText } from "./dom.js";
import { Lamps } from "./lamps.js";
import { LevelAdvice } from "./meter.js";
import { paintSwatch } from "./ribbon.js";

const FLOOR = -60; // dB of an empty meter
const HISTORY = 300; // s
const ENTRIES = 200;
const KEYS = ["C Db D Eb E F F# G Ab A Bb B".split(" "), "Cm C#m Dm Ebm Em Fm F#m Gm G#m Am Bbm Bm".split(" ")]; // as key counts them
const SECTIONS = ["Calm", "Groove", "Build-up", "Drop", "Breakdown"]; // as section/kind counts them
const STATES = {
  cut: "Dashboard not reached",
  waiting: "Waiting for an engine",
  lost: "Engine lost",
  silent: "Silence",
  gone: "Input gone",
  stuck: "Input stuck",
  zeros: "Input all zeros",
  rate: "Input at a wrong rate",
  listening: "Listening",
};

const INPUT = { 0: "gone", 3: "stuck", 4: "zeros", 5: "rate" }; // what is wrong with it; 1 is fine, 2 silent

export class Live {
  constructor(link, controls) {
    this.link = link;
    this.controls = controls;
    this.engine = 0;
    this.visible = true;
    this.beats = new BeatClock();
    this.lamps = new Lamps(find("lamps"));
    this.circumplex = new Circumplex(find("circumplex"));
    this.curves = new Curves(find("curves"));
    this.labels = ""; // that have a row
    this.history = []; // {t, valence, arousal, label}
    this.changed = true;
    this.advice = new LevelAdvice(find("advice"));
    link.on("now", (engine, number) => number === this.engine && this.take(engine));
    link.on("beat", (beat, number) => number === this.engine && this.receiveBeat(beat));
    link.on("log", (entry, number) => number === this.engine && this.addEntry(entry));
    setInterval(() => this.visible && !document.hidden && this.draw(), 250);
    addEventListener("resize", () => this.draw());
  }

  get state() {
    return this.link.engines[this.engine];
  }

  /** Another engine, or a new connection: begin with what is true now. */
  begin() {
    const state = this.state;
    if (!state) return;
    this.history = state.history.map(([t, valence, arousal, label]) => ({ t, valence, arousal, label }));
    find("log").firstElementChild.replaceChildren();
    for (const entry of state.log) this.addEntry(entry);
    this.take(state);
    this.draw();
  }

  take(state) {
    this.beats.follow(state.clock);
    this.changed = true;
    const { "mood/valence": valence, "mood/arousal": arousal, "mood/label": label } = state.values;
    const t = this.link.serverTime();
    const last = this.history.at(-1);
    if (state.present && arousal !== undefined && (!last || t - last.t > 0.45 || label !== last.label)) {
      this.history.push({ t, valence, arousal, label: this.label(state.values) });
      while (this.history[0].t < t - HISTORY) this.history.shift();
    }
  }

  /** The mood by name; where the engine sends no names, by its number in the order of the labels. */
  label(values) {
    return values["mood/label"] ?? labelsOf(values)[values["mood/index"]] ?? "";
  }

  receiveBeat(beat) {
    this.beats.beat(beat.t, beat.number);
    setText(find("count"), String(beat.count || "–"));
  }

  frame(time) {
    const beat = this.beats.advance(this.link.serverTime(time) + AHEAD);
    if (!this.visible) return;
    if (beat) this.lamps.light(beat.number);
    if (this.changed) this.show();
  }

  show() {
    this.changed = false;
    const state = this.state;
    if (!state) return;
    this.showState();
    this.showTempo(state.values);
    this.showMood(state.values);
    this.showSong(state.values);
    this.showInput(state.values);
    this.controls.showInForce(state.values);
  }

  showState() {
    const state = this.state;
    let name = "listening";
    if (!this.link.connected) name = "cut";
    else if (!state?.present) name = state && Object.keys(state.values).length ? "lost" : "waiting";
    else if (INPUT[state.values["status/input"]]) name = INPUT[state.values["status/input"]];
    else if (state.values["status/signal"] === 0) name = "silent";
    const element = find("state");
    element.dataset.state = name;
    const waits = name === "waiting" ? ` on port ${state?.port ?? "–"}` : name === "lost" ? `, waiting on port ${state.port}` : "";
    setText(element, name === "cut" && this.link.reason ? `Not connected: ${this.link.reason}` : STATES[name] + waits);
    document.body.classList.toggle("stale", name === "cut" || name === "lost" || name === "waiting");
  }

  showTempo(values) {
    setText(find("bpm"), values.bpm ? values.bpm.toFixed(1) : "–");
    const locked = values["beat/locked"];
    find("bpm").dataset.locked = locked ? "yes" : "no";
    const byHand = values["control/tempo"] > 0;
    const lock = find("lock");
    lock.dataset.locked = byHand ? "hand" : locked ? "yes" : "no";
    setText(lock, locked === undefined ? "–" : byHand ? "by hand" : locked ? "locked" : "searching");
    find("auto").setAttribute("aria-pressed", !byHand);
    fill(find("confidence"), values["beat/confidence"]);
    const meter = values["beat/meter"];
    this.lamps.show(meter);
    setText(find("bar"), meter ? [meter, number(100 * values["beat/bar"], 0, "%")].join(" · ").replace(" · –", "") : "–");
  }

  showSong(values) {
    const kind = values["section/kind"];
    const words = kind === undefined || values["section/index"] === 0 ? ["–"] : [SECTIONS[kind], `bar ${values["section/bars"] + 1}`];
    if (values["phrase/countin"] > 0) words.push(`${values["phrase/countin"]} to the next`);
    if (values.key >= 0) words.push(KEYS[values["key/minor"] ? 1 : 0][values.key]);
    setText(find("section"), words.join(" · "));
    find("section").dataset.kind = kind ?? "";
    for (const name of ["energy", "buildup"]) fill(find(name), values[name]);
  }

  showMood(values) {
    const label = this.label(values);
    const labels = labelsOf(values);
    const colour = colourOf(label, this.link.colors);
    const unmusical = values.music === 0;
    document.querySelector(".card.mood").classList.toggle("unmusical", unmusical);
    setText(find("label"), label || (unmusical ? "no music" : "–"));
    find("label").style.setProperty("--letters", Math.max(5, label.length));
    document.documentElement.style.setProperty("--mood", label ? colour : "#e8ecf1");
    for (const name of ["valence", "arousal"]) setText(find(name), signed(values[`mood/${name}`]));
    const list = find("probabilities");
    if (this.labels !== labels.join("/")) {
      this.labels = labels.join("/");
      list.replaceChildren(...labels.map((name, i) => row(name, colourOf(name, this.link.colors), i)));
    }
    labels.forEach((name, i) => {
      const probability = values[`mood/${name}`];
      fill(list.children[i].querySelector(".fill"), probability);
      setText(list.children[i].querySelector(".number"), `${Math.round(100 * probability)} %`);
    });
  }

  showInput(values) {
    for (const bar of document.querySelectorAll("[data-level]")) {
      const name = bar.dataset.level;
      const value = values[name === "brightness" ? name : `level/${name}`];
      if (bar.classList.contains("mark")) {
        bar.hidden = value === undefined;
        bar.style.left = `${100 * (value ?? 0)}%`;
      }
      else fill(bar, value);
    }
    setText(find("dbfs"), decibels(values["level/rms"]));
    this.advice.take(values);
    find("clip").hidden = !(values["level/clipping"] > 0);
    setText(find("latency"), duration(values["status/latency"]));
    setText(find("lost"), values["status/lost"]?.toLocaleString() ?? "–");
    setText(find("load"), number(100 * values["status/load"], 0, "%"));
    setText(find("gain"), number(values["input/gain"], 1, "dB"));
    find("lost").classList.toggle("bad", values["status/lost"] > 0);
    find("latency").classList.toggle("bad", values["status/latency"] > 20);
    find("load").classList.toggle("bad", values["status/load"] > 0.8);
  }

  /** What moves slowly. */
  draw() {
    const state = this.state;
    const values = state?.values ?? {};
    const now = this.link.serverTime();
    const colour = (label) => colourOf(label, this.link.colors);
    this.circumplex.draw(this.history, now, css(blend(values.music === 0 ? {} : moodsOf(values), this.link.colors)));
    this.curves.draw(this.history, now, HISTORY, labelsOf(values), colour);
    this.describe(values);
  }

  /** What the canvases show, in words. */
  describe(values) {
    const { "mood/valence": valence, "mood/arousal": arousal } = values;
    const known = valence !== undefined && arousal !== undefined;
    const now = values.music === 0 ? "no music" : known ? `valence ${signed(valence, 1)}, arousal ${signed(arousal, 1)}` : "no mood yet";
    describe(find("circumplex"), `Valence and arousal: ${now}`);
    const shares = new Map();
    for (const { label } of this.history) if (label) shares.set(label, (shares.get(label) ?? 0) + 1 / this.history.length);
    const moods = [...shares].sort(([, a], [, b]) => b - a).map(([label, share]) => `${label} ${Math.round(10 * share) * 10} %`);
    describe(find("curves"), `The last five minutes: ${moods.join(", ") || "no mood yet"}; now ${now}`);
  }

  addEntry(entry) {
    const list = find("log").firstElementChild;
    const time = new Date(1000 * entry.at);
    const text = make("span", { text: entry.text });
    const item = make(
      "li",
      { "data-kind": entry.kind },
      make("time", { text: time.toLocaleTimeString([], { hour12: false }), datetime: time.toISOString() }),
      text,
    );
    if (entry.kind === "mood") text.style.color = colourOf(entry.text, this.link.colors);
    list.prepend(item);
    while (list.childElementCount > ENTRIES) list.lastElementChild.remove();
  }
}

const fill = (element, share) => {
  element.style.clipPath = `inset(0 ${(100 * (1 - Math.min(1, Math.max(0, share || 0)))).toFixed(1)}% 0 0)`;
};

const duration = (ms) => (ms >= 1000 ? number(ms / 1000, 1, "s") : number(ms, 1, "ms"));

const decibels = (level) => {
  if (level === undefined) return "–";
  return level > 0 ? `${(FLOOR * (1 - level)).toFixed(1)} dB`.replace("-", "−") : `< −${-FLOOR} dB`;
};

const number = (value, digits, unit) =>
  Number.isFinite(value) ? `${value.toFixed(digits)} ${unit}`.trim().replace("-", "−") : "–";

const signed = (value, digits = 2) => (value > 0 ? "+" : "") + number(value, digits, "");

function row(label, colour, index) {
  const bar = make("span", { class: "fill" });
  bar.style.background = colour;
  const button = make("button", { type: "button", text: label, "data-mood": label, "aria-pressed": "false", title: `Send ${label}, whatever the music is` });
  button.style.setProperty("--own", colour);
  const dd = make("dd", {}, make("span", { class: "track" }, bar), make("span", { class: "number" }));
  const swatch = make("canvas", { width: 12, height: 16, class: "swatch", "aria-hidden": "true" });
  paintSwatch(swatch, colour, index);
  button.prepend(swatch);
  return make("div", {}, make("dt", {}, button), dd);
}

