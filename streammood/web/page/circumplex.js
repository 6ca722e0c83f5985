// Valence across, arousal up: where the mood is, and the way that it came.

import { sharp } from "./dom.js";

const TRAIL = 60; // s
const BESIDE = 90; // pixels beside the circle in which the words have room
const DIM = "#9aa4b2";

export class Circumplex {
  constructor(canvas) {
    this.canvas = canvas;
  }

  /** `history` of {t, valence, arousal}; times in s. */
  draw(history, now, colour) {
    const paper = sharp(this.canvas);
    if (!paper) return;
    const { context: c, width, height } = paper;
    const radius = Math.min(width / 2 - 8, height / 2 - 20);
    const [x0, y0] = [width / 2, height / 2];
    const x = (valence) => x0 + radius * valence;
    const y = (arousal) => y0 - radius * arousal;
    axes(c, x0, y0, radius);
    const trail = history.filter((point) => point.t > now - TRAIL);
    c.lineWidth = 2.5;
    c.lineCap = "round";
    c.strokeStyle = colour;
    for (let i = 1; i < trail.length; i++) {
      c.globalAlpha = 0.75 * Math.max(0, 1 - (now - trail[i].t) / TRAIL);
      c.beginPath();
      c.moveTo(x(trail[i - 1].valence), y(trail[i - 1].arousal));
      c.lineTo(x(trail[i].valence), y(trail[i].arousal));
      c.stroke();
    }
    c.globalAlpha = 1;
    const last = history.at(-1);
    if (last && now - last.t < TRAIL) dot(c, x(last.valence), y(last.arousal), colour);
  }
}

function axes(c, x0, y0, radius) {
  c.lineWidth = 1;
  c.strokeStyle = "#2b323d";
  c.beginPath();
  c.arc(x0, y0, radius, 0, 2 * Math.PI);
  c.moveTo(x0 + radius / 2, y0);
  c.arc(x0, y0, radius / 2, 0, 2 * Math.PI);
  c.moveTo(x0 - radius, y0);
  c.lineTo(x0 + radius, y0);
  c.moveTo(x0, y0 - radius);
  c.lineTo(x0, y0 + radius);
  c.stroke();
  c.fillStyle = DIM;
  c.font = '500 12px Inter, "Segoe UI", system-ui, sans-serif';
  c.textBaseline = "middle";
  c.textAlign = "center";
  c.fillText("energetic", x0, y0 - radius - 11);
  c.fillText("quiet", x0, y0 + radius + 11);
  const beside = x0 - radius > BESIDE;
  c.textAlign = beside ? "right" : "left";
  c.fillText("unpleasant", x0 - radius + (beside ? -9 : 6), y0 - (beside ? 0 : 9));
  c.textAlign = beside ? "left" : "right";
  c.fillText("pleasant", x0 + radius - (beside ? -9 : 6), y0 - (beside ? 0 : 9));
}

function dot(c, x, y, colour) {
  c.fillStyle = colour;
  c.globalAlpha = 0.25;
  c.beginPath();
  c.arc(x, y, 17, 0, 2 * Math.PI);
  c.fill();
  c.globalAlpha = 1;
  c.beginPath();
  c.arc(x, y, 8, 0, 2 * Math.PI);
  c.fill();
  c.lineWidth = 2;
  c.strokeStyle = "#fff";
  c.stroke();
}
