// A song that plays: sound, stage, beat lamps and a timeline, all by the time of the sound.

import { AHEAD, SongBeats } from "./beats.js";
import { colourOf } from "./colours.js";
import { clock, describe, find, make, setText } from "./dom.js";
import { Lamps } from "./lamps.js";
import { Outline } from "./outline.js";
import { paintSwatch } from "./ribbon.js";
import { Scene } from "./scene.js";
import { toast } from "./toasts.js";

const LARGEST = 1920; // pixels of width that are painted; larger screens are scaled up
const STRIDE = 5; // s, what an arrow key moves
const TYPES = {
  ...{ wav: "audio/wav", flac: "audio/flac", ogg: "audio/ogg", oga: "audio/ogg", opus: "audio/ogg", mp3: "audio/mpeg" },
  ...{ m4a: "audio/mp4", m4b: "audio/mp4", mp4: "audio/mp4", m4v: "audio/mp4", aac: "audio/aac", webm: "audio/webm" },
};

export class Player {
  constructor(link) {
    this.link = link;
    this.song = null;
    this.audio = find("audio");
    this.canvas = find("song-stage");
    this.scene = new Scene(this.canvas);
    this.lamps = new Lamps(find("song-lamps"));
    this.outline = new Outline(find("outline"));
    this.timeline = find("timeline");
    this.listen();
  }

  listen() {
    find("play").addEventListener("click", () => this.toggle());
    this.audio.addEventListener("play", () => this.showPlaying());
    this.audio.addEventListener("pause", () => this.showPlaying());
    this.audio.addEventListener("error", () => this.convert());
    find("song-full").addEventListener("click", () => this.full());
    find("screen").addEventListener("dblclick", () => this.full());
    document.addEventListener("fullscreenchange", () => this.fit());
    addEventListener("resize", () => {
      this.fit();
      if (this.song) this.outline.draw();
    });
    const downloads = find("downloads");
    document.addEventListener("click", (event) => event.target.closest("summary") || (downloads.open = false));
    downloads.addEventListener("keydown", (event) => event.key === "Escape" && (downloads.open = false));
    this.timeline.addEventListener("pointerdown", (event) => this.grab(event));
    this.timeline.addEventListener("pointermove", (event) => this.timeline.hasPointerCapture(event.pointerId) && this.drag(event));
    this.timeline.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("keydown", (event) => {
      if (event.key !== " " || find("songs").hidden || !this.song || event.target.closest("button, a, input, summary")) return;
      event.preventDefault();
      this.toggle();
    });
  }

  open(id, song, playing) {
    this.id = id;
    this.song = song;
    this.beats = new SongBeats(song.beats);
    this.converted = false;
    this.second = undefined; // that the clock shows
    find("player").hidden = false;
    this.fit();
    this.showSong();
    const kind = TYPES[song.input.split(".").pop().toLowerCase()];
    const plays = kind && this.audio.canPlayType(kind) !== "";
    this.load(plays ? "" : "?as=wav");
    this.outline.show(song, (label) => colourOf(label, this.link.colors));
    describe(this.canvas, `Stage view of this song: ${song.mood?.label ?? "no mood"}`);
    if (song.mood) this.scene.prevail(song.mood.probabilities, this.link.colors);
    if (playing) this.audio.play().catch(() => {});
  }

  close() {
    this.song = null;
    this.audio.pause();
    this.audio.removeAttribute("src");
    find("player").hidden = true;
  }

  load(query) {
    this.converted = query !== "";
    this.audio.src = `songs/${this.id}/sound${query}`;
  }

  /** This browser cannot play the file as it is: have it as WAV; where that cannot be had either, say why. */
  async convert() {
    if (!this.song || !this.audio.hasAttribute("src")) return;
    if (!this.converted) {
      this.load("?as=wav");
      return;
    }
    const answer = await fetch(this.audio.src, { headers: { Range: "bytes=0-0" } }).catch(() => null);
    const why = answer && !answer.ok ? `: ${(await answer.text()).trim()}` : "";
    toast(`This song cannot be played here${why}`, true);
  }

