// Valence and arousal over the last minutes, and below them a ribbon of moods.

import { sharp } from "./dom.js";
import { paintRibbon } from "./ribbon.js";

export const VALENCE = "#5eead4";
export const AROUSAL = "#f0abfc";
const RIBBON = 16; // pixels
const LEFT = 26;
const BOTTOM = 20;
const GAP = 3; // s between two points over which no line is drawn

export class Curves {
  constructor(canvas) {
    this.canvas = canvas;
  }

  /** `history` of {t, valence, arousal, label} over the last `span` s; `labels` in the order of the model. */
  draw(history, now, span, labels, colour) {
    const paper = sharp(this.canvas);
    if (!paper) return;
    const { context: c, width, height } = paper;
    const floor = height - BOTTOM - RIBBON - 4;
    const x = (t) => LEFT + (width - LEFT) * (1 - (now - t) / span);
    const y = (value) => 6 + (floor - 6) * (0.5 - 0.5 * value);
    grid(c, width, height, x, y, now, span);
    const parts = history.flatMap((point, i) => {
      const end = Math.min(history[i + 1]?.t ?? now, point.t + GAP);
      return point.label && x(end) > LEFT ? [{ from: Math.max(LEFT, x(point.t)), to: x(end), label: point.label }] : [];
    });
    paintRibbon(c, parts, floor + 4, RIBBON, labels, colour);
    line(c, history, x, y, "valence", VALENCE);
    line(c, history, x, y, "arousal", AROUSAL);
  }
}

function grid(c, width, height, x, y, now, span) {
  c.font = '500 12px Inter, "Segoe UI", system-ui, sans-serif';
  c.fillStyle = "#9aa4b2";
  c.strokeStyle = "#222831";
  c.lineWidth = 1;
  c.textBaseline = "middle";
  c.textAlign = "right";
  c.beginPath();
  for (const value of [-1, 0, 1]) {
    const at = Math.round(y(value)) + 0.5;
    c.moveTo(LEFT, at);
    c.lineTo(width, at);
    c.fillText(value > 0 ? "+1" : String(value).replace("-", "−"), LEFT - 6, Math.min(at, height - 8));
  }
  c.stroke();
  c.textBaseline = "bottom";
  for (let minutes = 0; minutes < span / 60; minutes++) {
    c.textAlign = minutes ? "center" : "right";
    c.fillText(minutes ? `−${minutes} min` : "now", minutes ? x(now - 60 * minutes) : width, height);
  }
}

function line(c, history, x, y, name, colour) {
  c.strokeStyle = colour;
  c.lineWidth = 2;
  c.lineJoin = "round";
  c.beginPath();
  history.forEach((point, i) => {
    const joined = i > 0 && point.t - history[i - 1].t < GAP;
    c[joined ? "lineTo" : "moveTo"](Math.max(LEFT, x(point.t)), y(point[name]));
  });
  c.stroke();
}
