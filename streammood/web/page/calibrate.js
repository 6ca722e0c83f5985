// The offset of a target, found by hand: tap along with what is heard, then with what is seen; the difference is its delay.

import { find, setText } from "./dom.js";
import { toast } from "./toasts.js";

const ENOUGH = 8; // taps of each kind
const UNEVEN = 40; // ms by which a mean may be uncertain
const CLICK = 0.03; // s
const AHEAD = 0.1; // s by which clicks are planned
const LEAST = -200; // ms …
const MOST = 1000; // … that an offset may be

/** Circular mean and spread, in s, of `errors` against beats that are `period` s apart. */
export function meanError(errors, period) {
  const turn = (2 * Math.PI) / period;
  const x = errors.reduce((sum, error) => sum + Math.cos(turn * error), 0) / errors.length;
  const y = errors.reduce((sum, error) => sum + Math.sin(turn * error), 0) / errors.length;
  const length = Math.min(1, Math.hypot(x, y));
  return { mean: Math.atan2(y, x) / turn, spread: Math.sqrt(-2 * Math.log(Math.max(1e-9, length))) / turn };
}

/** From one mean to another, the short way round. */
export function delay(heard, seen, period) {
  const off = seen - heard;
  return off - period * Math.round(off / period);
}

export class Calibration {
  /** `clock` gives the beats of the engine now, `save` is given the name of a target and its new offset in ms. */
  constructor(link, clock, save) {
    Object.assign(this, { link, clock, save, taps: { heard: [], seen: [] } });
    this.dialog = find("calibrate");
    for (const kind of ["heard", "seen"]) {
      const button = find(`tap-${kind}`);
      button.addEventListener("pointerdown", (event) => this.tap(kind, event.timeStamp));
      button.addEventListener("click", (event) => event.detail === 0 && this.tap(kind, event.timeStamp));
    }
    find("calibrate-again").addEventListener("click", () => this.begin());
    find("calibrate-save").addEventListener("click", () => this.finish());
    find("calibrate-close").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("close", () => this.sound?.suspend());
    find("calibrate-click").addEventListener("change", () => this.plan());
  }

  open(name, offset) {
    Object.assign(this, { name, offset });
    setText(find("h-calibrate"), `Calibrate ${name}`);
    this.begin();
    this.dialog.showModal();
    this.plan();
  }

  begin() {
    this.taps = { heard: [], seen: [] };
    this.show();
  }

  tap(kind, timeStamp) {
    const clock = this.clock();
    if (!clock) {
      toast("No beat is known yet: play music, or start with --input demo", true);
      return;
    }
    const beats = (this.link.serverTime(timeStamp) - clock.anchor) / clock.period;
    this.taps[kind].push((beats - Math.round(beats)) * clock.period);
    this.show();
  }

  /** What the taps come to; null while there are too few. */
  get result() {
    const clock = this.clock();
    const { heard, seen } = this.taps;
    if (!clock || heard.length < ENOUGH || seen.length < ENOUGH) return null;
    const [one, two] = [meanError(heard, clock.period), meanError(seen, clock.period)];
    const late = Math.round(1000 * delay(one.mean, two.mean, clock.period));
    const spread = Math.round(1000 * Math.hypot(one.spread / Math.sqrt(heard.length), two.spread / Math.sqrt(seen.length)));
    return { late, spread, offset: Math.min(MOST, Math.max(LEAST, Math.round(this.offset - late))) };
  }

  show() {
    for (const kind of ["heard", "seen"]) setText(find(`count-${kind}`), `${Math.min(ENOUGH, this.taps[kind].length)} of ${ENOUGH}`);
    const { result } = this;
    const uneven = result && result.spread > UNEVEN ? " Your taps were uneven: tap again." : "";
    find("calibrate-save").disabled = !result || uneven !== "";
    const words = result && `What is seen is ${Math.abs(result.late)} ms ${result.late < 0 ? "early" : "late"} (± ${result.spread}). New offset: ${result.offset} ms.${uneven}`;
    setText(find("calibrate-result"), words ?? `Offset now: ${this.offset} ms.`);
  }

  finish() {
    const { result } = this;
    if (!result) return;
    this.save(this.name, result.offset);
    this.dialog.close();
  }

  /** Clicks on the beats to come, and a flash, while the dialog is open and they are wanted. */
  plan() {
    if (!this.dialog.open) return;
    const clock = this.clock();
    const wanted = find("calibrate-click").checked;
    if (wanted && !this.sound) this.sound = new AudioContext();
    if (wanted) this.sound.resume();
    if (clock) {
      const now = this.link.serverTime();
      const next = clock.anchor + Math.ceil((now - clock.anchor) / clock.period) * clock.period;
      if (next - now < AHEAD && next - (this.planned ?? 0) > clock.period / 2) {
        this.planned = next;
        if (wanted) this.click(this.sound.currentTime + next - now);
        setTimeout(() => this.flash(), 1000 * (next - now));
      }
    }
    setTimeout(() => this.plan(), 20);
  }

  click(at) {
    const tone = new OscillatorNode(this.sound, { frequency: 1500 });
    tone.connect(this.sound.destination);
    tone.start(at);
    tone.stop(at + CLICK);
  }

  flash() {
    const lamp = find("calibrate-flash");
    lamp.toggleAttribute("data-lit", true);
    setTimeout(() => lamp.toggleAttribute("data-lit", false), 100);
  }
}
