// The nodes of the stage: where they are, how they move, and how they are painted.
//
// On software rendering a 2D canvas needs 9 ms of processor time a frame for all of this at 1280 × 720, WebGL through
// SwiftShader 24 ms (Chromium 156, two cores); so it is a 2D canvas, with glowing discs painted beforehand.

import { bytes } from "./colours.js";

export const NODES = 350;
const BEAT_SHARE = 3; // every third node shows the mood of the beat, the others the prevailing one
const SPRING = 22; // 1/s², pulls a node home
const DAMPING = 3.4; // 1/s
const REACH = 0.42; // of the height, how far a beat pushes
const FORCE = 2.4; // heights a second, next to the point that pushes
const WANDER = 0.018; // of the height, how far home itself moves
const SPRITE = 64; // pixels
const GLOW = 0.35; // s in which the flash of a beat falls to a third
const LINKS = 2; // nearest neighbours that a node is joined to
const STEP = 1 / 120; // s, longest step of the motion

/** A random number generator, so that a seed gives the same stage. */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A glowing disc, painted again only when its colour changes. */
class Sprite {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.canvas.width = this.canvas.height = SPRITE;
    this.colour = "";
  }

  of(linear) {
    const colour = bytes(linear).join(" ");
    if (colour === this.colour) return this.canvas;
    this.colour = colour;
    const context = this.canvas.getContext("2d");
    const half = SPRITE / 2;
    const glow = context.createRadialGradient(half, half, 0, half, half, half);
    glow.addColorStop(0, `rgb(${bytes(linear.map((part) => part + 0.35 * (1 - part))).join(" ")})`);
    glow.addColorStop(0.42, `rgb(${colour})`);
    glow.addColorStop(0.5, `rgb(${colour} / 0.45)`);
    glow.addColorStop(1, `rgb(${colour} / 0)`);
    context.clearRect(0, 0, SPRITE, SPRITE);
    context.fillStyle = glow;
    context.fillRect(0, 0, SPRITE, SPRITE);
    return this.canvas;
  }
}

export class Field {
  constructor(aspect = 16 / 9, seed = 7) {
    this.random = random(seed);
    this.homeX = new Float32Array(NODES);
    this.homeY = new Float32Array(NODES);
    this.x = new Float32Array(NODES);
    this.y = new Float32Array(NODES);
    this.vx = new Float32Array(NODES);
    this.vy = new Float32Array(NODES);
    this.turn = new Float32Array(NODES);
    this.size = new Float32Array(NODES);
    this.flash = new Float32Array(NODES);
    this.time = 0;
    this.level = 0; // 0..1, how loud it is
    this.prevailing = [0.2, 0.2, 0.25];
    this.beat = [0.2, 0.2, 0.25];
    this.sprites = [new Sprite(), new Sprite()];
    this.spread(aspect);
  }

  /** Give every node a home; the field is 1 high and `aspect` wide. */
  spread(aspect) {
    this.aspect = aspect;
    const rows = Math.max(1, Math.round(Math.sqrt(NODES / aspect)));
    for (let i = 0; i < NODES; i++) {
      const row = Math.floor((i * rows) / NODES);
      const first = Math.ceil((row * NODES) / rows);
      const inRow = Math.ceil(((row + 1) * NODES) / rows) - first;
      this.homeX[i] = (aspect * (i - first + 0.5 + 0.8 * (this.random() - 0.5))) / inRow;
      this.homeY[i] = (row + 0.5 + 0.8 * (this.random() - 0.5)) / rows;
      this.turn[i] = 2 * Math.PI * this.random();
      this.size[i] = 0.55 + 0.45 * this.random() ** 2;
    }
    this.x.set(this.homeX);
    this.y.set(this.homeY);
    this.vx.fill(0);
    this.vy.fill(0);
    this.links = this.neighbours();
  }

