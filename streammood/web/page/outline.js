// The timeline of a song: its outline in the moods of its beats, bars, and the curves of valence and arousal.

import { AROUSAL, VALENCE } from "./curves.js";
import { sharp } from "./dom.js";
import { paintRibbon } from "./ribbon.js";

const RIBBON = 16; // pixels

export class Outline {
  constructor(canvas) {
    this.canvas = canvas;
    this.song = null;
  }

  show(song, colour) {
    this.song = song;
    this.colour = colour;
    this.draw();
  }

  /** How loud the song is at `time`, 0..1. */
  level(time) {
    const { outline, duration } = this.song;
    return outline[Math.floor((time / duration) * outline.length)] ?? 0;
  }

  draw() {
    const paper = sharp(this.canvas);
    if (!paper) return;
    const { context: c, width, height } = paper;
    const { song } = this;
    const floor = height - RIBBON - 4;
    const x = (time) => (width * time) / song.duration;
    this.fillOutline(c, width, floor, song);
    c.fillStyle = "rgb(255 255 255 / 0.28)";
    for (const beat of song.beats) if (beat.number === 1) c.fillRect(Math.round(x(beat.time)), 0, 1, floor);
    const parts = song.beats.flatMap((beat, i) => {
      const end = song.beats[i + 1]?.time ?? song.duration;
      return beat.mood ? [{ from: x(beat.time), to: x(end), label: beat.mood.label }] : [];
    });
    paintRibbon(c, parts, floor + 4, RIBBON, song.labels, this.colour);
    for (const [name, colour] of [["valence", VALENCE], ["arousal", AROUSAL]]) {
      c.strokeStyle = colour;
      c.lineWidth = 2;
      c.lineJoin = "round";
      c.beginPath();
      for (const { time, mood } of song.moods) c.lineTo(x(time), floor * (0.5 - 0.5 * mood[name]));
      c.stroke();
    }
  }

  fillOutline(c, width, floor, song) {
    const { outline } = song;
    const loudest = Math.max(0.05, ...outline);
    let beat = -1;
    c.globalAlpha = 0.5;
    for (let px = 0; px < width; px += 2) {
      const from = Math.floor((px / width) * outline.length);
      const to = Math.max(from + 1, Math.floor(((px + 2) / width) * outline.length));
      let peak = 0;
      for (let i = from; i < to; i++) peak = Math.max(peak, outline[i] ?? 0);
      while (song.beats[beat + 1]?.time <= (px / width) * song.duration) beat++;
      c.fillStyle = this.colour((song.beats[beat] ?? song.beats[0])?.mood?.label);
      const half = (0.46 * floor * peak) / loudest;
      c.fillRect(px, floor / 2 - half, 1.4, 2 * half);
    }
    c.globalAlpha = 1;
  }
}