  showSong() {
    const { song } = this;
    find("h-song").textContent = song.input;
    const label = find("song-mood");
    label.textContent = song.mood?.label ?? "no mood";
    label.style.color = colourOf(song.mood?.label, this.link.colors);
    setText(find("song-bpm"), song.bpm ? `${song.bpm.toFixed(1)} BPM` : "–");
    setText(find("song-length"), clock(song.duration) + (song.damage ? " (damaged)" : ""));
    setText(find("song-beats"), String(song.beats.length));
    setText(find("song-now"), "–");
    find("song-now").style.color = "";
    this.showShares();
    find("download").href = `songs/${this.id}/result`;
    for (const link of document.querySelectorAll("[data-download]")) link.href = `songs/${this.id}/download/${link.dataset.download}`;
    this.timeline.setAttribute("aria-valuemax", Math.round(song.duration));
    this.showPlaying();
  }

  /** How much of each mood the whole song has. */
  showShares() {
    const shares = Object.entries(this.song.mood?.probabilities ?? {});
    const parts = shares.map(([label, share]) => {
      const part = make("span");
      part.style.cssText = `width: ${100 * share}%; background: ${colourOf(label, this.link.colors)}`;
      return part;
    });
    const words = shares.map(([label, share]) => {
      const swatch = make("canvas", { width: 12, height: 12, class: "swatch", "aria-hidden": "true" });
      paintSwatch(swatch, colourOf(label, this.link.colors), this.song.labels.indexOf(label));
      return make("li", {}, swatch, `${label} ${Math.round(100 * share)} %`);
    });
    find("song-stack").replaceChildren(...parts);
    find("song-shares").replaceChildren(...words);
  }

  showPlaying() {
    const button = find("play");
    setText(button, this.audio.paused ? "▶" : "❚❚");
    button.setAttribute("aria-label", this.audio.paused ? "Play" : "Pause");
  }

  toggle() {
    if (this.audio.paused) this.audio.play().catch(() => {});
    else this.audio.pause();
  }

  full() {
    if (document.fullscreenElement) document.exitFullscreen();
    else find("screen").requestFullscreen?.();
  }

  fit() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !height) return;
    const scale = Math.min(window.devicePixelRatio || 1, LARGEST / width);
    this.scene.resize(Math.round(width * scale), Math.round(height * scale));
  }

  grab(event) {
    this.timeline.setPointerCapture(event.pointerId);
    this.drag(event);
  }

  drag(event) {
    const box = this.timeline.getBoundingClientRect();
    this.seek(((event.clientX - box.left) / box.width) * this.song.duration);
  }

  key(event) {
    const { currentTime } = this.audio;
    const to = { ArrowLeft: currentTime - STRIDE, ArrowRight: currentTime + STRIDE, Home: 0, End: this.song.duration }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.seek(to);
  }

  seek(seconds) {
    this.audio.currentTime = Math.min(Math.max(0, seconds), this.song.duration - 0.05);
  }

  frame(time) {
    if (!this.song) return;
    const now = this.audio.currentTime;
    const seen = now + (this.audio.paused ? 0 : AHEAD);
    const beat = this.beats.advance(seen);
    if (beat && !this.audio.paused) this.strike(beat, seen);
    this.scene.level = this.audio.paused ? 0 : this.outline.level(now);
    this.scene.frame(time);
    find("playhead").style.left = `${(100 * now) / this.song.duration}%`;
    const whole = Math.floor(now);
    if (whole === this.second) return;
    this.second = whole;
    setText(find("clock"), clock(now));
    setText(find("song-left"), `of ${clock(this.song.duration)}`);
    this.timeline.setAttribute("aria-valuenow", whole);
    this.timeline.setAttribute("aria-valuetext", `${clock(now)} of ${clock(this.song.duration)}`);
  }

  strike(beat, seen) {
    const mood = beat.mood ?? this.song.mood;
    if (mood) {
      this.scene.beat(mood.probabilities, this.link.colors, beat.number === 1 ? 1 : 0.7, beat.time);
      const label = find("song-now");
      setText(label, mood.label);
      label.style.color = colourOf(mood.label, this.link.colors);
      find("song-lamps").style.setProperty("--mood", colourOf(mood.label, this.link.colors));
    } else this.scene.push(0.7, beat.time);
    this.lamps.show(this.beats.meters[this.beats.index]);
    this.lamps.light(beat.number);
    this.canvas.dispatchEvent(new CustomEvent("beat", { detail: { time: beat.time, seen } }));
  }
}