  neighbours() {
    const links = new Set();
    for (let i = 0; i < NODES; i++) {
      const others = [...this.homeX.keys()].filter((j) => j !== i);
      const far = (j) => (this.homeX[i] - this.homeX[j]) ** 2 + (this.homeY[i] - this.homeY[j]) ** 2;
      others.sort((a, b) => far(a) - far(b));
      for (const j of others.slice(0, LINKS)) links.add(Math.min(i, j) * NODES + Math.max(i, j));
    }
    return Uint16Array.from([...links].flatMap((link) => [Math.floor(link / NODES), link % NODES]));
  }

  /** A beat: a random node pushes its neighbours away, with or without a flash; `strength` 0..1. */
  push(strength = 1, flash = true) {
    const centre = Math.floor(this.random() * NODES);
    const cx = this.x[centre];
    const cy = this.y[centre];
    const force = FORCE * (0.5 + 0.5 * strength);
    for (let i = 0; i < NODES; i++) {
      const dx = this.x[i] - cx;
      const dy = this.y[i] - cy;
      const far = Math.hypot(dx, dy);
      if (far >= REACH || i === centre) continue;
      const push = (force * (1 - far / REACH) ** 2) / Math.max(far, 0.02);
      this.vx[i] += push * dx;
      this.vy[i] += push * dy;
      if (flash) this.flash[i] = Math.max(this.flash[i], 1 - far / REACH);
    }
    if (flash) this.flash[centre] = 1;
  }

  /** Let `seconds` pass. */
  move(seconds) {
    const total = Math.min(seconds, 0.1);
    const steps = Math.max(1, Math.ceil(total / STEP));
    for (let step = 0; step < steps; step++) this.step(total / steps);
    const fade = Math.exp(-total / GLOW);
    for (let i = 0; i < NODES; i++) this.flash[i] *= fade;
  }

  step(dt) {
    this.time += dt;
    const calm = Math.exp(-DAMPING * dt);
    for (let i = 0; i < NODES; i++) {
      const angle = this.turn[i] + 0.35 * this.time;
      const hx = this.homeX[i] + WANDER * Math.cos(angle);
      const hy = this.homeY[i] + WANDER * Math.sin(1.3 * angle);
      this.vx[i] = (this.vx[i] + SPRING * (hx - this.x[i]) * dt) * calm;
      this.vy[i] = (this.vy[i] + SPRING * (hy - this.y[i]) * dt) * calm;
      this.x[i] += this.vx[i] * dt;
      this.y[i] += this.vy[i] * dt;
    }
  }

  /** Paint onto a 2D context that is `width` × `height` pixels. */
  paint(context, width, height) {
    context.globalCompositeOperation = "source-over";
    context.globalAlpha = 1;
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    this.paintLinks(context, height);
    const sprites = [this.sprites[0].of(this.prevailing), this.sprites[1].of(this.beat)];
    const unit = 0.062 * height;
    for (let i = 0; i < NODES; i++) {
      const size = unit * this.size[i] * (0.6 + 0.3 * this.level + 0.7 * this.flash[i]);
      context.globalAlpha = Math.min(1, 0.7 + 0.2 * this.level + 0.5 * this.flash[i]);
      const sprite = sprites[i % BEAT_SHARE === 0 ? 1 : 0];
      context.drawImage(sprite, this.x[i] * height - size / 2, this.y[i] * height - size / 2, size, size);
    }
    context.globalAlpha = 1;
  }

  paintLinks(context, height) {
    const [r, g, b] = bytes(this.prevailing);
    context.strokeStyle = `rgb(${r} ${g} ${b} / 0.24)`;
    context.lineWidth = 1;
    context.beginPath();
    for (let k = 0; k < this.links.length; k += 2) {
      const i = this.links[k];
      const j = this.links[k + 1];
      context.moveTo(this.x[i] * height, this.y[i] * height);
      context.lineTo(this.x[j] * height, this.y[j] * height);
    }
    context.stroke();
  }
}
